"""Edits of whole objects: remove one, make two one, draw one from an outline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.review.change import Change, change_between
from fatescope.review.strokes import in_plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.review.strokes import Points

_AT_ONCE = 2**18
"""Pixels that are compared at once: what fits into the cache of a processor."""


def box_of(labels: NDArray[np.uint32], label: int) -> tuple[slice, ...]:
    """Return the smallest region that holds a label, a slice for each axis.

    Raises
    ------
    InputError
        If there is no such object.
    """
    box: list[slice] = []
    for axis in range(labels.ndim):  # what the axes before leave is small, the first is the work
        part = np.moveaxis(labels[tuple(box)], axis, 0)
        there = np.flatnonzero(_holds(part, label))
        if label < 1 or not len(there):
            raise InputError(f"there is no object {label} here any more.")
        box.append(slice(int(there[0]), int(there[-1]) + 1))
    return tuple(box)


def _holds(part: NDArray[np.uint32], label: int) -> NDArray[np.bool_]:
    """Return where along the first axis a label is, some rows at a time."""
    rows = max(1, _AT_ONCE // max(1, part[0].size))
    found = [
        (part[k : k + rows] == label).any(axis=tuple(range(1, part.ndim)))
        for k in range(0, len(part), rows)
    ]
    return np.concatenate(found)


def remove_label(labels: NDArray[np.uint32], label: int, *, frame: int = 0) -> Change:
    """Return the change that makes an object background.

    Parameters
    ----------
    labels : ndarray of uint32, shape (Y, X) or (Z, Y, X)
        Of one frame.
    label : int
    frame : int

    Raises
    ------
    InputError
        If there is no such object.
    """
    box = box_of(labels, label)
    part = labels[box]
    return change_between(labels, box, np.where(part == label, 0, part), frame=frame)


def merge_labels(labels: NDArray[np.uint32], merged: Sequence[int], *, frame: int = 0) -> Change:
    """Return the change that gives objects the label of the first of them.

    They need not touch: an object in two pieces is one object.

    Raises
    ------
    InputError
        If one of them does not exist, or fewer than two are given.
    """
    if len(set(merged)) < 2:
        raise InputError("two objects are needed to make them one. Choose another one.")
    boxes = [box_of(labels, label) for label in merged]
    box = tuple(
        slice(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes))
        for axis in range(labels.ndim)
    )
    part = labels[box]
    return change_between(
        labels, box, np.where(np.isin(part, list(merged)), merged[0], part), frame=frame
    )


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
