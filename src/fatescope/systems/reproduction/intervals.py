"""Intervals on the pages of reproductions: over independent units, where there are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.numeric import BootstrapSettings, bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base import FloatArray

FEWEST = 4
"""Units: resampling two or three says which of them are drawn, not how far the score can be off."""


def interval_over_units(
    sums: FloatArray, statistic: Callable[[FloatArray], FloatArray]
) -> tuple[float, float] | None:
    """Return the 95 % interval of a statistic of sums over units, or ``None`` for too few."""
    if len(sums) < FEWEST:
        return None
    return bootstrap_interval(sums, statistic, BootstrapSettings())


def score_over_units(
    sums: FloatArray, statistic: Callable[[FloatArray], FloatArray], *, unit: str, digits: int
) -> tuple[float, str]:
    """Return a statistic of pooled sums, and its 95 % interval over units in words."""
    found = interval_over_units(sums, statistic)
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    if found is None:
        return value, no_interval(len(sums), unit)
    low, high = (f"{end:.{digits}f}" for end in found)
    return value, f"{low} to {high}"


def intervals_in_words(n: int, unit: str) -> str:
    """Return ``"with 95 % intervals over wells"``, or that there are too few for one."""
    if n >= FEWEST:
        return f"with 95 % intervals over {unit}s"
    few = f"one {unit} is" if n == 1 else f"{n} {unit}s are"
    return f"without intervals, as {few} too few"


def no_interval(n: int, unit: str) -> str:
    """Return why there is none, such as ``"2 images: none"``."""
    return f"one {unit}: none" if n == 1 else f"{n} {unit}s: none"
