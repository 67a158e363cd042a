"""Dose and response: four parameters, fitted over wells, refused where no plateau is reached."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import optimize, stats

from fatescope.base import InputError
from fatescope.plate.survival import LEVEL

if TYPE_CHECKING:
    from fatescope.base import FloatArray

_PLATEAU = 0.85
"""Share of the way from top to bottom that the highest dose must have gone."""
_FEWEST_DOSES = 4
_STEEPEST = 8.0
_FARTHEST = 3.0
"""Powers of ten beyond the doses at which the search for an end of the interval stops."""
_ROUNDS, _LEAST_VARIANCE = 2, 0.03
"""Fits with weights after the first one; p (1 - p) below which no well is held to be surer."""


@dataclass(frozen=True, slots=True)
class _Wells:
    """What is fitted: dose, response and precision of each well."""

    logs: FloatArray  # of the dose; -inf without the drug
    response: FloatArray
    weight: FloatArray  # the inverse of the standard deviation, up to a factor; mean square 1

    def squares(self, fitted: FloatArray | float) -> float:
        """Return the weighted squares that a fit leaves."""
        return float(np.square(self.weight * (self.response - fitted)).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseResponse:
    """``bottom + (top - bottom) / (1 + (dose / ec50) ** slope)``, with the interval of ec50.

    Both levels are shares, and lie between 0 and 1.
    """

    top: float
    bottom: float
    ec50: float
    low: float
    high: float
    slope: float
    n_wells: int

    def at(self, dose: FloatArray) -> FloatArray:
        """Return the response at a dose; at 0 it is ``top``."""
        return np.asarray(_response(self, dose))


def fit_dose(dose: FloatArray, response: FloatArray) -> DoseResponse:
    """Fit a dose response over wells.

    Parameters
    ----------
    dose : ndarray of float, shape (w,)
        0 for wells without the drug.
    response : ndarray of float, shape (w,)
        One share a well, 0 to 1: its viability at the end.

    Returns
    -------
    DoseResponse
        With the profile interval (F) of ``ec50``, over wells; a share varies most where half of
        the cells live, and wells weigh accordingly.

    Raises
    ------
    InputError
        If there are fewer than four doses above 0 or too few wells, the response does not change
        by more than wells differ, or a plateau is not reached: then ``ec50`` is not known.

    References
    ----------
    Ritz C et al. (2015). PLoS ONE 10:e0146021. Bates DM, Watts DG (1988). Nonlinear Regression
    Analysis, chapter 6.
    """
    known = np.isfinite(dose) & np.isfinite(response)
    dose, response = dose[known], response[known]
    levels, n = np.unique(dose[dose > 0]), len(dose)
    if len(levels) < _FEWEST_DOSES or n < 6:
        raise InputError(
            f"a dose response needs {_FEWEST_DOSES} doses above 0 and 6 wells; got {len(levels)} "
            f"and {n}."
        )
    logs = np.full(n, -np.inf)
    logs[dose > 0] = np.log(dose[dose > 0])
    first, last = float(np.log(levels[0])), float(np.log(levels[-1]))
    wells = _Wells(logs, response, np.ones(n))
    least, centre, slope = _best(wells, first, last)
    for _ in range(_ROUNDS):
        wells = _weighted(wells, centre, slope)
        least, centre, slope = _best(wells, first, last)
    flat = wells.squares(float(np.average(response, weights=wells.weight**2)))
    ratio = (flat - least) / 3 / max(least / (n - 4), 1e-300)
    if stats.f.sf(ratio, 3, n - 4) > 1 - LEVEL:
        raise InputError("the response does not change with the dose by more than wells differ.")
    limit = least * (1 + stats.f.ppf(LEVEL, 1, n - 4) / (n - 4)) + 1e-15
    ends = [_end(wells, centre, limit, to) for to in _bounds(first, last)]
    top, bottom = _levels(wells, centre, slope)[0]
    reached = [
        _share(np.array([logs.min()]), centre, slope),
        _share(np.array([last]), centre, slope),
    ]
    if float(reached[0][0]) > 1 - _PLATEAU or float(reached[1][0]) < _PLATEAU or None in ends:
        raise InputError(
            "no plateau is reached "
            f"({'at low' if float(reached[0][0]) > 1 - _PLATEAU else 'at high'} doses), so the "
            "dose of half the effect is not known. Add doses."
        )
    low, high = (float(np.exp(e)) for e in ends if e is not None)
    return DoseResponse(
        top=top,
        bottom=bottom,
        ec50=float(np.exp(centre)),
        low=low,
        high=high,
        slope=slope,
        n_wells=n,
    )


def _response(fit: DoseResponse, dose: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore"):
        share = _share(np.log(np.asarray(dose, dtype=np.float64)), np.log(fit.ec50), fit.slope)
    return np.asarray(fit.top + (fit.bottom - fit.top) * share)


def _share(logs: FloatArray, centre: float, slope: float) -> FloatArray:
    """Return how far from top to bottom the response has gone, 0 to 1."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * slope * (logs - centre))))


