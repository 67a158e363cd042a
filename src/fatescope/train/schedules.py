"""Learning rates as pure functions of the step: nothing to store, nothing to lose."""

from __future__ import annotations

import math

_START = 25.0
_END = 25.0e4


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


def _cosine(first: float, last: float, part: float) -> float:
    return last + (first - last) / 2.0 * (math.cos(math.pi * part) + 1)
