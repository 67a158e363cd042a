"""From classes at pixels to objects, each with its probability of being dead."""

from __future__ import annotations

import numpy as np
import pytest

from fatescope.base import SettingsError
from fatescope.models import PixelClasses
from fatescope.predict.decoders.classes import NO_CLASS, decode_classes
from fatescope.predict.decoders.discs import divide_pieces

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


def test_pixels_of_touching_nuclei_go_to_the_disc_they_lie_deepest_in():
    a, b = disc((50, 70), 24, 20, 8), disc((50, 70), 24, 36, 9)
    labels = divide_pieces(a | b, apart_px=8)
    yy, xx = np.mgrid[:50, :70]
    nearer = np.where(np.hypot(yy - 24, xx - 20) - 8 < np.hypot(yy - 24, xx - 36) - 9, 1, 2)
    assert labels.max() == 2
    first = labels[24, 20]
    same = np.where(nearer == 1, first, 3 - first) == labels
    assert same[a | b].mean() > 0.97
    assert not labels[~(a | b)].any()


def test_how_a_piece_is_divided_does_not_depend_on_other_pieces():
    shapes, rng = [], np.random.default_rng(4)
    for _ in range(40):
        tile = np.zeros((48, 48), bool)
        for y, x, r in zip(*rng.uniform(14, 34, (2, 3)), rng.uniform(4, 8, 3), strict=True):
            tile |= disc(tile.shape, y, x, r)
        shapes.append(tile)
    together = divide_pieces(np.block([shapes[i : i + 8] for i in range(0, 40, 8)]), apart_px=5)
    parts = 0
    for i, tile in enumerate(shapes):
        y, x = 48 * (i // 8), 48 * (i % 8)
        mine, alone = together[y : y + 48, x : x + 48], divide_pieces(tile, apart_px=5)
        pairs = np.unique(np.stack([mine.ravel(), alone.ravel()]), axis=1)
        assert pairs.shape[1] == len(np.unique(mine)) == len(np.unique(alone))
        parts += alone.max()
    assert parts > 60


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
