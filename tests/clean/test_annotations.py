import re
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from fatescope.base import Table
from fatescope.clean import AnnotationSettings, find_count_faults, find_position_faults
from fatescope.simulate.embryo.faults import add_table_faults
from fatescope.simulate.embryo.settings import FrameRule, TableRule

PAGE = Path(__file__).parents[2] / "docs" / "cleaning.md"

MOVIE = 140
LIMITS = AnnotationSettings()


def table_of_an_embryo(frames=110):
    """Return a CD table: cells of six letters that double again and again, each on its way."""
    rng = np.random.default_rng(5)
    rows = []
    for letter, first, n in (("A", 0, 4), ("M", 0, 3), ("E", 0, 1), ("C", 10, 2), ("D", 30, 2)):
        for cell in range(n * 16):
            born = first + 0 if cell < n else first + 8 + 70 * np.log2(cell / n + 1) / 5
            place = rng.uniform(20, 480, 2)
            for t in range(int(born), frames):
                rows.append((f"{letter}{cell:03d}", t + 1, *(place + rng.normal(0, 1, 2))))
    cell, time, x, y = zip(*rows, strict=True)
    columns = {"cell": np.array(cell, dtype=object), "time": np.array(time)}
    return Table({**columns, "x": np.rint(x).astype(int), "y": np.rint(y).astype(int)})


def found_in(table, n_frames=MOVIE):
    position = np.stack([table["y"], table["x"]], axis=1).astype(float)
    faults = find_position_faults(
        table["time"] - 1, table["cell"], position, limits=LIMITS, n_frames=n_frames
    )
    return {(f.frame, f.rule) for f in faults}


def test_a_table_without_faults_has_no_findings():
    assert found_in(table_of_an_embryo()) == set()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(
    "rule", ["cliff", "vanished", "rise", "fall", "stretched", "duplicate-row", "wrapped"]
)
def test_every_fault_of_a_table_is_found_where_it_is(rule, seed):
    faulty, truth = add_table_faults(
        table_of_an_embryo(), [rule], frames=MOVIE, strength=1.0, seed=seed
    )
    assert found_in(faulty, n_frames=300) == set(
        zip(truth["frame"].tolist(), truth["rule"].tolist(), strict=True)
    )


@pytest.mark.parametrize("n_frames", [MOVIE, None])
def test_rows_after_the_end_are_found_with_the_movie_and_without_it(n_frames):
    table = table_of_an_embryo()
    faulty, _ = add_table_faults(table, ["after-end"], frames=MOVIE, strength=1.0, seed=1)
    assert found_in(faulty, n_frames=n_frames) == {(MOVIE, "after-end")}


def test_counts_that_went_through_eight_bits_are_found():
    total = np.round(np.linspace(200, 300, 60))
    faults = find_count_faults(np.arange(60), {"A": total % 256}, total=total % 256, limits=LIMITS)
    assert [(f.rule, f.object) for f in faults] == [("wrapped", "A")]
    assert total[faults[0].frame] >= 256


def test_a_frame_that_a_table_of_counts_holds_twice_is_found():
    frame = np.array([*range(30), 12])
    count = np.full(31, 8.0)
    faults = find_count_faults(frame, {"A": count}, total=count, limits=LIMITS)
    assert [(f.frame, f.rule) for f in faults] == [(12, "duplicate-row")]


def test_unknown_is_not_zero():
    count = np.linspace(4, 40, 60)
    count[20:30] = np.nan
    assert find_count_faults(np.arange(60), {"A": count}, total=count, limits=LIMITS) == []


def test_a_group_that_has_no_cell_for_a_while_after_a_cliff_is_no_finding_of_its_own():
    count = np.concatenate([np.full(40, 30.0), np.full(40, 8.0)])
    few = np.concatenate([np.full(60, 2.0), np.zeros(6), np.full(14, 1.0)])
    total = count + few
    faults = find_count_faults(np.arange(80), {"A": count, "M": few}, total=total, limits=LIMITS)
    assert [(f.frame, f.rule) for f in faults] == [(40, "cliff")]


def test_a_group_that_is_most_of_what_is_followed_after_a_cliff_can_vanish():
    many = np.concatenate([np.full(40, 30.0), np.full(40, 7.0)])
    most = np.full(80, 20.0)
    most[60:66] = 0
    total = many + most
    faults = find_count_faults(np.arange(80), {"A": many, "C": most}, total=total, limits=LIMITS)
    assert [(f.frame, f.rule) for f in faults] == [
        (40, "cliff"),
        *((t, "vanished") for t in range(60, 66)),
    ]


def test_the_page_has_a_row_for_each_rule_of_cleaning():
    rules = get_args(FrameRule) + get_args(TableRule)
    rows = re.findall(r"^\| (`.*?`) \|(.*)\|(.*)\|(.*)\|$", PAGE.read_text(), re.MULTILINE)
    said = {name: parts for head, *parts in rows for name in re.findall(r"`([\w-]+)`", head)}
    assert set(rules) <= set(said)
    assert all(part.strip() for rule in rules for part in said[rule])
