"""Walls as surfaces between cells, from labels with gaps for walls or without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.prepare.volumes import WALL_UM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import LabelImage

_TOUCHING = 0.05
"""Share of the sides between a cell and anything else: labels that leave walls out touch little."""
_ROUNDING = 1e-6  # µm


def close_gaps(labels: LabelImage, spacing_um: Sequence[float]) -> NDArray[np.int32]:
    """Give the gaps that labels leave for walls to their cells.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        0 = background, and walls where they are left out.
    spacing_um : sequence of float

    Returns
    -------
    ndarray of int32
        Gaps between cells up to twice `WALL_UM` wide are shared out, each pixel to its nearest
        cell; to the outside a cell grows by half of `WALL_UM`. Labels whose cells touch as they
        are, are returned so: they leave no gaps.
    """
    import edt
    from scipy.ndimage import distance_transform_edt

    cells = labels.astype(np.int32)
    if not cells.any() or _touching(cells) > _TOUCHING:
        return cells
    step = tuple(float(s) for s in spacing_um)
    room = [(int(2 * WALL_UM / s) + 2,) * 2 for s in step]
    box = tuple(slice(int(at.min()), int(at.max()) + 1) for at in np.nonzero(cells))
    wide = np.pad(cells[box], room)
    away, nearest = distance_transform_edt(wide == 0, sampling=step, return_indices=True)
    near = np.ascontiguousarray(away <= WALL_UM + _ROUNDING)
    # Rolled over the gaps by the whole width of a wall, and back from the outside by half of it.
    inside = (edt.edt(near, anisotropy=step) > WALL_UM / 2 + _ROUNDING) | (wide > 0)
    closed = np.pad(cells, room)
    around = tuple(slice(b.start, b.stop + 2 * r) for b, (r, _) in zip(box, room, strict=True))
    closed[around] = np.where(inside, wide[tuple(nearest)], 0)
    return np.asarray(closed[tuple(slice(a, -b) for a, b in room)])


def walls_between(cells: LabelImage, spacing_um: Sequence[float]) -> NDArray[np.bool_]:
    """Find the pixels near a surface at which two cells, or a cell and the outside, meet.

    A pixel is of a wall where one of other content lies within `WALL_UM`, or beside it.

    Parameters
    ----------
    cells : ndarray of int
        Without gaps: see `close_gaps`.
    spacing_um : sequence of float

    Returns
    -------
    ndarray of bool
    """
    import edt

    if cells.min(initial=0) == cells.max(initial=0):
        return np.zeros(cells.shape, dtype=bool)
    # Labels count from 1 here, so that the outside is a region like any other.
    regions = np.ascontiguousarray(cells.astype(np.uint32) + 1)
    away = edt.edt(regions, anisotropy=tuple(float(s) for s in spacing_um))
    near = np.asarray(away <= WALL_UM + 1e-6)
    for axis in range(cells.ndim):  # where pixels are larger than the reach
        along, wall = np.moveaxis(cells, axis, 0), np.moveaxis(near, axis, 0)
        differs = along[:-1] != along[1:]
        wall[:-1] |= differs
        wall[1:] |= differs
    return near


def _touching(cells: NDArray[np.int32]) -> float:
    """Return how many of the sides of two cells or of cell and background are of two cells.

    Only the sides within a cell's bounding surface count: 1 where all cells touch each other.
    """
    between, others = 0, 0
    for axis in range(cells.ndim):
        along = np.moveaxis(cells, axis, 0)
        here, there = along[:-1], along[1:]
        differs = here != there
        both = differs & (here > 0) & (there > 0)
        between += int(both.sum())
        others += int((differs & ~both).sum())
    return between / max(between + others, 1)
