"""From classes at pixels to objects, each with its probability of being dead."""

from __future__ import annotations

import numpy as np
import pytest

from fatescope.base import SettingsError
from fatescope.models import PixelClasses
from fatescope.predict.decoders.classes import NO_CLASS, decode_classes, divide_pieces

OUTPUT = PixelClasses(
    channels=("background", "live", "dead"), live="live", dead="dead", min_area_px=5
)


def disc(shape, y, x, r):
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(yy - y, xx - x) < r


def maps_of(shape, cells):
    """Return maps; cells are (y, x, radius, probability of being dead)."""
    maps = np.zeros((3, *shape), np.uint8)
    maps[0] = 255
    for y, x, r, p in cells:
        inside = disc(shape, y, x, r)
        maps[0][inside] = 0
        maps[2][inside] = round(255 * p)
        maps[1][inside] = 255 - round(255 * p)
    return maps


def test_each_nucleus_is_an_object_with_its_probability():
    found = decode_classes(maps_of((40, 60), [(10, 10, 5, 0.2), (25, 40, 6, 0.8)]), OUTPUT)
    assert found.labels.max() == 2
    assert found.p_dead == pytest.approx([0.2, 0.8], abs=0.01)
    assert found.score == pytest.approx([1, 1])
    assert found.classes[10, 10] == 1
    assert found.classes[25, 40] == 2
    assert found.classes[0, 0] == 0


def test_touching_nuclei_are_two_and_a_long_one_is_one():
    touching = disc((40, 60), 20, 20, 8) | disc((40, 60), 20, 33, 8)
    assert divide_pieces(touching, apart_px=8).max() == 2
    yy, xx = np.mgrid[:40, :60]
    long = ((yy - 20) / 5) ** 2 + ((xx - 30) / 11) ** 2 < 1
    assert divide_pieces(long, apart_px=8).max() == 1


def test_a_piece_of_live_and_dead_pixels_is_what_most_of_it_is():
    maps = maps_of((40, 40), [(20, 20, 8, 0.0)])
    stripe = maps[1][20:23].copy()
    maps[1][20:23], maps[2][20:23] = 0, stripe
    found = decode_classes(maps, OUTPUT)
    assert found.labels.max() == 1
    assert 0.1 < found.p_dead[0] < 0.45


def test_small_pieces_are_dropped_and_numbers_have_no_gaps():
    cells = [(5, 5, 1.2, 0), (20, 20, 5, 0), (35, 5, 1.2, 0), (35, 35, 5, 0)]
    found = decode_classes(maps_of((45, 45), cells), OUTPUT.replace(min_area_px=30))
    assert np.unique(found.labels).tolist() == [0, 1, 2]
    assert found.labels[20, 20] == 1


def test_nothing_gives_no_objects():
    found = decode_classes(maps_of((20, 30), []), OUTPUT)
    assert found.labels.shape == (20, 30)
    assert not found.labels.any()
    assert len(found.p_dead) == len(found.score) == 0


def test_pixels_of_which_nobody_is_sure_have_no_class():
    maps = np.full((3, 8, 8), 85, np.uint8)
    assert (decode_classes(maps, OUTPUT.replace(least_p=0.5)).classes == NO_CLASS).all()
    assert (decode_classes(maps, OUTPUT).classes == 0).all()


def test_classes_that_are_none_of_the_channels_are_refused():
    with pytest.raises(SettingsError, match="none of the channels"):
        PixelClasses.from_values({"channels": ("a", "b"), "live": "a", "dead": "c"})
    with pytest.raises(SettingsError, match="two classes"):
        PixelClasses.from_values({"channels": ("a", "b"), "live": "a"})
