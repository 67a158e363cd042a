"""The arrays of the old interface: maps of a fixed size, centroids, images of outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Image, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, LabelImage
    from fatescope.models.runtime import Device

_GREY = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601)."""
_DOT_PX = 2  # on each side of the centre; by eye


def check_device(device: str) -> Device:
    """Return the device as the models take it: ``cpu``, ``cuda``, or ``cuda:0`` and so on.

    Raises
    ------
    InputError
        If it is something else.
    """
    if device == "cpu":
        return "cpu"
    if device.partition(":")[0] == "cuda":
        return "cuda"
    raise InputError(f'device must be "cpu" or "cuda"; got {device!r}.')


def check_size(size: Sequence[int], *, name: str) -> tuple[int, int]:
    """Return width and height.

    Raises
    ------
    InputError
        If they are not two positive whole numbers.
    """
    if len(size) != 2 or any(int(s) != s or s < 1 for s in size):
        raise InputError(
            f"{name} must be (width, height), two positive whole numbers; got {size!r}."
        )
    return int(size[0]), int(size[1])


def grey_frame(image: Image, frame: int = 0) -> NDArray[Any]:
    """Return one frame as grey, (Y, X); colours are weighted as the eye sees them.

    Raises
    ------
    InputError
        If the image is a volume.
    """
    if image.size("Z") > 1:
        raise InputError(
            f"{image.name}: has {image.size('Z')} planes; the old interface takes one plane. "
            "Volumes go into fatescope.segment_membranes or fatescope.segment_nuclei."
        )
    pixels = np.asarray(image.read(T=frame, Z=0))
    if pixels.ndim == 2:
        return pixels
    if len(pixels) < 3:
        return np.asarray(pixels[0])
    grey = np.tensordot(_GREY, pixels[:3].astype(np.float64), axes=1)
    return np.asarray(np.rint(grey).astype(pixels.dtype) if pixels.dtype.kind == "u" else grey)


def fit_labels(labels: LabelImage, size: tuple[int, int]) -> LabelImage:
    """Return labels on a grid of ``size`` (width, height); each pixel takes its nearest."""
    width, height = size
    rows = (np.arange(height) + 0.5) * labels.shape[0] / height
    columns = (np.arange(width) + 0.5) * labels.shape[1] / width
    return np.asarray(labels[rows.astype(int)[:, None], columns.astype(int)])


def paint_map(labels: LabelImage, values: FloatArray) -> NDArray[np.float32]:
    """Return ``values[label]`` at each pixel, with a line of zeros where two objects touch.

    No connected piece of what is above 0 then holds two objects.
    """
    return np.where(_touching(labels), 0, values[labels]).astype(np.float32)


def centroids_of(labels: LabelImage) -> list[tuple[int, int]]:
    """Return (x, y) of each object, rounded, in the order of the labels."""
    inside = labels > 0
    n = int(labels.max(initial=0)) + 1
    area = np.bincount(labels[inside], minlength=n)
    y, x = (np.bincount(labels[inside], w, minlength=n) for w in np.nonzero(inside))
    there = np.flatnonzero(area)
    return [(round(float(x[i] / area[i])), round(float(y[i] / area[i]))) for i in there]


def draw_centroids(
    labels: LabelImage, centroids: Sequence[tuple[int, int]], *, colour: bool
) -> FloatArray:
    """Return outlines and centres: 255 on 0, or in colour blue outlines and green centres."""
    outline = _outline(labels)
    dots = np.zeros(labels.shape, dtype=bool)
    for x, y in centroids:
        near = (
            slice(max(y - _DOT_PX, 0), y + _DOT_PX + 1),
            slice(max(x - _DOT_PX, 0), x + _DOT_PX + 1),
        )
        dots[near] = True
    if not colour:
        return np.where(outline | dots, 255.0, 0.0)
    drawn = np.zeros((*labels.shape, 3))
    drawn[outline, 2] = 255.0
    drawn[dots] = (0.0, 255.0, 0.0)
    return drawn


def _touching(labels: LabelImage) -> NDArray[np.bool_]:
    """Return pixels beside another object; of two that touch, the one further down or right."""
    line = np.zeros(labels.shape, dtype=bool)
    for axis in range(2):
        a, b = (np.moveaxis(v, axis, 0) for v in (labels, line))
        b[1:] |= (a[1:] != a[:-1]) & (a[1:] > 0) & (a[:-1] > 0)
    for mirrored in (slice(None), slice(None, None, -1)):
        a, b = labels[:, mirrored], line[:, mirrored]
        meet = (a[1:, 1:] != a[:-1, :-1]) & (a[1:, 1:] > 0) & (a[:-1, :-1] > 0)
        b[1:, 1:] |= meet & ~b[:-1, :-1]
    return line


def _outline(labels: LabelImage) -> NDArray[np.bool_]:
    """Return the pixels of objects that have a neighbour outside of their object."""
    padded = np.pad(labels, 1)
    middle = padded[1:-1, 1:-1]
    beside = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.asarray((middle > 0) & np.any([b != middle for b in beside], axis=0))
