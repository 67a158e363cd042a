"""How ridges lie as lines: what encloses cells, and what only looks as bright."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.draw import circle_perimeter, line

from fatescope.models import check_traits, find_package, read_package
from fatescope.systems.membranes.cells.lines import measure_lines
from fatescope.systems.membranes.findings import traits_of_plane

STEP = (0.25, 0.25)


def drawn(values, rng):
    return gaussian_filter(values, 1.2) * 200 + rng.normal(20, 2, values.shape)


def walls(rng):
    """A round embryo of nine cells with walls between them, all of one strength."""
    y, x = np.mgrid[:280, :280]
    points = np.array([(70 + 70 * i, 70 + 70 * j) for i in range(3) for j in range(3)])
    points = points + rng.uniform(-15, 15, points.shape)
    away = np.sort(np.hypot(y[..., None] - points[:, 0], x[..., None] - points[:, 1]), axis=-1)
    inside = np.hypot(y - 140, x - 140)
    wall = (away[..., 1] - away[..., 0] < 5) & (inside < 115)
    return drawn((wall | (abs(inside - 115) < 3)) * 1.0, rng)


def rings(rng):
    values = np.zeros((280, 280))
    for row in range(25, 280, 46):
        for column in range(25, 280, 46):
            for radius in (14, 15, 16):
                values[circle_perimeter(row, column, radius)] = 1
    return drawn(values, rng)


def needles(rng):
    values = np.zeros((280, 280))
    for _ in range(40):
        ends = rng.integers(2, 278, 4)
        rows, columns = line(*ends)
        for shift in (0, 1):
            values[rows + shift, columns] = rng.uniform(0.2, 1)
    return drawn(values, rng)


def test_rings_and_needles_enclose_more_than_the_walls_of_an_embryo_and_rings_have_no_ends():
    rng = np.random.default_rng(0)
    wall, ring, needle = (measure_lines(f(rng), STEP) for f in (walls, rings, needles))

    assert wall["lines_regions"] < ring["lines_regions"] < needle["lines_regions"]
    assert ring["lines_open"] > wall["lines_open"]
    assert ring["lines_uneven"] < wall["lines_uneven"] < needle["lines_uneven"]
    assert ring["lines_end"] == 0.0 > wall["lines_end"]


def test_a_plane_with_hardly_a_line_has_no_lines():
    assert measure_lines(np.full((64, 64), 7.0), STEP) == {}
    assert measure_lines(np.random.default_rng(0).normal(10, 1, (20, 20)), (5.0, 5.0)) == {}


@pytest.mark.parametrize("kind", [rings, needles])
def test_the_shipped_weights_say_that_it_is_no_membrane(kind):
    model = read_package(find_package("membrane")).description
    traits, _ = traits_of_plane(kind(np.random.default_rng(1)), STEP, model)
    assert check_traits(traits, model)
