"""Learning rates as pure functions of the step: nothing to store, nothing to lose."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.train.schedule_settings import Plateau

_START = 25.0
_END = 25.0e4
_SMALLEST_FALL = 1e-8  # as torch: a smaller change is none


def one_cycle(step: int, *, steps: int, rate: float, warmup: float) -> float:
    """Return the rate of a one-cycle schedule with cosine slopes.

    Parameters
    ----------
    step : int
        From 0 to ``steps``.
    steps : int
        Length of the cycle.
    rate : float
        Highest rate; the cycle begins at 1/25 of it and ends at 1/250,000.
    warmup : float
        Share of the steps in which the rate rises.

    Returns
    -------
    float
        What ``torch.optim.lr_scheduler.OneCycleLR`` with ``total_steps=steps + 1`` gives.

    References
    ----------
    Smith and Topin, Super-convergence, 2017, arXiv 1708.07120.
    """
    peak = warmup * (steps + 1) - 1
    if step <= peak:
        return _cosine(rate / _START, rate, step / peak)
    return _cosine(rate, rate / _END, (step - peak) / (steps - peak))


def shortened_cycle(
    step: int, *, steps: int, rate: float, warmup: float, at: int, planned: int
) -> float:
    """Return the rate of a cycle planned for ``planned`` steps that from ``at`` on ends early.

    Up to ``at`` it is `one_cycle` of the plan; from there one cosine falls to its end at ``steps``.
    """
    reached = one_cycle(min(step, at), steps=planned, rate=rate, warmup=warmup)
    if step <= at:
        return reached
    return _cosine(reached, rate / _END, (step - at) / (steps - at))


def cosine(step: int, *, steps: int, rate: float, floor: float) -> float:
    """Return the rate of one cosine fall from ``rate`` to ``floor`` over ``steps``.

    Returns
    -------
    float
        What ``torch.optim.lr_scheduler.CosineAnnealingLR`` with ``T_max=steps`` gives.
    """
    return _cosine(rate, floor, min(step / steps, 1.0))


def warm_restarts(step: int, *, period: int, growth: int, rate: float, floor: float) -> float:
    """Return the rate of cosine falls that begin anew, each ``growth`` times as long.

    Returns
    -------
    float
        What ``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts`` with ``T_0=period`` and
        ``T_mult=growth`` gives.

    References
    ----------
    Loshchilov and Hutter, SGDR, 2016, arXiv 1608.03983, equation 5.
    """
    length = period
    while step >= length:
        step, length = step - length, length * growth
        if growth == 1:
            step %= period
    return _cosine(rate, floor, step / length)


def plateau(values: Sequence[float], *, rate: float, settings: Plateau) -> float:
    """Return the rate after measurements, lowered whenever they stopped becoming better.

    Parameters
    ----------
    values : sequence of float
        Measurements in order; of a loss the smaller is better, else the larger.
    rate : float
        First rate.
    settings : Plateau

    Returns
    -------
    float
        What ``torch.optim.lr_scheduler.ReduceLROnPlateau`` (relative threshold) gives after the
        same measurements.
    """
    smaller = settings.metric == "loss"
    best = math.inf if smaller else -math.inf
    now, waited, cooling = rate, 0, 0
    for value in values:
        if smaller:
            improved = value < best * (1 - settings.threshold)
        else:
            improved = value > best * (1 + settings.threshold)
        best, waited = (value, 0) if improved else (best, waited + 1)
        if cooling > 0:
            cooling, waited = cooling - 1, 0
        if waited > settings.patience:
            lower = max(now * settings.factor, rate * settings.floor_ratio)
            now = lower if now - lower > _SMALLEST_FALL else now
            cooling, waited = settings.cooldown, 0
    return now


def _cosine(first: float, last: float, part: float) -> float:
    return last + (first - last) / 2.0 * (math.cos(math.pi * part) + 1)
