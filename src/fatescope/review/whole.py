"""Edits of whole objects: remove one, make two one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.review.change import Change, change_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
