"""Counts of normalised values, and the threshold that divides them in two."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_BINS = 1024
_LOW, _HIGH = -0.25, 2.25


def histogram(
    values: NDArray[np.float32], counts: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Count normalised values in `N_BINS` bins; what lies outside goes into the outer bins.

    ``counts``, if given, says how often each value is there.
    """
    place = (values - np.float32(_LOW)) * np.float32(N_BINS / (_HIGH - _LOW))
    index = np.clip(place, 0, N_BINS - 1).astype(np.uint16)
    if counts is None:
        return np.bincount(index.reshape(-1), minlength=N_BINS)
    return np.bincount(index, weights=counts, minlength=N_BINS).astype(np.int64)


def otsu(counts: NDArray[np.int64]) -> float:
    """Return the normalised value that best divides a histogram in two (Otsu 1979)."""
    centre = _LOW + (np.arange(N_BINS) + 0.5) * (_HIGH - _LOW) / N_BINS
    weight = np.cumsum(counts).astype(np.float64)
    total = np.cumsum(counts * centre)
    n, mean = weight[-1], total[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (mean * weight - total * n) ** 2 / (weight * (n - weight))
    between[~np.isfinite(between)] = -1
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))  # a gap in the values: its middle
    return float(centre[best].mean() + (_HIGH - _LOW) / N_BINS / 2)
