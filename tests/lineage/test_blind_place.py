import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.lineage.blind_place import blind_place, centred_um, count_clock, mean_embryo
from fatescope.lineage.body_axes import body_axes
from fatescope.lineage.compact import (
    COMPACT_NAMES,
    aligned_features,
    compact_classes,
    compact_labels,
    published_features,
)
from fatescope.simulate import LineagePlan, simulate_lineage


@pytest.fixture(scope="module")
def reference():
    plans = [LineagePlan(minutes=120, pose=i % 4) for i in range(4)]
    return mean_embryo([simulate_lineage(p, seed=i) for i, p in enumerate(plans)])


@pytest.mark.parametrize("pose", range(4))
def test_an_embryo_is_laid_right_without_its_names(reference, pose):
    embryo = simulate_lineage(LineagePlan(minutes=120, pose=pose, interval_min=1.0), seed=50)
    true = centred_um(embryo) @ body_axes(embryo).rotation.T
    embryo.name[:] = ""
    place, residual = blind_place(embryo, reference)
    assert np.linalg.norm(place - true, axis=1).mean() < 3.0
    assert residual < 4.0


def test_the_clock_counts_doublings_whatever_the_interval_is():
    clocks = []
    for interval in (0.75, 1.5):
        plan = LineagePlan(minutes=90, interval_min=interval, cycle_spread=0.0, pace_spread=0.0)
        embryo = simulate_lineage(plan, seed=4)
        clock = count_clock(embryo, smooth_min=3.0)
        at = np.abs(embryo.frame * interval - 60) < 0.5
        clocks.append(clock[at].mean())
    assert clocks[0] == pytest.approx(clocks[1], abs=0.15)


def test_an_embryo_of_few_stages_is_refused(reference):
    early = simulate_lineage(LineagePlan(minutes=25), seed=1)
    with pytest.raises(InputError, match=r"passes only \d of the stages"):
        blind_place(early, reference)


def test_the_label_set_is_the_32_published_names():
    assert len(COMPACT_NAMES) == len(set(COMPACT_NAMES)) == 32
    names = np.array(["ABala", "AB", "EMS", "Z2", "Nuc1", "", "Ealp"], dtype=object)
    got = [COMPACT_NAMES[i] if i >= 0 else None for i in compact_labels(names)]
    assert got == ["ABa", None, "EMS", "Z2", None, None, "Eal"]


def test_two_letters_give_the_17_names_of_the_later_run():
    names = compact_classes(2)
    assert len(names) == 17
    labels = compact_labels(np.array(["ABala", "AB", "EMS", "P1", "Ealp"], dtype=object), letters=2)
    assert [names[i] if i >= 0 else None for i in labels] == ["AB", "AB", "EM", None, "Ea"]


def test_features_are_raw_as_published_and_know_no_name_when_aligned(reference):
    embryo = simulate_lineage(LineagePlan(minutes=100), seed=60)
    raw = published_features(embryo, ("x", "y", "z", "time", "size"))
    assert raw[0].tolist() == [
        embryo.position[0, 2] + 1,
        embryo.position[0, 1] + 1,
        embryo.position[0, 0] + 1,
        embryo.frame[0] + 1,
        2 * embryo.radius_px[0],
    ]
    np.testing.assert_array_equal(published_features(embryo, ("size", "x")), raw[:, [4, 0]])
    aligned, _ = aligned_features(embryo, reference)
    embryo.name[:] = "Nuc1"
    np.testing.assert_array_equal(aligned_features(embryo, reference)[0], aligned)
