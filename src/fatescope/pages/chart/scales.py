"""From values to places along an axis, and where its ticks are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.pages.chart.ticks import nice_ticks, number
from fatescope.pages.chart.values import Band, Bars, Guide, HeatMap, Line, Points, Rug, values_of

if TYPE_CHECKING:
    from typing import Literal

    from numpy.typing import ArrayLike

    from fatescope.base import FloatArray
    from fatescope.pages.chart.values import Axis, Chart, Mark

_BASES = {"log2": 2.0, "log10": 10.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis with ends: ``low`` and ``high`` are exponents where it is logarithmic."""

    axis: Axis
    low: float
    high: float

    def shares(self, values: ArrayLike) -> FloatArray:
        """Return where values lie, 0 at the low end, 1 at the high end; NaN where nowhere."""
        return (_exponents(self.axis, values) - self.low) / (self.high - self.low)

    def ticks(self, n: int) -> list[tuple[float, str]]:
        """Return about ``n`` ticks inside the ends: share and words."""
        if self.axis.labels:
            return [(float(self.shares(i)), words) for i, words in enumerate(self.axis.labels)]
        if self.axis.scale == "linear":
            at = nice_ticks(self.low, self.high, n=n)
            words = [number(t) for t in at]
        else:
            at = [float(k) for k in range(math.ceil(self.low), math.floor(self.high) + 1)]
            at = at[:: max(1, -(-len(at) // (2 * n)))]
            words = [number(_BASES[self.axis.scale] ** k) for k in at]
        slack = 1e-9 * (self.high - self.low)
        return [
            ((t - self.low) / (self.high - self.low), w)
            for t, w in zip(at, words, strict=True)
            if self.low - slack <= t <= self.high + slack
        ]


def scales_of(chart: Chart) -> tuple[Scale, Scale]:
    """Return both axes of a chart with ends that hold all of its marks."""
    return _scale(chart, "x"), _scale(chart, "y")


def stairs(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the corners of a line whose values hold until the next place."""
    return np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]


def _scale(chart: Chart, side: Literal["x", "y"]) -> Scale:
    axis: Axis = getattr(chart, side)
    if axis.labels:
        ends = axis.ends or (-0.5, len(axis.labels) - 0.5)
        low, high = ends if side == "x" else ends[::-1]
        return Scale(axis=axis, low=low, high=high)
    if axis.ends is not None:
        low, high = (float(v) for v in _exponents(axis, axis.ends))
    else:
        low, high = _wanted(chart, axis, side)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise InputError(
            f"the {side} axis of the chart {chart.title!r} ({axis.words}) has no finite value."
        )
    if low >= high:
        low, high = low - max(abs(low) * 0.1, 0.5), low + max(abs(low) * 0.1, 0.5)
    return Scale(axis=axis, low=low, high=high)


def _wanted(chart: Chart, axis: Axis, side: Literal["x", "y"]) -> tuple[float, float]:
    """Return ends that hold the marks: round ones along y, and 0 where nothing is negative."""
    parts = [_exponents(axis, v).ravel() for mark in chart.marks for v in _places(mark, side)]
    known = np.concatenate([*parts, np.zeros(0)])
    known = known[np.isfinite(known)]
    if not len(known):
        return math.nan, math.nan
    low, high = float(known.min()), float(known.max())
    if axis.scale != "linear":
        low = min(low, 0.0) if any(isinstance(m, Bars) for m in chart.marks) else low
        return float(math.floor(low)), float(max(math.ceil(high), math.floor(low) + 1))
    if side == "x":
        if not any(isinstance(m, Points) for m in chart.marks):
            return low, high
        margin = 0.03 * (high - low)
        return low - margin, high + margin
    if any(isinstance(m, Line | Bars | Band) for m in chart.marks):
        low = min(low, 0.0)
    ticks = nice_ticks(low, high, n=4)
    return ticks[0], ticks[-1]


def _places(mark: Mark, side: Literal["x", "y"]) -> list[FloatArray]:
    """Return the values of a mark that the axis must hold."""
    if isinstance(mark, HeatMap) or (isinstance(mark, Rug) and side == "y"):
        return []
    if isinstance(mark, Guide):
        return [np.array([mark.at, mark.at if mark.to is None else mark.to])] * (mark.axis == side)
    if side == "x":
        x = values_of(mark, "x")
        return [x - mark.width / 2, x + mark.width / 2] if isinstance(mark, Bars) else [x]
    names = {Line: ("y",), Band: ("low", "high"), Points: ("y", "low", "high"), Bars: ("height",)}
    return [values_of(mark, n) for n in names[type(mark)]]


def _exponents(axis: Axis, values: ArrayLike) -> FloatArray:
    """Return values as they stand on the paper: themselves, or their logarithms."""
    array = np.asarray(values, dtype=np.float64)
    if axis.scale == "linear":
        return array
    known = np.where(array > 0, array, np.nan)
    return np.asarray(np.log(known) / math.log(_BASES[axis.scale]))
