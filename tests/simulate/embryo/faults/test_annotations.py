import numpy as np
import pytest

from fatescope.base import InputError, Table
from fatescope.simulate.embryo.faults import add_table_faults

CELLS = ("ABal", "ABar", "ABpl", "MSa", "MSp", "Ea", "Ca", "D", "P4", "ABpr")
TIMES = np.arange(1, 61)


def table() -> Table:
    """Ten cells in sixty frames; x and y beyond eight bits."""
    n = len(CELLS)
    return Table(
        {
            "cell": np.array(list(CELLS) * len(TIMES), dtype=object),
            "time": np.repeat(TIMES, n),
            "x": np.tile(np.arange(n) * 50 + 30, len(TIMES)),
            "y": np.tile(np.arange(n) * 40 + 20, len(TIMES)),
        }
    )


def faulty(rule: str, strength: float = 1.0) -> tuple[Table, np.ndarray, np.ndarray]:
    """The table with one fault, the number of rows by time, and the frames that are named."""
    got, faults = add_table_faults(table(), (rule,), frames=60, strength=strength, seed=4)
    assert set(faults["rule"]) == {rule}
    return got, np.bincount(got["time"], minlength=62)[1:], faults["frame"]


def test_a_cliff_ends_most_cells_from_its_frame_on():
    _, count, frames = faulty("cliff")
    (first,) = frames
    assert (count[:first] == 10).all()
    assert count[first] < 7
    assert (count[first:60] == count[first]).all()


@pytest.mark.parametrize("rule", ["vanished", "fall"])
def test_rows_are_missing_in_the_named_frames_and_no_others(rule):
    _, count, frames = faulty(rule)
    np.testing.assert_array_equal(np.flatnonzero(count[:60] < 10), frames)


def test_what_vanishes_is_a_whole_letter():
    got, _, frames = faulty("vanished")
    here = {str(c)[0] for c in got["cell"][got["time"] == frames[0] + 1]}
    assert len({c[0] for c in CELLS} - here) == 1


@pytest.mark.parametrize("rule", ["rise", "duplicate-row"])
def test_rows_are_too_many_in_the_named_frames_and_no_others(rule):
    _, count, frames = faulty(rule)
    np.testing.assert_array_equal(np.flatnonzero(count[:60] > 10), frames)


def test_a_rise_brings_cells_of_no_mother():
    got, _, frames = faulty("rise")
    new = set(got["cell"][got["time"] == frames[0] + 1]) - set(CELLS)
    assert new
    assert all(n.startswith("Nuc") for n in new)


def test_a_stretched_table_ends_later():
    got, _, frames = faulty("stretched")
    assert got["time"].max() > 65
    assert frames.tolist() == [0]


def test_rows_after_the_end_lie_beyond_the_movie():
    got, _, frames = faulty("after-end")
    assert frames.tolist() == [60]
    assert (got["time"] > 60).sum() >= 50


def test_wrapped_positions_fit_into_eight_bits():
    got, count, frames = faulty("wrapped")
    here = np.isin(got["time"] - 1, frames)
    assert got["x"][here].max() < 256
    assert got["x"][~here].max() > 256
    assert (count[:60] == 10).all()


def test_no_rule_changes_nothing():
    got, faults = add_table_faults(table(), (), frames=60, strength=1.0, seed=1)
    assert len(faults) == 0
    np.testing.assert_array_equal(got["x"], table()["x"])


def test_a_table_of_few_frames_is_refused():
    short = table().rows(table()["time"] < 9)
    with pytest.raises(InputError, match="no room for faults"):
        add_table_faults(short, ("cliff",), frames=9, strength=1.0, seed=1)
