"""Transmitted light made even: exposure, shade and offset of the optics leave no trace."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from tests.predict.live_dead import draw_cells

from fatescope.predict import LevelledPlane
from fatescope.predict.level import BLOCK_PX

CELLS = [(40, 60, False), (90, 130, True), (130, 200, False), (60, 180, True)]
WHOLE = (slice(None), slice(None))


def test_light_that_falls_towards_the_corners_becomes_even():
    plane = draw_cells((300, 400), [], shade=0.5)
    level = LevelledPlane(plane)[WHOLE]
    blocks = [level[y : y + 20, x : x + 20].mean() for y in (0, 140, 280) for x in (0, 190, 380)]
    assert np.ptp(plane[::20, ::20]) > 800
    assert np.ptp(blocks) < 0.015


def test_exposure_changes_nothing():
    plane = draw_cells((200, 260), CELLS).astype(np.float64)
    dark, bright = LevelledPlane(plane * 0.3), LevelledPlane(plane * 7)
    np.testing.assert_allclose(dark[WHOLE], bright[WHOLE], atol=1e-5)
    assert dark.contrast.unit == pytest.approx(bright.contrast.unit, rel=1e-4)


def test_a_pixel_is_the_same_whatever_block_it_is_read_in():
    plane = LevelledPlane(draw_cells((210, 333), CELLS))
    whole = plane[WHOLE]
    for rows, columns in ((slice(0, 64), slice(0, 64)), (slice(37, 199), slice(101, 333))):
        assert np.array_equal(plane[rows, columns], whole[rows, columns])


def test_an_empty_field_is_noise_and_cells_are_not():
    empty = LevelledPlane(draw_cells((200, 260), [])).contrast
    some = LevelledPlane(draw_cells((200, 260), CELLS)).contrast
    assert empty.shows_nothing
    assert not some.shows_nothing
    assert some.cells == pytest.approx(0.3, abs=0.04)
    assert empty.noise == pytest.approx(some.noise, rel=0.05)
    # Noise is never stretched to the range of cells.
    assert empty.noise / empty.unit < 0.1


@pytest.mark.parametrize(
    "plane",
    [
        np.zeros((80, 90), np.uint16),
        np.full((80, 90), 65535, np.uint16),
        np.full((70, 70), np.nan),
        np.zeros((1, 1), np.uint8),
        np.ones((3, 200), bool),
    ],
    ids=["black", "saturated", "not finite", "one pixel", "boolean"],
)
def test_a_plane_without_anything_shows_nothing(plane):
    levelled = LevelledPlane(plane)
    assert levelled.contrast.shows_nothing
    assert np.isfinite(levelled[WHOLE]).all()


def test_pixels_that_are_no_numbers_count_as_background():
    plane = draw_cells((200, 260), CELLS).astype(np.float32)
    plane[10:20, 10:20] = np.nan
    levelled = LevelledPlane(plane)
    assert levelled.contrast.n_not_finite == 100
    assert (levelled[WHOLE][10:20, 10:20] == 0).all()


def test_a_stripe_of_a_block_or_less_is_levelled_too():
    plane = draw_cells((BLOCK_PX // 2, 300), [(16, 100, False)])
    assert not LevelledPlane(plane).contrast.shows_nothing


def test_sharpness_is_that_of_edges_and_not_of_light_contrast_or_number():
    few, many = draw_cells((210, 333), CELLS[:3]), draw_cells((210, 333), CELLS)
    usual = LevelledPlane(many).sharpness
    assert LevelledPlane(few).sharpness == pytest.approx(usual, rel=0.25)
    assert LevelledPlane(many * 7).sharpness == pytest.approx(usual, rel=1e-3)
    blurred = ndimage.gaussian_filter(many.astype(np.float32), 7)
    blurred += np.random.default_rng(0).normal(0, LevelledPlane(many).contrast.noise, many.shape)
    assert LevelledPlane(blurred).sharpness < 0.5 * usual
    assert np.isnan(LevelledPlane(draw_cells((210, 333), [])).sharpness)
