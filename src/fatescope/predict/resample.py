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
    from numpy.typing import NDArray


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
    if index.shape[1] == 1:
        return np.take(values, index[:, 0], axis=axis)
    shape = [1] * values.ndim
    shape[axis] = len(index)
    out: Any = 0
    for k in range(index.shape[1]):
        weight = taps.weight[:, k].reshape(shape)
        out = out + np.take(values, index[:, k], axis=axis) * weight
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
    upper, lower = labels[rows.low], labels[rows.high]
    out = upper[:, columns.low]
    mixed = out != upper[:, columns.high]
    mixed |= out != lower[:, columns.low]
    mixed |= out != lower[:, columns.high]
    y, x = np.nonzero(mixed)
    if not len(y):
        return out
    weights, corner, shade = [], [], np.zeros(len(y), np.float32)
    for row, in_row in ((rows.low, 1 - rows.part), (rows.high, rows.part)):
        for column, in_column in ((columns.low, 1 - columns.part), (columns.high, columns.part)):
            weight = in_row[y] * in_column[x]
            shade += weight * foreground[row[y], column[x]]
            label = labels[row[y], column[x]]
            corner.append(label)
            weights.append(np.where(label > 0, weight, np.float32(-1)))
    best = np.zeros(len(y), np.uint32)
    most = np.zeros(len(y), np.float32)
    for label, weight in zip(corner, weights, strict=True):
        share = sum(
            np.where(other == label, w, np.float32(0))
            for other, w in zip(corner, weights, strict=True)
        )
        better = (label > 0) & (weight > 0) & (share > most)
        best[better] = label[better]
        most[better] = np.asarray(share)[better]
    best[shade < least] = 0
    out[y, x] = best
    return out
