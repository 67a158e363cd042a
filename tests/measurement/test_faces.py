"""Areas of faces between cells: flat ones exactly, tilted and curved ones within a few per cent."""

import numpy as np
import pytest

from fatescope.base import InputError
from fatescope.measurement import measure_faces


def areas(labels, spacing):
    table = measure_faces(labels, spacing)
    pairs = zip(table["label_a"].tolist(), table["label_b"].tolist(), strict=True)
    return dict(zip(pairs, table["area"].tolist(), strict=True))


def test_a_flat_face_along_each_axis_worked_out_by_hand():
    labels = np.zeros((4, 6, 8), int)
    labels[1:3, 1:5, 1:4], labels[1:3, 1:5, 4:7] = 1, 2
    found = areas(labels, (0.5, 0.2, 0.1))
    assert found[1, 2] == pytest.approx(2 * 4 * 0.5 * 0.2)


@pytest.mark.parametrize("angle", [0, 20, 45, 70])
def test_a_tilted_face_has_its_own_area_and_not_that_of_its_steps(angle):
    z, _, x = np.indices((20, 60, 60))
    slope = np.tan(np.radians(angle))
    labels = np.where((x - 30) * 0.2 > slope * (z - 10) * 0.4, 1, 2)
    found = areas(labels, (0.4, 0.2, 0.2))
    seen = min(
        20 * 0.4 / np.cos(np.radians(angle)), 60 * 0.2 / max(np.sin(np.radians(angle)), 1e-9)
    )
    assert found[1, 2] == pytest.approx(seen * 60 * 0.2, rel=0.06)


@pytest.mark.parametrize("spacing", [(0.43, 0.18, 0.18), (0.2, 0.2, 0.2)])
@pytest.mark.parametrize("radius", [2.0, 5.0])
def test_a_ball_has_the_surface_of_a_ball(spacing, radius):
    shape = [int(2.4 * radius / s) for s in spacing]
    at = np.indices(shape)
    middle = (np.array(shape) - 1) / 2
    scaled = [((a - m) * s) ** 2 for a, m, s in zip(at, middle, spacing, strict=True)]
    labels = (sum(scaled) < radius**2).astype(int)
    assert areas(labels, spacing)[0, 1] == pytest.approx(4 * np.pi * radius**2, rel=0.06)


def test_a_disc_has_the_length_of_its_outline():
    y, x = np.indices((100, 100))
    labels = (np.hypot(y - 50, x - 50) < 40).astype(int) * 3
    assert areas(labels, (0.1, 0.1))[0, 3] == pytest.approx(2 * np.pi * 4, rel=0.03)


def test_nothing_and_faults():
    assert len(measure_faces(np.zeros((3, 3), int), (1.0, 1.0))) == 0
    assert len(measure_faces(np.ones((3, 3), int), (1.0, 1.0))) == 0
    with pytest.raises(InputError, match="spacing"):
        measure_faces(np.zeros((3, 3), int), (1.0, 1.0, 1.0))
