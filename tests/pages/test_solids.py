"""Surfaces of cells: where they lie, how large they are, and what is left out."""

import numpy as np
import pytest

from fatescope.pages.page.solid import SolidViewer, solid_data
from fatescope.pages.solids import cell_solids


def solids(labels, spacing, step):
    return cell_solids(
        labels,
        spacing_um=spacing,
        step_um=step,
        name=str,
        words=lambda c: f"{c} words",
        colour=lambda _: "#112233",
    )


def volume_um3(solid):
    """Of a closed surface, by the divergence theorem."""
    a, b, c = (solid.vertices_um[solid.faces[:, k]] for k in range(3))
    return abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6


@pytest.mark.parametrize("spacing", [(0.5, 0.5, 0.5), (1.0, 0.25, 0.25)])
def test_a_ball_keeps_its_place_and_its_volume(spacing):
    shape = np.round(np.array([24.0, 24.0, 24.0]) / spacing).astype(int)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), axis=-1)
    place = (grid - (shape - 1) / 2) * spacing
    centre = np.array([2.0, -3.0, 1.0])  # z, y, x
    labels = 7 * (np.linalg.norm(place - centre, axis=-1) < 6.0)
    (ball,) = solids(labels, spacing, 0.75)
    assert (ball.name, ball.words) == ("7", "7 words")
    middle = (ball.vertices_um.min(axis=0) + ball.vertices_um.max(axis=0)) / 2
    np.testing.assert_allclose(middle, centre[::-1], atol=0.15)
    assert volume_um3(ball) == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.06)


def test_what_is_smaller_than_a_step_is_left_out_and_an_empty_volume_has_no_solids():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[4, 4, 4] = 1
    labels[8:18, 8:18, 8:18] = 3
    assert [s.name for s in solids(labels, (1.0, 1.0, 1.0), 3.0)] == ["3"]
    assert solids(0 * labels, (1.0, 1.0, 1.0), 3.0) == []
    data = solid_data(SolidViewer(title="none", solids=[]))
    assert data["cells"] == []
