"""Between the input grid and the working grid, along one axis at a time.

The value of a pixel depends on its own index alone, never on the block it is computed in, and
sums run in a fixed order: any division of a plane gives the same bits. Pixel ``i`` of one grid
lies at ``(i + 0.5) * scale - 0.5`` of the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_BAND_PX = 2**17
"""Pixels of a band of rows that stays near the processor, and so costs half."""


@dataclass(frozen=True, slots=True)
class Taps:
    """For ``n`` target pixels the ``k`` source pixels of each, and their weights."""

    index: NDArray[np.intp]  # (n, k), inside the source axis
    weight: NDArray[np.float32]  # (n, k), rows sum to 1

    @property
    def first(self) -> int:
        """First source pixel that is needed."""
        return int(self.index.min())

    @property
    def stop(self) -> int:
        """One past the last source pixel that is needed."""
        return int(self.index.max()) + 1

    def of(self, pixels: slice) -> Taps:
        """Return the taps of some of the target pixels."""
        return Taps(self.index[pixels], self.weight[pixels])


def working_length(length: int, scale: float) -> int:
    """Return how many working pixels cover ``length`` input pixels; at least 1."""
    return max(1, math.ceil(length * scale - 1e-9))


def reflect(index: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    """Fold indices outside ``0..length`` back inside, mirrored at the edge pixels."""
    period = max(1, 2 * (length - 1))
    folded = np.abs(index) % period
    return np.asarray(np.minimum(folded, period - folded) if length > 1 else folded * 0)


def make_taps(index: NDArray[np.intp], *, scale: float, length: int) -> Taps:
    """Return the taps of working pixels ``index`` on an input axis of ``length``.

    Enlarging interpolates linearly; reducing averages over the area that a working pixel covers,
    so that fine structure does not alias.
    """
    if scale == 1:
        return Taps(index[:, None], np.ones((len(index), 1), np.float32))
    centre = (index + 0.5) / scale - 0.5
    if scale > 1:
        source = np.floor(centre).astype(np.intp)[:, None] + np.arange(2)
        weight = 1 - np.abs(source - centre[:, None])
    else:
        half = 0.5 / scale
        first = np.floor(centre - half + 0.5).astype(np.intp)
        source = first[:, None] + np.arange(math.ceil(2 * half) + 1)
        upper = np.minimum(source + 0.5, (centre + half)[:, None])
        weight = np.maximum(0.0, upper - np.maximum(source - 0.5, (centre - half)[:, None]))
    weight /= weight.sum(axis=1, keepdims=True)
    return Taps(np.clip(source, 0, length - 1), weight.astype(np.float32))


def apply_taps(values: NDArray[np.float32], taps: Taps, *, axis: int, first: int) -> Any:
    """Resample ``values``, which begin at source pixel ``first``, along ``axis``."""
    index = taps.index - first
    out: Any = np.take(values, index[:, 0], axis=axis)
    if index.shape[1] == 1:
        return out
    shape = [1] * values.ndim
    shape[axis] = len(index)
    out *= taps.weight[:, 0].reshape(shape)
    for k in range(1, index.shape[1]):
        term = np.take(values, index[:, k], axis=axis)
        term *= taps.weight[:, k].reshape(shape)
        out += term
    return out


@dataclass(frozen=True, slots=True)
class Corners:
    """For target pixels along one axis the two neighbours on a coarser or finer grid."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    part: NDArray[np.float32]  # weight of ``high``


def make_corners(index: NDArray[np.intp], *, scale: float, length: int) -> Corners:
    """Return where input pixels ``index`` lie on a working axis of ``length`` pixels."""
    at = np.clip((index + 0.5) * scale - 0.5, 0, length - 1)
    low = np.minimum(np.floor(at).astype(np.intp), max(0, length - 2))
    high = np.minimum(low + 1, length - 1)
    return Corners(low, high, (at - low).astype(np.float32))


