import re

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.pages import colour_of, outline_paths, outline_pixels, paint_outlines


def _corners(path):
    """Read a path back: closed pieces as lists of (x, y) in half pixels."""
    pieces, start = [], (0, 0)
    for piece in path.removeprefix("m").removesuffix("z").split("zm"):
        numbers = [int(n) for n in re.findall(r"-?\d+", piece)]
        moves = list(zip(numbers[::2], numbers[1::2], strict=True))
        x, y = start[0] + moves[0][0], start[1] + moves[0][1]
        start = (x, y)
        points = [start]
        for dx, dy in moves[1:]:
            x, y = x + dx, y + dy
            points.append((x, y))
        pieces.append(points)
    return pieces


def _signed_area(points):
    x, y = np.array(points, dtype=float).T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2 / 4)


def test_one_pixel_is_a_diamond_around_its_middle():
    (piece,) = _corners(outline_paths(np.array([[0, 0], [0, 5]]))[5])
    assert piece == [(3, 2), (4, 3), (3, 4), (2, 3)]


def test_the_area_inside_is_that_of_the_object_less_its_cut_corners():
    labels = np.zeros((9, 12), int)
    labels[2:7, 3:10] = 4
    (piece,) = _corners(outline_paths(labels)[4])
    # Each of the four corners loses half of a half by half pixel.
    assert _signed_area(piece) == 5 * 7 - 4 * 0.125


def test_a_hole_is_a_second_piece_walked_the_other_way():
    labels = np.ones((7, 7), int)
    labels[3, 3] = 0
    outer, inner = _corners(outline_paths(labels)[1])
    assert _signed_area(outer) > 0 > _signed_area(inner)
    assert inner == [(7, 6), (6, 7), (7, 8), (8, 7)]


def test_every_label_gets_its_own_path_in_rising_order():
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 9, (40, 50))
    paths = outline_paths(labels)
    assert list(paths) == sorted(set(labels.ravel().tolist()) - {0})
    for label, path in paths.items():
        area = sum(_signed_area(p) for p in _corners(path))
        assert abs(area - (labels == label).sum()) <= (labels == label).sum() / 2


def test_an_empty_image_has_no_outlines():
    assert outline_paths(np.zeros((5, 5), np.uint8)) == {}


def test_agrees_with_marching_squares_of_scikit_image():
    from skimage.measure import find_contours

    y, x = np.ogrid[:40, :40]
    labels = (((y - 20) / 11) ** 2 + ((x - 18) / 8) ** 2 <= 1).astype(int)
    (piece,) = _corners(outline_paths(labels)[1])
    (oracle,) = find_contours(labels.astype(float), 0.5)
    ours = {(a / 2 - 0.5, b / 2 - 0.5) for b, a in piece}
    theirs = {(float(a), float(b)) for a, b in oracle}
    assert ours <= theirs


def test_boolean_images_are_refused_with_what_to_do():
    with pytest.raises(InputError, match="connected components"):
        outline_paths(np.ones((3, 3), bool))


def test_outline_pixels_lie_in_objects_where_another_label_begins():
    labels = np.array([[1, 1, 2], [1, 1, 2], [1, 1, 2]])
    assert outline_pixels(labels).tolist() == [[False, True, True]] * 3


def test_the_marked_object_is_magenta_and_its_neighbours_are_green():
    labels = np.array([[1, 1, 0, 2, 2]] * 3)
    rgb = paint_outlines(np.full((3, 5), 40, np.uint8), labels, marked=2)
    assert rgb[1, 1].tolist() == [0, 230, 118]
    assert rgb[1, 3].tolist() == [255, 64, 255]
    assert rgb[1, 2].tolist() == [40, 40, 40]


def test_a_number_keeps_its_colour():
    assert colour_of(3) == colour_of(9) != colour_of(4)
