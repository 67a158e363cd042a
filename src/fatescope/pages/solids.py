"""Surfaces of labelled cells, for the viewer of solids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.pages.page import Solid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.base.types import LabelImage

SOLID_STEPS = 96
"""Of the grid on which surfaces are found, along the longest side of a volume."""
_EDGE = 4
_SMOOTH = 0.8
"""Steps of the grid: the surface of a label is a staircase, that of a cell is not."""


def cell_solids(
    labels: LabelImage,
    *,
    spacing_um: Sequence[float],
    step_um: float,
    name: Callable[[int], str],
    words: Callable[[int], str],
    colour: Callable[[int], str],
) -> list[Solid]:
    """Return the surface of each cell of a volume, smoothed over a step.

    Parameters
    ----------
    labels : ndarray of int, shape (Z, Y, X)
    spacing_um : sequence of 3 float
    step_um : float
        Grid on which surfaces are found; a cell smaller than that is left out.
    name, words, colour : callable
        Of a label.

    Notes
    -----
    Each cell is cut out, brought to the grid by linear interpolation of its inside, and its
    surface taken at one half (marching cubes). So neighbours overlap or part by less than a step.
    """
    from skimage.measure import marching_cubes

    spacing = np.asarray(spacing_um, float)
    middle = (np.array(labels.shape) - 1) / 2
    solids = []
    for label, box in enumerate(ndi.find_objects(labels), start=1):
        if box is None:
            continue
        inside = np.pad(labels[box] == label, _EDGE).astype(np.float32)
        zoom = np.minimum(1.0, spacing / step_um)
        inside = ndi.gaussian_filter(inside, 0.5 * (1 / zoom - 1))
        coarse = ndi.zoom(inside, zoom, order=1, grid_mode=True, mode="grid-constant")
        coarse = ndi.gaussian_filter(coarse, _SMOOTH, mode="constant")
        if coarse.max() <= 0.5:
            continue
        vertices, faces, _, _ = marching_cubes(np.pad(coarse, 1), 0.5)
        size = np.array(inside.shape) / coarse.shape
        first = np.array([part.start for part in box]) - _EDGE
        voxel = (vertices - 1 + 0.5) * size - 0.5 + first
        solids.append(
            Solid(
                name=name(label),
                colour=colour(label),
                words=words(label),
                vertices_um=((voxel - middle) * spacing)[:, ::-1],
                faces=faces.astype(np.int64),
            )
        )
    return solids
