"""Cosine annealing with kicks: fall, wait at the floor, and on a plateau a kick to a new fall."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.train.schedule_settings import Kicks


@dataclass(frozen=True, slots=True)
class Turn:
    """One fall of the rate: where it begins, from which rate, to which floor."""

    step: int
    peak: float
    floor: float


def kick_turns(
    measured: Sequence[tuple[int, float]], *, rate: float, settings: Kicks
) -> list[Turn]:
    """Return the falls that a history of measurements leads to.

    Parameters
    ----------
    measured : sequence of (int, float)
        Step and metric, in order of steps. Of a loss the smaller is better, else the larger.
    rate : float
        First peak.
    settings : Kicks

    Returns
    -------
    list of Turn
        The first begins at step 0.

    Notes
    -----
    A fall goes from a peak to a floor in ``period`` steps and stays there. A kick happens at the
    first measurement at a floor by which ``patience`` measurements in a row were no better than
    the best one; those of the fall count, those before the last kick do not. With floor ratio *r*
    and percentage *p*::

        peak[0] = rate                     floor[0] = r * rate
        peak[k] = (1 + p / 100) * floor[k-1]
        floor[k] = r * floor[k-1]

    So *r* = 0.5 and *p* = 25 give the published 100, 50, 62.5, 25, 31.3 (31.25 before rounding):
    each peak stands 25 % above the floor it leaves, each floor is half the floor before (not half
    the peak, which would give 100, 50, 62.5, 31.25).
    """
    better = -1.0 if settings.metric == "loss" else 1.0
    turns = [Turn(0, rate, rate * settings.floor_ratio)]
    best, waited = -math.inf, 0
    for step, value in measured:
        if better * value > best:
            best, waited = better * value, 0
        else:
            waited += 1
        last = turns[-1]
        if waited >= settings.patience and step >= last.step + settings.period:
            peak = last.floor * (1 + settings.percent / 100)
            turns.append(Turn(step, peak, last.floor * settings.floor_ratio))
            waited = 0
    return turns


def kicked_cosine(
    step: int, measured: Sequence[tuple[int, float]], *, rate: float, settings: Kicks
) -> float:
    """Return the rate of a step, from the measurements before it alone.

    Parameters
    ----------
    step : int
    measured : sequence of (int, float)
        As for `kick_turns`; measurements at ``step`` or later change nothing.
    rate, settings
        As for `kick_turns`.

    References
    ----------
    The idea, with a figure and without a formula: "Training the U-Net model", Live-Dead Assay,
    part 4, 2024.
    """
    before = [(s, v) for s, v in measured if s < step]
    turn = kick_turns(before, rate=rate, settings=settings)[-1]
    part = min((step - turn.step) / settings.period, 1.0)
    return turn.floor + (turn.peak - turn.floor) / 2 * (math.cos(math.pi * part) + 1)
