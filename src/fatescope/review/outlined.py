"""A new object, or more of one, from an outline that was drawn around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.review.change import Change, change_between
from fatescope.review.strokes import in_plane

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.review.strokes import Points


def draw_label(
    labels: NDArray[np.uint32],
    label: int,
    points: Points,
    *,
    plane: int = 0,
    frame: int = 0,
) -> Change:
    """Return the change that fills an outline with a label; other objects stay as they are.

    Parameters
    ----------
    labels : ndarray of uint32, shape (Y, X) or (Z, Y, X)
        Of one frame.
    label : int
        Existing or new.
    points : sequence of (float, float)
        Corners as y and x; the last is joined to the first. A pixel is inside if its centre is.
    plane, frame : int

    Raises
    ------
    InputError
        If fewer than three corners are given, or the outline holds nothing but other objects.
    """
    from skimage.draw import polygon

    if label < 1:
        raise InputError(f"an object has a label from 1; got {label}.")
    corners = np.array(points, dtype=float).reshape(-1, 2)
    if len(corners) < 3 or not np.isfinite(corners).all():
        raise InputError("an outline needs at least three corners. Draw a longer line.")
    shape = labels.shape[-2:]
    low = np.clip(np.floor(corners.min(axis=0)), 0, shape).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, shape).astype(int)
    if (low >= high).any():
        raise InputError("the outline lies outside of the image.")
    inside = np.zeros(tuple(high - low), dtype=bool)
    y, x = (corners - low).T
    inside[polygon(y, x, inside.shape)] = True
    region = slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
    where = in_plane(labels, region, plane)
    part = labels[where]
    after = np.where(inside.reshape(part.shape) & (part == 0), label, part)
    return change_between(labels, where, after, frame=frame)
