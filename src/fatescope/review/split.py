"""Edits that make two objects of one: at its waist, or along a line that was drawn across it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.base import InputError
from fatescope.review.change import Change, change_between
from fatescope.review.strokes import brushed
from fatescope.review.whole import box_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.review.strokes import Points

_CUT_PX = 0.71
"""Half the diagonal of a pixel: a line of that radius has no gap that pixels meet through."""


def split_label(
    labels: NDArray[np.uint32],
    label: int,
    *,
    new: int,
    spacing: Sequence[float] | None = None,
    frame: int = 0,
) -> Change:
    """Return the change that parts an object in two where it is narrow.

    Parameters
    ----------
    labels : ndarray of uint32, shape (Y, X) or (Z, Y, X)
        Of one frame.
    label : int
        The larger part keeps it.
    new : int
        Label of the other part.
    spacing : sequence of float, optional
        Step of each axis; ``None``: equal steps.
    frame : int

    Notes
    -----
    An object of several pieces becomes its largest piece and the rest. Of one piece, a starting
    point is looked for on each side of its middle, along its longest axis, where it is farthest
    from the outline; the two grow by a watershed of that distance, so they meet at the waist.

    Raises
    ------
    InputError
        If there is no such object, or it is a single pixel.
    """
    box = box_of(labels, label)
    part = labels[box]
    inside = part == label
    pieces, n = ndi.label(inside, np.ones((3,) * labels.ndim))
    if n > 1:
        largest = np.bincount(pieces[inside]).argmax()
        other = inside & (pieces != largest)
    else:
        other = _beyond_the_waist(inside, np.ones(labels.ndim) if spacing is None else spacing)
    return change_between(labels, box, _parted(part, inside, other, new), frame=frame)


def _parted(
    part: NDArray[np.uint32], inside: BoolArray, other: BoolArray, new: int
) -> NDArray[np.int64]:
    """Give the smaller side the new label; of equal ones, the other."""
    rest = inside & ~other
    moved = other if other.sum() <= rest.sum() else rest
    if not moved.any():
        raise InputError("this object cannot be split there.")
    after: NDArray[np.int64] = np.where(moved, new, part.astype(np.int64))
    return after


def _beyond_the_waist(inside: BoolArray, spacing: Sequence[float] | FloatArray) -> BoolArray:
    from skimage.segmentation import watershed

    at = np.argwhere(inside)
    if len(at) < 2:
        raise InputError("a single pixel cannot be split. Remove it, or paint.")
    step = np.asarray(spacing, float)
    centred = (at - at.mean(axis=0)) * step
    along = centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1]
    depth = ndi.distance_transform_edt(np.pad(inside, 1), sampling=step)
    depth = depth[(slice(1, -1),) * inside.ndim]
    markers = np.zeros(inside.shape, dtype=np.int32)
    for n, side in enumerate((along < 0, along >= 0), start=1):
        candidates: IntArray = at[side] if side.any() else at[[int(np.argmax(np.abs(along)))]]
        # of equally deep ones the farthest out, so that the two do not meet in the middle
        far = np.abs(along[side]) if side.any() else np.zeros(1)
        rank = depth[tuple(candidates.T)] + 1e-3 * far / max(1e-9, float(np.abs(along).max()))
        markers[tuple(candidates[int(rank.argmax())])] = n
    grown = watershed(-depth, markers, mask=inside, connectivity=inside.ndim)
    return np.asarray(grown == 2, dtype=np.bool_)


def cut_label(
    labels: NDArray[np.uint32],
    label: int,
    points: Points,
    *,
    new: int,
    frame: int = 0,
) -> Change:
    """Return the change that parts an object along a line; of a volume, through all planes.

    Parameters
    ----------
    labels : ndarray of uint32, shape (Y, X) or (Z, Y, X)
        Of one frame.
    label : int
        The larger part keeps it.
    points : sequence of (float, float)
        The line, as y and x; it must cross the object from side to side.
    new : int
        Label of the other part.
    frame : int

    Raises
    ------
    InputError
        If there is no such object, or the line does not part it.

    Notes
    -----
    Pixels on the line go to the part that is nearest. A line that makes more than two parts
    leaves the largest, and all others together are the second.
    """
    box = box_of(labels, label)
    part = labels[box]
    inside = part == label
    region, line = brushed(labels.shape[-2:], points, radius_px=_CUT_PX)
    plane = np.zeros(labels.shape[-2:], dtype=bool)
    plane[region] = line
    cut = np.broadcast_to(plane[box[-2:]], inside.shape)
    pieces, n = ndi.label(inside & ~cut)
    if n < 2:
        raise InputError("the line does not part this object. Draw it from side to side.")
    largest = np.bincount(pieces[pieces > 0]).argmax()
    nearest = ndi.distance_transform_edt(pieces == 0, return_distances=False, return_indices=True)
    other = inside & (pieces[tuple(nearest)] != largest)
    return change_between(labels, box, _parted(part, inside, other, new), frame=frame)
