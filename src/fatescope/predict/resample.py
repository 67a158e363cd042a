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
