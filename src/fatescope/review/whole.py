"""Edits of whole objects: remove one, make two one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.review.change import Change, change_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def box_of(labels: NDArray[np.uint32], label: int) -> tuple[slice, ...]:
    """Return the smallest region that holds a label, a slice for each axis.

    Raises
    ------
    InputError
        If there is no such object.
    """
    inside = labels == label if label > 0 else np.zeros(labels.shape, dtype=bool)
    if not inside.any():
        raise InputError(f"there is no object {label} here any more.")
    box = []
    for axis in range(labels.ndim):
        there = np.flatnonzero(inside.any(axis=tuple(a for a in range(labels.ndim) if a != axis)))
        box.append(slice(int(there[0]), int(there[-1]) + 1))
    return tuple(box)


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
