"""Sums of pixel values that do not depend on the order of summation.

Floating-point sums change with the order of their terms, and so with tiles and workers. Here a
value is split into whole numbers of known units, and whole numbers are summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray

_MANTISSA = 24  # bits of a float32
_STEP = 8  # exponents that share a unit: 2 ** (24 + 8) * 2 ** 31 values still fit 64 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSum:
    """Sum of one channel's values over each of ``n`` objects, exact.

    Parameters
    ----------
    parts : dict of int to ndarray of int64, shape (n,)
        The sum is that of ``parts[e] * 2 ** e`` over all ``e``.
    not_finite : ndarray of int64, shape (n,)
        Number of values that are NaN or infinite; they are in no part.
    """

    parts: dict[int, IntArray]
    not_finite: IntArray

    @classmethod
    def of_runs(cls, values: NDArray[Any], start: IntArray) -> ChannelSum:
        """Sum ``values`` over consecutive runs.

        Parameters
        ----------
        values : ndarray of bool, int or float, shape (m,)
            Floats are taken at the precision of float32; whole numbers of any width exactly.
        start : ndarray of int, shape (n,)
            Where each run begins; it ends where the next one begins.
        """
        none = np.zeros(len(start), dtype=np.int64)
        if np.issubdtype(values.dtype, np.floating):
            return cls._of_floats(values.astype(np.float32, copy=False), start)
        if values.dtype.itemsize < 8:
            whole = values.astype(np.uint8) if values.dtype == np.bool_ else values
            return cls(parts={0: _run_sums(whole, start)}, not_finite=none)
        high, low = values >> 32, values & 0xFFFF_FFFF
        parts = {0: _run_sums(low, start), 32: _run_sums(high, start)}
        return cls(parts=parts, not_finite=none)

    @classmethod
    def _of_floats(cls, values: NDArray[np.float32], start: IntArray) -> ChannelSum:
        finite = np.isfinite(values)
        clean = np.where(finite, values, np.float32(0))
        exponent = np.frexp(clean)[1] // _STEP * _STEP
        exponent[clean == 0] = 0
        parts = {}
        for e in np.unique(exponent).tolist():
            unit = e - _MANTISSA
            here = np.where(exponent == e, clean, np.float32(0)).astype(np.float64)
            parts[unit] = _run_sums(np.ldexp(here, -unit).astype(np.int64), start)
        return cls(parts=parts, not_finite=_run_sums(~finite, start))

    def grouped(self, by: Callable[[IntArray], IntArray]) -> ChannelSum:
        """Return the sums after ``by`` has regrouped each array of whole numbers."""
        return ChannelSum(
            parts={e: by(p) for e, p in self.parts.items()}, not_finite=by(self.not_finite)
        )

    @staticmethod
    def concatenate(sums: Sequence[ChannelSum]) -> ChannelSum:
        """Return the sums of all objects of ``sums``, one after the other."""
        units = sorted({e for s in sums for e in s.parts})
        return ChannelSum(
            parts={
                e: np.concatenate([s.parts.get(e, np.zeros_like(s.not_finite)) for s in sums])
                for e in units
            },
            not_finite=np.concatenate([s.not_finite for s in sums]),
        )

    def mean(self, count: IntArray) -> FloatArray:
        """Return the mean over those of ``count`` values that are finite; NaN where none is."""
        total = np.zeros(len(count))
        for unit in sorted(self.parts):
            total += np.ldexp(self.parts[unit].astype(np.float64), unit)
        finite = count - self.not_finite
        return np.where(finite > 0, total / np.maximum(finite, 1), np.nan)


def _run_sums(values: NDArray[Any], start: IntArray) -> IntArray:
    if not len(start):
        return np.zeros(0, dtype=np.int64)
    return np.asarray(np.add.reduceat(values, start, dtype=np.int64))
