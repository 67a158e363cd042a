"""Percentiles of a whole plane, exact, from parts, in any division.

Whole numbers of up to 16 bits are counted by value. Everything else is counted by the bits of
its float32 value, whose order is the order of the numbers, in two passes of 65,536 counters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.models.inputs import LEAST_NORMALISED, MOST_NORMALISED
from fatescope.numeric import Bins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

_BINS = 1 << 16
_AT_ONCE = 1 << 18
"""Pixels counted at a time: NumPy counts a copy in 64 bits, which then stays near the processor."""


VALUE_BINS = Bins(-0.25, 2.25, 1024)
"""Bins of normalised values."""


@dataclass(frozen=True, slots=True)
class PlaneStatistics:
    """What normalisation needs to know of a plane."""

    low: float
    high: float
    least: float
    most: float
    n_pixels: int
    n_not_finite: int

    @property
    def constant(self) -> bool:
        """True where all finite pixels have one value, or none is finite."""
        return not self.most > self.least


def plane_statistics(
    parts: Callable[[], Iterable[NDArray[Any]]], *, percentiles: tuple[float, float]
) -> PlaneStatistics:
    """Measure a plane that is handed over in parts, once or twice.

    Parameters
    ----------
    parts : callable
        Returns the parts of the plane again on each call; their order does not matter.
    percentiles : tuple of float
        Lower and upper one, in percent; linear between neighbouring values.
    """
    coarse, bad, exact, offset = _count(parts)
    n = int(coarse.sum())
    if n == 0:
        return PlaneStatistics(0.0, 0.0, 0.0, 0.0, bad, bad)
    places = [q / 100 * (n - 1) for q in percentiles]
    ranks = sorted({0, n - 1, *(math.floor(p) for p in places), *(math.ceil(p) for p in places)})
    if exact:
        bins = np.searchsorted(np.cumsum(coarse), ranks, side="right")
        value = dict(zip(ranks, (bins - offset).astype(np.float64).tolist(), strict=True))
    else:
        value = _refine(parts, coarse, ranks)
    low, high = (
        value[math.floor(p)] + (p - math.floor(p)) * (value[math.ceil(p)] - value[math.floor(p)])
        for p in places
    )
    if not high > low:  # a few bright pixels on a flat background
        low, high = value[0], value[n - 1]
    return PlaneStatistics(low, high, value[0], value[n - 1], n + bad, bad)


def normalise(values: NDArray[Any], statistics: PlaneStatistics) -> NDArray[np.float32]:
    """Map the lower percentile to 0 and the upper to 1; not-a-number becomes 0.

    Values are limited to `LEAST_NORMALISED`..`MOST_NORMALISED`.
    """
    width = statistics.high - statistics.low
    if not (width > 0 and math.isfinite(width)):
        return np.zeros(values.shape, np.float32)
    scaled = values.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        scaled -= np.float32(statistics.low)
        scaled *= np.float32(1 / width)
    if values.dtype.kind in "fc":
        np.nan_to_num(scaled, copy=False, nan=0.0)
    return np.clip(scaled, np.float32(LEAST_NORMALISED), np.float32(MOST_NORMALISED), out=scaled)


def normalise_plane(
    pixels: NDArray[Any], *, percentiles: tuple[float, float]
) -> NDArray[np.float32]:
    """Normalise a plane in memory by its own statistics (see `normalise`)."""
    return normalise(pixels, plane_statistics(lambda: [pixels], percentiles=percentiles))


def _count(
    parts: Callable[[], Iterable[NDArray[Any]]],
) -> tuple[NDArray[np.int64], int, bool, int]:
    """Return counts, pixels not finite, whether bins are values, and the bin of the value 0."""
    counts: NDArray[np.int64] = np.zeros(1, np.int64)
    bad, exact, offset = 0, True, 0
    for part in parts():
        exact = part.dtype.kind == "b" or (part.dtype.kind in "iu" and part.dtype.itemsize <= 2)
        if exact:
            offset = first_bin(part.dtype)
            counts = counts + count_values(part)
        else:
            key = _keys(part)
            bad += part.size - key.size
            counts = counts + _counted(key >> 16, _BINS)
    return counts, bad, exact, offset


def count_values(part: NDArray[Any]) -> NDArray[np.int64]:
    """Return how often each value occurs among whole numbers of up to 16 bits, from the least."""
    offset = first_bin(part.dtype)
    index = part.reshape(-1)
    if offset:
        return _counted(index.astype(np.int32) + offset, _BINS)
    return _counted(index.astype(np.uint16), 1 << 8 * part.dtype.itemsize)


def first_bin(dtype: np.dtype[Any]) -> int:
    """Return the place of the value 0 among the counts of `count_values`."""
    return 1 << 15 if dtype.kind == "i" else 0


def _counted(index: NDArray[Any], n_bins: int) -> NDArray[np.int64]:
    counts = np.zeros(n_bins, np.int64)
    for first in range(0, len(index), _AT_ONCE):
        counts += np.bincount(index[first : first + _AT_ONCE], minlength=n_bins)
    return counts


def _refine(
    parts: Callable[[], Iterable[NDArray[Any]]], coarse: NDArray[np.int64], ranks: Sequence[int]
) -> dict[int, float]:
    """Return the exact value at each rank: count the low 16 bits within the bins of the ranks."""
    upto = np.cumsum(coarse)
    bins = np.searchsorted(upto, ranks, side="right")
    fine = {int(b): np.zeros(_BINS, np.int64) for b in bins}
    for part in parts():
        key = _keys(part)
        head = key >> 16
        for b, counts in fine.items():
            counts += np.bincount(key[head == b] & 0xFFFF, minlength=_BINS)
    found = {}
    for rank, b in zip(ranks, bins.tolist(), strict=True):
        within = rank - int(upto[b] - coarse[b])
        low = int(np.searchsorted(np.cumsum(fine[b]), within, side="right"))
        found[rank] = _value((b << 16) | low)
    return found


def _keys(part: NDArray[Any]) -> NDArray[np.uint32]:
    """Return the finite values as integers that sort as the numbers do."""
    with np.errstate(over="ignore"):
        values = part.reshape(-1).astype(np.float32)
    bits = values[np.isfinite(values)].view(np.uint32)
    return np.asarray(np.where(bits >> 31, ~bits, bits | np.uint32(1 << 31)), np.uint32)


def _value(key: int) -> float:
    bits = key & 0x7FFFFFFF if key >> 31 else ~key & 0xFFFFFFFF
    return float(np.uint32(bits).view(np.float32))
