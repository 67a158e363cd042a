"""The learning rate of a step, by the schedule that a recipe names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.train.kicks import kicked_cosine
from fatescope.train.schedule_settings import Cosine, Kicks, Plateau, WarmRestarts
from fatescope.train.schedules import cosine, one_cycle, plateau, shortened_cycle, warm_restarts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.train.settings import FitSettings


def rate_at(step: int, *, fit: FitSettings, history: Sequence[Mapping[str, float]] = ()) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    step : int
        From 0.
    fit : FitSettings
        Steps, highest rate, schedule.
    history : sequence of mappings
        Rows of the log. Only those with a smaller ``step`` count, so that a continued run, which
        knows the row of the step at which it begins, has the rates of an unbroken one.
    """
    plan, rate = fit.schedule, fit.rate
    if isinstance(plan, Cosine):
        return cosine(step, steps=fit.steps, rate=rate, floor=rate * plan.floor_ratio)
    if isinstance(plan, WarmRestarts):
        return warm_restarts(
            step,
            period=plan.period,
            growth=plan.growth,
            rate=rate,
            floor=rate * plan.floor_ratio,
        )
    if isinstance(plan, Plateau | Kicks):
        measured = [
            (int(row["step"]), row[plan.metric])
            for row in history
            if plan.metric in row and row["step"] < step
        ]
        if isinstance(plan, Kicks):
            return kicked_cosine(step, measured, rate=rate, settings=plan)
        return plateau([value for _, value in measured], rate=rate, settings=plan)
    return _cycles(step, fit)


def _cycles(step: int, fit: FitSettings) -> float:
    """Return the rate of one cycle (perhaps shortened on its way), or of two."""
    steps = fit.steps
    if fit.restart is not None:
        begin, rate = fit.restart
        if step >= begin:
            return one_cycle(step - begin, steps=steps - begin, rate=rate, warmup=fit.warmup)
        steps = begin
    if fit.shortened is None:
        return one_cycle(step, steps=steps, rate=fit.rate, warmup=fit.warmup)
    at, planned = fit.shortened
    return shortened_cycle(
        step, steps=steps, rate=fit.rate, warmup=fit.warmup, at=at, planned=planned
    )
