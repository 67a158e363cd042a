"""Where cells start: at markers, at nuclei, or in the middle between walls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.systems.membranes.cells.grid import VolumeGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_SMOOTH_UM = 0.5
_LEAST_DISTANCE_UM = 0.6
_DIP_UM, _DIP, _DIP_WALL = 0.2, 0.2, 1.1
"""Walls are smoothed over so much; how deep a dip is, and how strong the wall in it may be, in
units of the least wall."""
_NUCLEUS_UM, _AROUND_UM, _APART_UM = 0.6, 2.0, 1.0
"""Of rendered embryos with 4, 28, 63, 100 and 162 cells 4, 28, 64, 100 and 162 nuclei are found."""
_NUCLEI_STEP_UM = 0.43  # of the grid, about that of ridges (record 0251)


def place_markers(
    points: NDArray[np.float64],
    *,
    shape: Sequence[int],
    spacing: Sequence[float],
    radius: float,
) -> NDArray[np.int32]:
    """Draw a ball around each point.

    Parameters
    ----------
    points : ndarray of float, shape (n, d)
        Voxel coordinates, 0-based, centres at whole numbers.
    shape, spacing : sequence
        Of the image.
    radius : float
        In the unit of ``spacing``; the voxel in which a point lies is always drawn.

    Returns
    -------
    ndarray of int32, shape ``shape``
        Number of the point from 1; where balls meet, the nearer one.
    """
    out = np.zeros(tuple(shape), dtype=np.int32)
    nearest = np.full(out.shape, np.inf, dtype=np.float32)
    for number, point in enumerate(points, start=1):
        box = tuple(
            slice(max(0, int(np.ceil(p - radius / s))), min(n, int(p + radius / s) + 1))
            for p, s, n in zip(point, spacing, shape, strict=True)
        )
        axes = np.ogrid[box]
        squares = [((a - p) * s) ** 2 for a, p, s in zip(axes, point, spacing, strict=True)]
        distance = sum(squares[1:], squares[0]).astype(np.float32)
        mine = (distance <= radius * radius) & (distance < nearest[box])
        out[box][mine] = number
        nearest[box][mine] = distance[mine]
    for number, point in enumerate(points, start=1):
        at = tuple(int(np.clip(np.rint(p), 0, n - 1)) for p, n in zip(point, shape, strict=True))
        out[at] = number
    return out


def markers_between_walls(
    walls: NDArray[np.bool_], inside: NDArray[np.bool_], spacing: Sequence[float]
) -> NDArray[np.int32]:
    """Find the places that are farthest from walls: at least one in each cell, often several.

    Parameters
    ----------
    walls, inside : ndarray of bool, the same shape
        Voxels of walls, and those of the embryo.
    spacing : sequence of float
        In µm.

    Returns
    -------
    ndarray of int32
        0, or the number of the place from 1.
    """
    import edt
    from scipy.ndimage import gaussian_filter, maximum_filter

    step = np.asarray(spacing, dtype=np.float64)
    free = np.ascontiguousarray(inside & ~walls)
    if not free.any():
        return np.zeros(inside.shape, dtype=np.int32)
    distance = gaussian_filter(edt.edt(free, anisotropy=tuple(step)), _SMOOTH_UM / step)
    highest = (maximum_filter(distance, size=5) == distance) & (distance > _LEAST_DISTANCE_UM)
    return numbered(highest & inside)


def dips_of_walls(
    walls: NDArray[np.float32],
    inside: NDArray[np.bool_],
    spacing: Sequence[float],
    *,
    least: float,
) -> NDArray[np.bool_]:
    """Find where walls are weaker than all around, by a fifth of the least wall or more."""
    from scipy.ndimage import gaussian_filter
    from skimage.morphology import h_minima

    smooth = gaussian_filter(walls, np.divide(_DIP_UM, spacing))
    closed = np.where(inside, smooth, smooth.max(initial=0) + 1).astype(np.float32)
    lowest = h_minima(closed, _DIP * least) > 0
    return np.asarray(lowest & inside & (smooth < _DIP_WALL * least))


def numbered(places: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Count places from 1; what touches, at a corner too, is one place."""
    from scipy.ndimage import label

    found, _ = label(places, np.ones((3,) * places.ndim))
    return np.asarray(found, dtype=np.int32)


def find_centres(values: NDArray[Any], spacing: Sequence[float]) -> NDArray[np.float64]:
    """Find the centres of nuclei: where it is brighter than in the surroundings of a nucleus.

    Parameters
    ----------
    values : ndarray of real numbers, shape (Y, X) or (Z, Y, X)
    spacing : sequence of float
        In µm.

    Returns
    -------
    ndarray of float, shape (n, d)
        Voxel coordinates: the maxima, within 1 µm to all sides, of brightness smoothed over 0.6 µm
        less that over 2 µm, above the threshold that divides its positive values best (Otsu).
    """
    from scipy.ndimage import center_of_mass, gaussian_filter, label, maximum_filter
    from skimage.filters import threshold_otsu

    grid = VolumeGrid.of_step(spacing, shape=values.shape, step=(_NUCLEI_STEP_UM,) * values.ndim)
    step = np.array(grid.coarse_spacing)
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    coarse = grid.mean(finite)
    above = gaussian_filter(coarse, _NUCLEUS_UM / step) - gaussian_filter(coarse, _AROUND_UM / step)
    positive = above[above > 1e-4 * np.ptp(coarse)]
    if np.ptp(coarse) == 0 or len(positive) == 0 or np.ptp(positive) == 0:
        return np.zeros((0, values.ndim))
    size = 2 * np.maximum(1, np.round(_APART_UM / step)).astype(int) + 1
    highest = (above == maximum_filter(above, size=size)) & (above > threshold_otsu(positive))
    # Two neighbours may be equally bright, so that the middle lies between them.
    pieces, n = label(highest, np.ones((3,) * values.ndim))
    found = np.reshape(center_of_mass(highest, pieces, np.arange(1, n + 1)), (n, values.ndim))
    return np.asarray((found + 0.5) * grid.factor - 0.5, dtype=np.float64)
