"""Placed fields to one image: where several show the same, the one whose centre is nearer leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fatescope.base import FloatArray


def canvas_shape(positions: FloatArray, shape: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of the image that holds all fields of ``shape``."""
    last = np.rint(positions).max(axis=0).astype(int)
    return int(last[0]) + shape[0], int(last[1]) + shape[1]


def blend_fields(
    fields: Iterable[NDArray[Any]],
    positions: FloatArray,
    canvas: tuple[int, int],
    *,
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    """Lay fields over each other, each pixel weighted by its distance from the edge of its field.

    Parameters
    ----------
    fields : iterable of ndarray, shape (Y, X)
        Read one at a time.
    positions : ndarray of float, shape (n, 2)
        Of their upper left pixels on the canvas; rounded, since interpolation would blur.
        What lies outside of the canvas (drift) is cut off.
    canvas : (int, int)
    dtype
        Of the result; whole numbers are rounded and kept in range.

    Returns
    -------
    ndarray, shape ``canvas``
        0 where there is no field.
    """
    total = np.zeros(canvas, dtype=np.float32)
    weight = np.zeros(canvas, dtype=np.float32)
    for field, position in zip(fields, np.rint(positions).astype(int).tolist(), strict=True):
        on, of = [], []
        for start, n, size in zip(position, field.shape, canvas, strict=True):
            first, last = max(0, start), min(size, start + n)
            on.append(slice(first, max(first, last)))
            of.append(slice(first - start, max(first, last) - start))
        ramp = np.multiply.outer(*[_from_edge(n) for n in field.shape])
        here, there = (on[0], on[1]), (of[0], of[1])
        total[here] += field[there] * ramp[there]
        weight[here] += ramp[there]
    blended = total / np.maximum(weight, 1e-12)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        blended = np.clip(np.rint(blended), limits.min, limits.max)
    return blended.astype(dtype)


def _from_edge(n: int) -> FloatArray:
    """Return 1 at the edge, rising by one a pixel towards the middle."""
    i = np.arange(n, dtype=np.float32)
    return np.asarray(np.minimum(i + 1, n - i))
