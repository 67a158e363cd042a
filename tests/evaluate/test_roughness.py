import math

import numpy as np
import pytest
from scipy import ndimage as ndi

from fatescope.evaluate import boundary_roughness


def disc(radius: float, side: int = 96) -> np.ndarray:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return y**2 + x**2 < radius**2


def test_a_comb_of_teeth_is_rougher_than_a_straight_edge():
    straight = np.zeros((60, 60), bool)
    straight[:, 30:] = True
    teeth = straight.copy()
    teeth[::2, 28:30] = True
    assert boundary_roughness(straight) == 0
    # Every second row reaches 2 px further, so the smoothed edge runs 1 px out: 60 px are moved,
    # over an outline of 60 crossings.
    assert boundary_roughness(teeth) == pytest.approx(60 / (math.pi / 4 * 60), rel=0.05)


def test_a_smooth_disc_has_next_to_none_and_noise_along_its_edge_adds_some():
    assert boundary_roughness(disc(20)) < 2.0**2 / (2 * 20) + 0.05
    rng = np.random.default_rng(0)
    near = ndi.distance_transform_edt(disc(20)) + ndi.distance_transform_edt(~disc(20)) < 3
    rough = disc(20) ^ (near & (rng.random(near.shape) < 0.3))
    assert boundary_roughness(rough) > 0.5


def test_rotating_and_flipping_change_nothing():
    rng = np.random.default_rng(1)
    shape = ndi.gaussian_filter(rng.normal(size=(50, 70)), 3) > 0
    value = boundary_roughness(shape)
    assert boundary_roughness(shape[::-1].T) == pytest.approx(value)


@pytest.mark.parametrize("value", [False, True])
def test_without_an_outline_there_is_no_number(value):
    assert math.isnan(boundary_roughness(np.full((20, 20), value)))
