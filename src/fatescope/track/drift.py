"""How far the whole field has moved since the first frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray

_FEWEST = 3  # steps that have a median worth following; not measured


def frame_shifts(position: FloatArray, frame: IntArray, *, reach: float) -> FloatArray:
    """Return how far the whole field has moved since the first frame, for each object.

    The median step to the nearest object of the frame before, of those within reach; less than
    three such steps say nothing.

    Parameters
    ----------
    position : ndarray of float, shape (n, d)
    frame : ndarray of int, shape (n,)
    reach : float
        In the unit of ``position``.

    Returns
    -------
    ndarray of float, shape (n, d)
    """
    from scipy.spatial import cKDTree

    shift = np.zeros(position.shape)
    total = np.zeros(position.shape[1])
    frames = np.unique(frame)
    before = position[frame == frames[0]]
    for f in frames[1:]:
        rows = frame == f
        now = position[rows]
        distance, nearest = cKDTree(before).query(now)
        known = distance <= reach
        if known.sum() >= _FEWEST:
            total = total + np.median(now[known] - before[nearest[known]], axis=0)
        shift[rows] = total
        before = now
    return shift
