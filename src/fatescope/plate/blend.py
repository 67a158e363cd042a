"""Fields to one image: their light made even, and where several show the same, the nearer leads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial.legendre import legvander

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fatescope.base import FloatArray

_BLOCKS = 24
"""Blocks along the longer side; light varies on a larger scale."""
_DEGREE = 4
"""Of the polynomials in y and x that light is described by: a filter would flatten it at the rim,
which is where fields overlap."""
_FEWEST = 4
_LOWEST = 0.05
"""Where less light than this falls, nothing can be mended."""


def estimate_flat_field(fields: Iterable[NDArray[Any]], *, offset_counts: float) -> FloatArray:
    """Estimate how much light falls on each pixel, from fields taken with the same light.

    Parameters
    ----------
    fields : iterable of ndarray, shape (Y, X)
        Of one channel. Each is reduced to the medians of blocks and divided by its own median,
        so that neither bright cells nor bright fields count for more; the median over fields
        then leaves what all of them share, and polynomials of degree four make it smooth.
    offset_counts : float
        What the camera counts in the dark.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Mean 1. All ones where there are fewer than four fields with light: their content could
        not be distinguished from the light.

    References
    ----------
    Singh S et al. (2014). Journal of Microscopy 256:231-236; robust and in blocks.
    """
    small, shape = [], (1, 1)
    for field in fields:
        shape = (field.shape[0], field.shape[1])
        blocks = _block_medians(field) - offset_counts
        level = float(np.median(blocks))
        if level > 0:
            small.append(blocks / level)
    if len(small) < _FEWEST:
        return np.ones(shape, dtype=np.float32)
    shared = np.median(small, axis=0)
    terms = [_polynomials(n, n) for n in shared.shape]
    found = np.linalg.pinv(terms[0]) @ shared @ np.linalg.pinv(terms[1]).T
    rows, columns = (_polynomials(n, m) for n, m in zip(shape, shared.shape, strict=True))
    full = rows @ found @ columns.T
    flat = np.maximum(full / full.mean(), _LOWEST)
    return np.asarray(flat, dtype=np.float32)


def _polynomials(n: int, blocks: int) -> FloatArray:
    """Return the polynomials of one axis at ``n`` places; fewer where there are few blocks."""
    at = (2 * np.arange(n) + 1) / n - 1
    return np.asarray(legvander(at, min(_DEGREE, blocks - 1)))


def even_light(field: NDArray[Any], flat: FloatArray, *, offset_counts: float) -> FloatArray:
    """Divide a field (Y, X) by the light that falls on it; the offset of the camera stays."""
    even = (field.astype(np.float32) - np.float32(offset_counts)) / flat
    return np.asarray(even + np.float32(offset_counts))


def _block_medians(field: NDArray[Any]) -> FloatArray:
    step = max(1, -(-max(field.shape) // _BLOCKS))
    rows, columns = (max(1, n // step) for n in field.shape)
    height, width = (n // m for n, m in zip(field.shape, (rows, columns), strict=True))
    cut = field[: rows * height, : columns * width].reshape(rows, height, columns, width)
    # Every second pixel of a block is plenty for its median, and a quarter of the time.
    thin = cut[:, ::2, :, ::2].transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    return np.asarray(np.median(thin, axis=-1), dtype=np.float64)


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
