"""Survival and viability of wells, and of treatments with intervals over wells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from fatescope.base import FloatArray, IntArray
    from fatescope.plate.fates import WellFates

LEVEL = 0.95
"""Confidence of all intervals (CONTRACT)."""


def survival_of_wells(fates: WellFates) -> FloatArray:
    """Return the Kaplan-Meier estimate of each well at each frame, shape (w, f).

    NaN from where no cell is followed any more, unless all have died (0).

    References
    ----------
    Kaplan EL, Meier P (1958). J Am Stat Assoc 53:457-481.
    """
    share = np.divide(
        fates.deaths,
        fates.at_risk,
        out=np.zeros(fates.deaths.shape),
        where=fates.at_risk > 0,
    )
    survival = np.cumprod(1 - share, axis=1)
    ever = fates.at_risk.sum(axis=1) > 0
    # Cells that enter later are followed again, so only what comes after the last one is unknown.
    after = np.cumsum(fates.at_risk[:, ::-1], axis=1)[:, ::-1] == 0
    after[:, 0] = ~ever
    return np.where(after & (survival > 0), np.nan, survival)


def wilson_interval(alive: IntArray, n: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the interval of a share of cells within a well; NaN where there is no cell.

    It says how well the share of *this* well is known. What another well of the treatment would
    show is in `band_over_wells`.

    References
    ----------
    Wilson EB (1927). J Am Stat Assoc 22:209-212.
    """
    z = stats.norm.ppf(0.5 + LEVEL / 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = alive / n
        middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = np.where(n > 0, np.clip(middle - half, 0, 1), np.nan)
    high = np.where(n > 0, np.clip(middle + half, 0, 1), np.nan)
    return low, high


def band_over_wells(share: FloatArray, n: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the share of a treatment at each frame, and its interval over wells.

    Parameters
    ----------
    share : ndarray of float, shape (w, f)
        Survival or viability of each well; NaN is left out.
    n : ndarray of int, shape (w,)
        Cells of each well: a share of 0 or 1 is moved by half a cell.

    Returns
    -------
    middle, low, high : ndarray, shape (f,)
        The ends are NaN with fewer than two wells, or where all wells are alike to the last cell.
        Where no cell of any well is lost, as before the first death, all three are 1.

    Notes
    -----
    Student's t over wells on the scale log(-log(share)), on which wells that differ by a factor
    in their hazard differ by the same amount at all times.
    """
    edge = 0.5 / (np.maximum(n, 1) + 1)[:, None]
    with np.errstate(invalid="ignore"):
        moved = np.log(-np.log(np.clip(share, edge, 1 - edge)))
    known = np.isfinite(moved)
    k = known.sum(axis=0)
    total = np.where(known, moved, 0).sum(axis=0)
    middle = np.divide(total, k, out=np.full(len(k), np.nan), where=k > 0)
    square = np.where(known, (moved - middle) ** 2, 0).sum(axis=0)
    spread = np.sqrt(np.divide(square, k - 1, out=np.full(len(k), np.nan), where=k > 1))
    spread = np.where(spread > 1e-12, spread, np.nan)
    half = stats.t.ppf(0.5 + LEVEL / 2, np.maximum(k - 1, 1)) * spread / np.sqrt(np.maximum(k, 1))
    back = [np.exp(-np.exp(v)) for v in (middle, middle + half, middle - half)]
    whole = (k > 0) & ((share == 1) | ~known).all(axis=0)
    middle, low, high = (np.where(whole, 1.0, v) for v in back)
    return middle, low, high


def crossing(curve: FloatArray, level: float, times: FloatArray) -> float:
    """Return the time at which a falling curve reaches ``level``; NaN if never.

    Deaths are spread evenly between two frames, so the line between them is the estimate.
    ``times`` of the frames may be uneven, in any unit.
    """
    below = np.flatnonzero(curve <= level)
    if not len(below):
        return float("nan")
    i = int(below[0])
    if i == 0 or not np.isfinite(curve[i - 1]):
        return float(times[i])
    part = (level - curve[i]) / (curve[i - 1] - curve[i])
    return float(times[i] - part * (times[i] - times[i - 1]))


def median_over_wells(
    survival: FloatArray, n: IntArray, times: FloatArray
) -> tuple[float, float, float]:
    """Return the median time of death of a treatment, with its interval over wells.

    Parameters
    ----------
    survival : ndarray, shape (w, f)
        Of its wells.
    n : ndarray of int, shape (w,)
    times : ndarray of float, shape (f,)
        Of the frames; the median has their unit.

    Returns
    -------
    median, low, high : float
        NaN where they are not reached.

    Notes
    -----
    Where half of the cells die in every well: the geometric mean of the medians of wells, with
    Student's t over their logarithms. Else the mean curve of `band_over_wells` decides, and the
    ends are where its band crosses one half (Brookmeyer and Crowley), over wells.

    References
    ----------
    Brookmeyer R, Crowley J (1982). Biometrics 38:29-41.
    """
    if not len(survival):
        return float("nan"), float("nan"), float("nan")
    medians = np.array([crossing(s, 0.5, times) for s in survival])
    if np.isfinite(medians).all() and (medians > 0).all():
        middle, low, high = mean_with_t(np.log(medians))
        return float(np.exp(middle)), float(np.exp(low)), float(np.exp(high))
    middle_curve, low_curve, high_curve = band_over_wells(survival, n)
    median = crossing(middle_curve, 0.5, times)
    if not np.isfinite(median):
        return median, float("nan"), float("nan")
    return median, crossing(low_curve, 0.5, times), crossing(high_curve, 0.5, times)


def mean_with_t(values: FloatArray) -> tuple[float, float, float]:
    """Return the mean of independent units and its interval; NaN ends for fewer than two."""
    n = len(values)
    middle = float(np.mean(values)) if n else float("nan")
    if n < 2:
        return middle, float("nan"), float("nan")
    half = stats.t.ppf(0.5 + LEVEL / 2, n - 1) * float(np.std(values, ddof=1)) / np.sqrt(n)
    return middle, middle - half, middle + half
