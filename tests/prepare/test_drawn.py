"""Outlines drawn by hand become labels."""

import numpy as np
import pytest
from matplotlib.path import Path as Shape

from fatescope.base import InputError
from fatescope.prepare import fill_outlines

SQUARE = [(1, 1), (1, 4), (3, 4), (3, 1)]


def test_a_square_has_the_pixels_whose_centres_it_holds():
    labels = fill_outlines([SQUARE], (5, 6))
    assert labels.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 1, 0],
        [0, 0, 0, 0, 0, 0],
    ]


def test_the_direction_of_drawing_does_not_matter():
    assert np.array_equal(fill_outlines([SQUARE], (5, 6)), fill_outlines([SQUARE[::-1]], (5, 6)))


def test_agrees_with_matplotlib_away_from_the_line():
    rng = np.random.default_rng(0)
    angle = np.sort(rng.random(12)) * 2 * np.pi
    radius = rng.uniform(8, 18, 12)
    corners = np.stack([20 + radius * np.sin(angle), 22 + radius * np.cos(angle)], axis=1) + 0.013
    theirs = Shape(corners).contains_points(np.indices((40, 44)).reshape(2, -1).T).reshape(40, 44)
    assert np.array_equal(fill_outlines([corners.tolist()], (40, 44)) > 0, theirs)


def test_where_two_overlap_the_first_keeps_its_pixels():
    labels = fill_outlines([SQUARE, [(y, x + 2) for y, x in SQUARE]], (5, 8))
    assert labels[2].tolist() == [0, 1, 1, 1, 1, 2, 2, 0]


def test_what_leaves_the_image_is_cut_off():
    labels = fill_outlines([[(-5, -5), (-5, 2), (2, 2), (2, -5)]], (4, 4))
    assert labels.sum() == 9
    assert labels[0, 0] == 1


def test_nothing_drawn_is_background():
    assert not fill_outlines([], (3, 3)).any()


@pytest.mark.parametrize(
    ("outlines", "said"),
    [
        ([SQUARE, SQUARE[:2]], "outline 2 must have three corners"),
        ([[(1, 1, 1)] * 3], "outline 1 must have three corners"),
        ([SQUARE, SQUARE], "outline 2 holds no pixel"),
        ([[(9, 9), (9, 12), (12, 9)]], "outline 1 holds no pixel"),
        ([[(0, 0), (0, float("nan")), (2, 2)]], "no number"),
    ],
)
def test_what_is_no_outline_is_named(outlines, said):
    with pytest.raises(InputError, match=said):
        fill_outlines(outlines, (5, 6))
