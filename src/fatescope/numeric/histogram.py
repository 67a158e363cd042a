"""Counts of values in bins of one width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray


@dataclass(frozen=True, slots=True)
class Bins:
    """``n`` bins from ``low`` to ``high``; what lies outside goes into the outer ones."""

    low: float
    high: float
    n: int

    @property
    def width(self) -> float:
        """Width of one bin."""
        return (self.high - self.low) / self.n

    @property
    def centre(self) -> FloatArray:
        """Centres of the bins, shape (n,)."""
        return self.low + (np.arange(self.n) + 0.5) * (self.high - self.low) / self.n

    def count(
        self, values: NDArray[Any], times: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Return how many values lie in each bin, shape (n,).

        Parameters
        ----------
        values : ndarray of float, any shape
            Finite.
        times : ndarray of int, the shape of ``values``, optional
            How often each value is there.
        """
        kind = values.dtype.type
        place = (values - kind(self.low)) * kind(self.n / (self.high - self.low))
        index = np.clip(place, 0, self.n - 1).astype(np.uint16).reshape(-1)
        if times is None:
            return np.bincount(index, minlength=self.n)
        return np.bincount(index, weights=times.reshape(-1), minlength=self.n).astype(np.int64)

    def otsu(self, counts: NDArray[np.int64]) -> float:
        """Return the value that best divides counts in two; of a gap between them, its middle.

        Parameters
        ----------
        counts : ndarray of int, shape (n,)
            From `count`.

        References
        ----------
        Otsu N (1979). IEEE Trans. Systems, Man and Cybernetics 9:62-66. Where several bins divide
        equally well, scikit-image takes the first: the lower edge of a gap.
        """
        centre = self.centre
        weight = np.cumsum(counts).astype(np.float64)
        total = np.cumsum(counts * centre)
        n, mean = weight[-1], total[-1]
        with np.errstate(divide="ignore", invalid="ignore"):
            between = (mean * weight - total * n) ** 2 / (weight * (n - weight))
        between[~np.isfinite(between)] = -1
        best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
        return float(centre[best].mean() + self.width / 2)
