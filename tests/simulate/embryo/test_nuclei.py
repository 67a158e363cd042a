import numpy as np
import pytest
from scipy import ndimage as ndi
from tests.simulate.embryo.test_moments import lives

from fatescope.simulate.embryo.nuclei import (
    Bodies,
    draw_nuclear_labels,
    draw_nuclear_light,
    nuclear_bodies,
)
from fatescope.simulate.embryo.shell import Grid

GRID = Grid(shape=(40, 64, 64), spacing_um=(0.25, 0.1, 0.1))
BLUR = (0.6, 0.2, 0.2)


def ball(half: tuple[float, float, float], centre: tuple[float, float, float]) -> Bodies:
    return Bodies(
        centre_um=np.array([centre]),
        shape=np.diag(np.square(half))[None],
        density=np.ones(1),
    )


def light_of(bodies: Bodies) -> np.ndarray:
    light = np.zeros(GRID.shape, dtype=np.float32)
    draw_nuclear_light(
        light,
        bodies,
        np.ones(len(bodies.density)),
        grid=GRID,
        blur_um=BLUR,
        texture=np.zeros((1, 1, 1), np.float32),
        texture_at=np.zeros((len(bodies.density), 3), int),
        texture_strength=0.0,
    )
    return light


def inside(half: tuple[float, float, float], centre: tuple[float, float, float]) -> np.ndarray:
    z, y, x = np.meshgrid(*(GRID.along(a) for a in range(3)), indexing="ij")
    places = zip((z, y, x), centre, half, strict=True)
    return sum(((p - c) / h) ** 2 for p, c, h in places) <= 1


@pytest.mark.parametrize("half", [(2.0, 1.8, 2.2), (1.6, 1.6, 1.6), (1.2, 0.5, 1.2)])
def test_light_is_what_blurring_an_ellipsoid_gives(half):
    centre = (5.0, 3.1, 3.2)
    sigma = [b / s for b, s in zip(BLUR, GRID.spacing_um, strict=True)]
    oracle = ndi.gaussian_filter(inside(half, centre).astype(float), sigma)
    light = light_of(ball(half, centre))
    assert np.abs(light - oracle).max() < 0.1
    assert abs(light.sum() / oracle.sum() - 1) < 0.05


def test_labels_are_the_voxels_inside():
    half, centre = (2.0, 1.8, 2.2), (5.0, 3.1, 3.2)
    labels = np.zeros(GRID.shape, np.uint8)
    draw_nuclear_labels(labels, ball(half, centre), np.array([7]), grid=GRID)
    true = inside(half, centre)
    assert set(np.unique(labels)) == {0, 7}
    assert (true & (labels == 7)).sum() / (true | (labels == 7)).sum() > 0.97


def test_where_two_overlap_each_keeps_its_middle():
    pair = Bodies(
        centre_um=np.array([[5.0, 3.0, 2.4], [5.0, 3.0, 4.0]]),
        shape=np.stack([np.eye(3)] * 2),
        density=np.ones(2),
    )
    labels = np.zeros(GRID.shape, np.uint8)
    draw_nuclear_labels(labels, pair, np.array([1, 2]), grid=GRID)
    row = labels[20, 30]
    assert row[24] == 1
    assert row[40] == 2
    assert np.flatnonzero(row == 1).max() < np.flatnonzero(row == 2).min()


def test_a_plate_thinner_than_a_plane_is_not_lost_between_planes():
    coarse = Grid(shape=(10, 64, 64), spacing_um=(1.0, 0.1, 0.1))
    labels = np.zeros(coarse.shape, np.uint8)
    draw_nuclear_labels(labels, ball((0.1, 1.0, 1.0), (4.5, 3.0, 3.0)), np.array([1]), grid=coarse)
    assert labels.any()


def test_nothing_is_drawn_outside_the_volume():
    assert not light_of(ball((1.0, 1.0, 1.0), (50.0, 3.0, 3.0))).any()


def test_a_nucleus_about_to_divide_is_a_plate_across_the_axis():
    bodies = nuclear_bodies(lives().at(3.4))
    half = np.sqrt(np.diag(bodies.shape[0]))
    assert half[2] < 0.5 * half[1]
    assert bodies.density[0] > 1.5


def test_between_divisions_a_nucleus_is_round_with_the_radius_of_its_table():
    bodies = nuclear_bodies(lives().at(0))
    np.testing.assert_allclose(np.sqrt(np.linalg.eigvalsh(bodies.shape[0])), 2.0)
    assert bodies.density.tolist() == [1.0]
