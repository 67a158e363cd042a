"""Edits by a round brush that is drawn along a line: paint an object, erase what is below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.review.change import Change, change_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray

    Points = Sequence[tuple[float, float]]


def paint_label(
    labels: NDArray[np.uint32],
    label: int,
    points: Points,
    *,
    radius_px: float,
    plane: int = 0,
    frame: int = 0,
) -> Change:
    """Return the change that a stroke of the brush makes; other objects stay as they are.

    Parameters
    ----------
    labels : ndarray of uint32, shape (Y, X) or (Z, Y, X)
        Of one frame.
    label : int
        Existing or new.
    points : sequence of (float, float)
        The stroke, as y and x; centres of pixels are whole numbers.
    radius_px : float
        A pixel is painted if its centre is not farther from the stroke.
    plane : int
        Of a volume.
    frame : int

    Raises
    ------
    InputError
        If the stroke lies outside, or covers nothing but other objects.
    """
    if label < 1:
        raise InputError(f"an object has a label from 1; got {label}.")
    region, inside = brushed(labels.shape[-2:], points, radius_px=radius_px)
    where = in_plane(labels, region, plane)
    part = labels[where]
    after = np.where(inside.reshape(part.shape) & (part == 0), label, part)
    return change_between(labels, where, after, frame=frame)


def erase_labels(
    labels: NDArray[np.uint32],
    points: Points,
    *,
    radius_px: float,
    only: int = 0,
    plane: int = 0,
    frame: int = 0,
) -> Change:
    """Return the change that makes all below a stroke background; arguments as in `paint_label`.

    Parameters
    ----------
    only : int
        Erase this object alone; 0: any.
    """
    region, inside = brushed(labels.shape[-2:], points, radius_px=radius_px)
    where = in_plane(labels, region, plane)
    part = labels[where]
    gone = inside.reshape(part.shape)
    if only:
        gone = gone & (part == only)
    return change_between(labels, where, np.where(gone, 0, part), frame=frame)


def brushed(
    shape: tuple[int, ...], points: Points, *, radius_px: float
) -> tuple[tuple[slice, slice], BoolArray]:
    """Return the region of a stroke in a plane, and which of its pixels the brush touches.

    Raises `InputError` if there is no point, or all of it lies outside of the plane.
    """
    stroke = np.array(points, dtype=float).reshape(-1, 2)
    if not len(stroke) or not np.isfinite(stroke).all():
        raise InputError("a stroke needs at least one point.")
    low = np.maximum(np.ceil(stroke.min(axis=0) - radius_px), 0).astype(int)
    high = np.minimum(np.floor(stroke.max(axis=0) + radius_px) + 1, shape).astype(int)
    if (low >= high).any():
        raise InputError("the stroke lies outside of the image, or between its pixels.")
    region = slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
    inside = np.zeros(tuple(high - low), dtype=bool)
    ends = stroke[1:] if len(stroke) > 1 else stroke
    for a, b in zip(stroke[: len(ends)] - low, ends - low, strict=True):
        _add_segment(inside, a, b, radius_px)
    return region, inside


def _add_segment(
    inside: BoolArray, a: NDArray[np.float64], b: NDArray[np.float64], radius: float
) -> None:
    """Mark the pixels within a radius of the line from ``a`` to ``b``."""
    first = np.maximum(np.ceil(np.minimum(a, b) - radius), 0).astype(int)
    stop = np.minimum(np.floor(np.maximum(a, b) + radius) + 1, inside.shape).astype(int)
    if (first >= stop).any():
        return
    y = np.arange(first[0], stop[0])[:, None] - a[0]
    x = np.arange(first[1], stop[1])[None, :] - a[1]
    along = b - a
    length = float(along @ along)
    t = np.clip((y * along[0] + x * along[1]) / length, 0, 1) if length else np.zeros(1)
    near = (y - t * along[0]) ** 2 + (x - t * along[1]) ** 2 <= radius**2
    inside[first[0] : stop[0], first[1] : stop[1]] |= near


def in_plane(
    labels: NDArray[np.uint32], region: tuple[slice, slice], plane: int
) -> tuple[slice, ...]:
    """Return the region of one plane, with a slice for each axis of the labels."""
    if labels.ndim == 2:
        return region
    if not 0 <= plane < labels.shape[0]:
        raise InputError(f"there is no plane {plane}; the labels have {labels.shape[0]}.")
    return slice(plane, plane + 1), *region
