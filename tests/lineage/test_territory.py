import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.lineage.body_axes import body_axes
from fatescope.lineage.territory import measure_territories
from fatescope.simulate import LineagePlan, simulate_lineage

HOW = {"cube_um": 3.0, "blur_um": 0.0, "n_deals": 10}


def clouds(apart, seed=0):
    """Two groups of 200 tracks of 5 rows, so far apart along x."""
    rng = np.random.default_rng(seed)
    places = rng.normal(0, 5, (2000, 3))
    places[1000:, 0] += apart
    return places, np.repeat(np.arange(400), 5), ["a"] * 200 + ["b"] * 200


def test_groups_that_never_meet_overlap_not_at_all_and_by_chance_they_would():
    found = measure_territories(*clouds(100.0), ["a", "b"], **HOW, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(found.own, [0.0, 0.0])
    np.testing.assert_array_equal(found.pairs, np.eye(2))
    assert (found.chance > 0.5).all()


def test_groups_spread_alike_overlap_as_chance_says():
    found = measure_territories(*clouds(0.0), ["a", "b"], **HOW, rng=np.random.default_rng(1))
    np.testing.assert_allclose(found.own, found.chance, atol=0.08)


def test_an_absent_group_is_unknown_and_no_position_is_an_error():
    places, track, groups = clouds(3.0)
    found = measure_territories(
        places, track, groups, ["a", "z"], **HOW, rng=np.random.default_rng(1)
    )
    assert np.isnan(found.own[1])
    with pytest.raises(InputError, match="no nucleus has a position"):
        measure_territories(
            places * np.nan, track, groups, ["a"], **HOW, rng=np.random.default_rng(1)
        )


@pytest.mark.parametrize("pose", range(4))
def test_body_axes_do_not_depend_on_how_the_embryo_lies(pose):
    lying = simulate_lineage(LineagePlan(minutes=110, pose=pose), seed=3)
    upright = simulate_lineage(LineagePlan(minutes=110, pose=0), seed=3)
    ours, theirs = (body_axes(e).apply(e.position_um()) for e in (lying, upright))
    np.testing.assert_allclose(ours, theirs, atol=0.6)  # pixels and planes are rounded
    assert np.linalg.det(body_axes(lying).rotation) == pytest.approx(1.0)


def test_without_names_the_axes_of_the_recording_stay():
    lineage = simulate_lineage(LineagePlan(minutes=60), seed=3)
    lineage.name[:] = ""
    axes = body_axes(lineage)
    assert not axes.from_names
    np.testing.assert_array_equal(axes.rotation, np.eye(3))
