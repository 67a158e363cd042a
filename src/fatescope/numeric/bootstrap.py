"""Intervals by resampling independent units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.numeric.settings import BootstrapSettings


def bootstrap_interval(
    sums: FloatArray | IntArray,
    statistic: Callable[[FloatArray], FloatArray],
    settings: BootstrapSettings,
) -> tuple[float, float] | None:
    """Return the percentile interval of a statistic of sums over units.

    Parameters
    ----------
    sums : ndarray, shape (n_units, k)
        Sums of each independent unit (embryo, movie, well, field group), never of parts of one.
    statistic : callable
        From sums over a sample of units, shape (resamples, k), to its value, (resamples,).
    settings : BootstrapSettings
        Number of samples, level and seed.

    Returns
    -------
    tuple of float, or None
        Low and high; ``None`` for fewer than two units, whose spread is unknown.

    References
    ----------
    Efron and Tibshirani, An introduction to the bootstrap, 1993, chapter 13.

    Examples
    --------
    >>> from fatescope.numeric import BootstrapSettings
    >>> units = np.array([[8, 10], [9, 10], [5, 10], [7, 10]])
    >>> low, high = bootstrap_interval(units, lambda s: s[:, 0] / s[:, 1], BootstrapSettings())
    >>> low < 0.725 < high
    True
    """
    count = len(sums)
    if count < 2:
        return None
    rng = np.random.default_rng(settings.seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=settings.resamples)
    values = statistic(np.asarray(times @ np.asarray(sums), dtype=np.float64))
    tail = (1 - settings.level) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def mean_interval(values: FloatArray, settings: BootstrapSettings) -> tuple[float, float, float]:
    """Return the mean of independent units, and the ends of its interval.

    Parameters
    ----------
    values : ndarray of float, shape (n_units,)
        NaN is left out. Without a value all three are NaN; with one, the ends are.
    settings : BootstrapSettings

    Examples
    --------
    >>> from fatescope.numeric import BootstrapSettings
    >>> mean_interval(np.array([0.5, np.nan]), BootstrapSettings())
    (0.5, nan, nan)
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    found = bootstrap_interval(known[:, None], lambda s: s[:, 0] / len(known), settings)
    low, high = found or (float("nan"), float("nan"))
    return float(known.mean()), low, high
