"""Hazards of wells against each other, and of treatments with intervals over wells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from fatescope.plate.survival import LEVEL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray
    from fatescope.plate.fates import WellFates

_ROUNDS, _CLOSE = 300, 1e-9
_FEWEST_DEATHS = 1.0
"""A hazard ratio needs a death a well on average in both groups."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HazardRatio:
    """A ratio of hazards with its 95 % interval over wells, and p of the log-rank comparison."""

    ratio: float
    low: float
    high: float
    p_logrank: float


def expected_deaths(fates: WellFates, relative: FloatArray) -> FloatArray:
    """Return the deaths of each well if all had one hazard times ``relative``, shape (w,).

    The hazard at each frame is that of all wells of a plate together, as in the log-rank test.
    A cell that dies between two frames counts for half of that time (the actuarial estimate).
    """
    exposure = fates.at_risk - 0.5 * fates.deaths
    expected = np.zeros(len(fates.well))
    for plate in np.unique(fates.plate):
        mine = fates.plate == plate
        weighted = (exposure[mine] * relative[mine, None]).sum(axis=0)
        deaths = fates.deaths[mine].sum(axis=0)
        hazard = np.divide(deaths, weighted, out=np.zeros(len(deaths)), where=weighted > 0)
        expected[mine] = exposure[mine] @ hazard
    return expected


def relative_hazards(fates: WellFates, test: NDArray[np.bool_] | None = None) -> FloatArray:
    """Return the hazard of each well relative to the others of its plate, on a log scale, (w,).

    Parameters
    ----------
    fates : WellFates
    test : ndarray of bool, shape (w,), optional
        Two groups that are to be compared: each death then counts as much as it tells of their
        ratio. Default: all deaths count alike.

    Notes
    -----
    Proportional hazards with one coefficient a well and a free baseline a plate (Cox, Breslow's
    form), solved by turns: baseline from wells, wells from baseline. Half a death is added to
    each well if one of them has none. Copies of cells change nothing.

    In Cox's score for two groups a death of the test counts by the share of the reference in the
    hazard at that time, and the other way round. Where one group is long dead the other tells
    nothing of the ratio; counted alike, such deaths made wells look alike that the ratio does not
    rest on, and intervals of large ratios too narrow.

    References
    ----------
    Cox DR (1972). J R Stat Soc B 34:187-220. Breslow N (1974). Biometrics 30:89-99.
    """
    exposure = fates.at_risk - 0.5 * fates.deaths
    logs = np.zeros(len(fates.well))
    for plate in np.unique(fates.plate):
        mine = fates.plate == plate
        side = None if test is None or len(set(test[mine])) < 2 else test[mine]
        logs[mine] = _solve(exposure[mine], fates.deaths[mine], side)
    return logs


def _solve(
    exposure: FloatArray, deaths: NDArray[np.int64], test: NDArray[np.bool_] | None
) -> FloatArray:
    """Solve one plate; arrays of shape (w, f)."""
    logs, total = np.zeros(len(deaths)), deaths.sum(axis=0)
    weight = np.ones(deaths.shape)
    for _ in range(_ROUNDS):
        share = exposure * np.exp(logs)[:, None]
        everyone = share.sum(axis=0)
        hazard = np.divide(total, everyone, out=np.zeros(len(total)), where=everyone > 0)
        if test is not None:
            of_test = np.divide(
                share[test].sum(axis=0), everyone, out=np.zeros(len(total)), where=everyone > 0
            )
            weight = np.where(test[:, None], 1 - of_test, of_test)
        expected = (weight * exposure) @ hazard
        plain = np.maximum(exposure @ hazard, 1e-300)
        counted = (weight * deaths).sum(axis=1)
        counted += 0.5 * (counted == 0).any() * expected / plain
        found = np.log(np.maximum(counted, 1e-300) / np.maximum(expected, 1e-300))
        found -= found.mean()
        moved, logs = float(np.abs(found - logs).max()), found
        if moved < _CLOSE:
            break
    return logs


def compare_hazards(fates: WellFates, test: NDArray[np.bool_]) -> HazardRatio:
    """Compare the wells of a treatment with those of the reference.

    Parameters
    ----------
    fates : WellFates
        Of both groups.
    test : ndarray of bool, shape (w,)
        Wells of the treatment.

    Returns
    -------
    HazardRatio
        NaN for the ratio where a group has less than one death a well, for the interval and p with
        fewer than two wells in a group.

    Notes
    -----
    The well is the unit: Student's t on the logarithms of the hazards of wells (plates as blocks).
    For p, each well has its observed against its expected deaths of the log-rank test.
    """
    nothing = float("nan")
    deaths = fates.deaths.sum(axis=1)
    sides = [deaths[~test], deaths[test]]
    if any(len(s) == 0 for s in sides) or deaths.sum() == 0:
        return HazardRatio(ratio=nothing, low=nothing, high=nothing, p_logrank=nothing)
    plates = ((fates.plate == name).astype(float) for name in np.unique(fates.plate))
    design = np.column_stack([test.astype(float), *plates])
    added = 0.5 * (deaths == 0).any()
    expected = expected_deaths(fates, np.ones(len(deaths)))
    logs = np.log((deaths + added) / np.maximum(expected, 1e-9))
    p = fit_over_wells(design, logs)[3]
    if any(s.mean() < _FEWEST_DEATHS for s in sides):
        return HazardRatio(ratio=nothing, low=nothing, high=nothing, p_logrank=p)
    effect, low, high, _ = fit_over_wells(design, relative_hazards(fates, test))
    if min(len(s) for s in sides) < 2:
        low = high = p = nothing
    return HazardRatio(
        ratio=float(np.exp(effect)), low=float(np.exp(low)), high=float(np.exp(high)), p_logrank=p
    )


def fit_over_wells(design: FloatArray, values: FloatArray) -> tuple[float, float, float, float]:
    """Return the first coefficient of a linear fit over wells: estimate, low, high, p.

    The ends and p are NaN where no well is left to tell the spread, or the design cannot tell
    the coefficient from the others.
    """
    nothing = float("nan")
    n, k = design.shape
    if np.linalg.matrix_rank(design) < k:
        return nothing, nothing, nothing, nothing
    inverse = np.linalg.inv(design.T @ design)
    found = inverse @ design.T @ values
    if n <= k:
        return float(found[0]), nothing, nothing, nothing
    error = np.sqrt(np.square(values - design @ found).sum() / (n - k) * inverse[0, 0])
    half = stats.t.ppf(0.5 + LEVEL / 2, n - k) * error
    p = 2 * stats.t.sf(abs(found[0]) / error, n - k) if error > 0 else nothing
    return float(found[0]), float(found[0] - half), float(found[0] + half), float(p)