def _weighted(wells: _Wells, centre: float, slope: float) -> _Wells:
    """Return the wells with the precision of a share: it varies most where half of the cells live.

    The variance is taken to be proportional to p (1 - p), as that of counts is.
    """
    (top, bottom), _ = _levels(wells, centre, slope)
    p = top + (bottom - top) * _share(wells.logs, centre, slope)
    weight = 1 / np.sqrt(np.maximum(p * (1 - p), _LEAST_VARIANCE))
    return replace(wells, weight=weight / np.sqrt(np.square(weight).mean()))


def _levels(wells: _Wells, centre: float, slope: float) -> tuple[tuple[float, float], float]:
    """Return the best top and bottom between 0 and 1, and the squares that are left."""
    share = _share(wells.logs, centre, slope)
    parts, response = (
        (wells.weight * (1 - share), wells.weight * share),
        wells.weight * wells.response,
    )
    found, *_ = np.linalg.lstsq(np.column_stack(parts), response, rcond=None)
    top, bottom = (float(v) for v in found)
    tried = [(top, bottom)]
    if not (0 <= top <= 1 and 0 <= bottom <= 1):
        # The best within the square lies on one of its sides, where one level is known.
        tried = [(level, _other(parts[1], response - level * parts[0])) for level in (0.0, 1.0)]
        tried += [(_other(parts[0], response - level * parts[1]), level) for level in (0.0, 1.0)]
    left = [float(np.square(response - t * parts[0] - b * parts[1]).sum()) for t, b in tried]
    best = int(np.argmin(left))
    return tried[best], left[best]


def _other(part: FloatArray, rest: FloatArray) -> float:
    """Return the level, between 0 and 1, that explains most of what the known one leaves."""
    squares = float(np.square(part).sum())
    return min(1.0, max(0.0, float(part @ rest) / squares)) if squares > 0 else 0.0


def _best_slope(wells: _Wells, centre: float) -> tuple[float, float]:
    """Return the squares left with the best slope for one centre, and that slope."""

    def left(log_slope: float) -> float:
        return _levels(wells, centre, float(np.exp(log_slope)))[1]

    grid = np.linspace(np.log(0.2), np.log(_STEEPEST), 12)
    i = int(np.argmin([left(g) for g in grid]))
    ends = (grid[max(0, i - 1)], grid[min(len(grid) - 1, i + 1)])
    found = optimize.minimize_scalar(left, bounds=ends, method="bounded")
    return float(found.fun), float(np.exp(found.x))


def _best(wells: _Wells, first: float, last: float) -> tuple[float, float, float]:
    """Return the squares left, the centre (log dose) and the slope of the best fit."""
    grid = np.linspace(first - 1, last + 1, 25)
    i = int(np.argmin([_best_slope(wells, c)[0] for c in grid]))
    ends = (grid[max(0, i - 1)], grid[min(len(grid) - 1, i + 1)])
    found = optimize.minimize_scalar(
        lambda c: _best_slope(wells, c)[0], bounds=ends, method="bounded"
    )
    return float(found.fun), float(found.x), _best_slope(wells, float(found.x))[1]


def _bounds(first: float, last: float) -> tuple[float, float]:
    far = _FARTHEST * np.log(10)
    return first - far, last + far


def _end(wells: _Wells, centre: float, limit: float, to: float) -> float | None:
    """Return where the profile rises to ``limit`` on the way from ``centre``; None if nowhere."""

    def above(c: float) -> float:
        return _best_slope(wells, c)[0] - limit

    steps = np.linspace(centre, to, 25)
    before = centre
    for c in steps[1:]:
        if above(float(c)) > 0:
            return float(optimize.brentq(above, before, float(c), xtol=1e-4))
        before = float(c)
    return None