def outline_labels(
    labels: NDArray[np.uint32],
    foreground: NDArray[np.uint8],
    rows: Corners,
    columns: Corners,
    *,
    least: int,
) -> NDArray[np.uint32]:
    """Bring labels back to the input grid with smooth outlines.

    Where the four working pixels around an input pixel agree, that is the label. Elsewhere the
    interpolated foreground decides whether the pixel belongs to a nucleus, and the label with
    the largest interpolated share (background apart) says to which.

    Parameters
    ----------
    labels : ndarray of uint32, shape (y, x)
        Working grid.
    foreground : ndarray of uint8, shape (y, x)
        The foreground map behind ``labels``.
    rows, columns : Corners
        Of the wanted input rows and columns, relative to ``labels``.
    least : int
        Least foreground of a pixel of a nucleus, 0..255.

    Returns
    -------
    ndarray of uint32, shape (len(rows.low), len(columns.low))
    """
    out = np.empty((len(rows.low), len(columns.low)), np.uint32)
    height = max(1, _BAND_PX // max(1, out.shape[1]))
    for first in range(0, len(out), height):
        band = slice(first, first + height)
        top, stop = int(rows.low[band][0]), int(rows.high[band][-1]) + 1
        near = Corners(rows.low[band] - top, rows.high[band] - top, rows.part[band])
        _outline_band(out[band], labels[top:stop], foreground[top:stop], near, columns, least)
    return out


def _outline_band(
    out: NDArray[np.uint32],
    labels: NDArray[np.uint32],
    foreground: NDArray[np.uint8],
    rows: Corners,
    columns: Corners,
    least: int,
) -> None:
    """Fill ``out``; only where labels differ is anything computed for single pixels."""
    out[:] = labels[rows.low][:, columns.low]
    most, n_differ = _cells(labels)
    differ = (n_differ > 0)[rows.low][:, columns.low]
    at = np.flatnonzero(differ)
    if not len(at):
        return
    y = np.repeat(np.arange(len(out)), differ.sum(axis=1))
    x = at - y * out.shape[1]
    low, high = rows.low.take(y) * labels.shape[1], rows.high.take(y) * labels.shape[1]
    left, right = columns.low.take(x), columns.high.take(x)
    down, across = rows.part.take(y), columns.part.take(x)
    corners = (low + left, low + right, high + left, high + right)
    up, before = 1 - down, 1 - across
    weights = (up * before, up * across, down * before, down * across)
    shade = sum(w * foreground.reshape(-1).take(c) for w, c in zip(weights, corners, strict=True))

    cell = rows.low.take(y) * most.shape[1] + left
    label = most.reshape(-1).take(cell)
    # One label has all the shares, unless it is only at corners that have no weight.
    on_edge = (down == 0) | (down == 1) | (across == 0) | (across == 1)
    unsure = np.flatnonzero(on_edge | (n_differ.reshape(-1).take(cell) > 1))
    label[unsure] = _largest_share(
        [labels.reshape(-1).take(c[unsure]) for c in corners], [w[unsure] for w in weights]
    )
    label[shade < least] = 0
    out.reshape(-1)[at] = label


def _cells(labels: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return for each pixel and its neighbours below and to the right what is among them.

    Returns
    -------
    most : ndarray of uint32
        The largest label.
    n_differ : ndarray of uint8
        0 where all are the same, 1 where one label meets background, 2 where labels meet.
    """
    most = least = labels
    least_label = labels - np.uint32(1)  # background becomes the largest number
    for axis in (0, 1):
        lower, upper = _neighbours(axis, labels.shape[axis])
        most = np.maximum(most[lower], most[upper])
        least = np.minimum(least[lower], least[upper])
        least_label = np.minimum(least_label[lower], least_label[upper])
    several = least_label != most - np.uint32(1)
    return most, (least != most).view(np.uint8) + (several & (most > 0)).view(np.uint8)


def _neighbours(axis: int, length: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return slices for pixels and for the next along ``axis``; a single one is its own."""
    lower, upper = slice(0, max(1, length - 1)), slice(min(1, length - 1), None)
    before = (slice(None),) * axis
    return (*before, lower), (*before, upper)


def _largest_share(
    corners: Sequence[NDArray[np.uint32]], weights: Sequence[NDArray[np.float32]]
) -> NDArray[np.uint32]:
    """Return the label with the largest weight among four corners, the first of equals."""
    inside = [
        np.where(label > 0, weight, np.float32(-1))
        for label, weight in zip(corners, weights, strict=True)
    ]
    best = np.zeros(len(corners[0]), np.uint32)
    most = np.zeros(len(best), np.float32)
    for label, weight in zip(corners, inside, strict=True):
        share = sum(
            np.where(other == label, w, np.float32(0))
            for other, w in zip(corners, inside, strict=True)
        )
        better = (label > 0) & (weight > 0) & (share > most)
        best[better] = label[better]
        most[better] = np.asarray(share)[better]
    return best
