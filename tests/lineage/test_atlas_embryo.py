import numpy as np
import pytest
from scipy.spatial import cKDTree

from fatescope.base.sulston import mother_of
from fatescope.lineage.atlas_embryo import draw_embryo
from fatescope.systems.lineages.reading import open_atlas

PLAN = {
    "minutes": 110.0,
    "interval_min": 1.0,
    "pace": 1.0,
    "spread": 1.0,
    "spacing_um": (1.0, 0.1, 0.1),
}


def test_the_drawn_embryo_has_as_many_cells_as_real_ones():
    drawn = draw_embryo(open_atlas(), **PLAN, seed=1)
    count = np.bincount(drawn.frame)
    assert count[0] == 2
    assert 24 <= count[75] <= 30
    assert (np.diff(count) >= 0).all()


def test_daughters_have_the_mothers_that_their_names_say():
    drawn = draw_embryo(open_atlas(), **PLAN, seed=2)
    parent = drawn.parent
    begins = [i for i in np.flatnonzero(parent >= 0) if drawn.name[i] != drawn.name[parent[i]]]
    assert len(begins) > 40
    assert all(mother_of(drawn.name[i]) == drawn.name[parent[i]] for i in begins)


def test_nuclei_stay_apart_and_move_little_between_frames():
    drawn = draw_embryo(open_atlas(), **PLAN, seed=3)
    um = drawn.position_um()
    for frame in (40, 80, 105):
        near = cKDTree(um[drawn.frame == frame]).query(um[drawn.frame == frame], k=2)[0][:, 1]
        assert near.min() > 2.0
    linked = np.flatnonzero(drawn.parent >= 0)
    step = np.linalg.norm(um[linked] - um[drawn.parent[linked]], axis=1)
    assert np.percentile(step, 99) < 3.5


def test_the_same_seed_gives_the_same_embryo_and_another_seed_another():
    one, same, other = (draw_embryo(open_atlas(), **PLAN, seed=s) for s in (4, 4, 5))
    np.testing.assert_array_equal(one.position, same.position)
    assert len(one) != len(other) or (one.position != other.position).any()


def test_pace_stretches_time():
    slow = draw_embryo(open_atlas(), **{**PLAN, "pace": 1.5}, seed=1)
    usual = draw_embryo(open_atlas(), **PLAN, seed=1)
    assert np.bincount(slow.frame)[100] < 0.8 * np.bincount(usual.frame)[100]


@pytest.mark.parametrize("seed", range(4))
def test_the_embryo_is_pressed_along_z_and_longest_along_x(seed):
    extent = np.ptp(draw_embryo(open_atlas(), **PLAN, seed=seed).position_um(), axis=0)
    assert extent[0] < extent[1] < extent[2]
