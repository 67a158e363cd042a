"""An embryo that the border of the frames cuts, as bright discs in level frames."""

import numpy as np
import pytest

from fatescope.systems.populations.inference import CUT, border_share


def frames_of(*discs, shape=(100, 160)):
    """Return level frames in which each disc (y, x, radius) is light, grained like nuclei."""
    rng = np.random.default_rng(0)
    y, x = np.indices(shape)
    light = sum(np.hypot(y - cy, (x - cx) / 1.5) < r for cy, cx, r in discs)
    return [(np.minimum(light, 1) * rng.uniform(0.4, 1, shape)).astype(np.float32) for _ in "abc"]


def test_an_embryo_inside_the_frame_is_whole_also_where_it_is_near_the_edge():
    assert border_share(frames_of((50, 80, 35))) == 0
    assert border_share(frames_of((41, 80, 35))) < CUT / 2


@pytest.mark.parametrize("place", [(15, 80), (85, 80), (50, 10), (50, 150)])
def test_an_embryo_that_any_side_cuts_is_seen(place):
    assert border_share(frames_of((*place, 35))) > CUT


def test_a_neighbour_that_the_border_cuts_does_not_count():
    whole, cut = (50, 70, 30), (95, 155, 22)
    assert border_share(frames_of(cut)) > CUT
    assert border_share(frames_of(whole, cut)) == 0


def test_frames_that_show_nothing_are_not_cut():
    assert border_share([]) == 0
    assert border_share([np.zeros((32, 48), np.float32)]) == 0
