"""The learning rate from step to step: torch's own schedulers, and the kicks, behind one face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.optim import lr_scheduler

from fatescope.train.kicks import KickedCosine
from fatescope.train.schedule_settings import (
    Constant,
    Cosine,
    Kicks,
    OneCycle,
    Plateau,
    Stairs,
    WarmRestarts,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.train.fit_settings import FitSettings


class LearningRate:
    """One learning rate that a scheduler of torch moves.

    The scheduler acts on an optimiser of its own without weights, so that groups of parameters
    can follow at a share of the rate, floors included, which torch's schedulers cannot do.

    Parameters
    ----------
    fit : FitSettings
        Steps, highest rate, schedule.

    Examples
    --------
    >>> from fatescope.train.fit_settings import FitSettings
    >>> rate = LearningRate(FitSettings(steps=10, learning_rate=0.1, schedule=Cosine()))
    >>> rate.after_step()
    >>> round(rate.value, 4)
    0.0976
    """

    def __init__(self, fit: FitSettings) -> None:
        self._optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], fit.learning_rate)
        self._settings = fit.schedule
        self._scheduler = _scheduler(self._optimizer, fit)

    @property
    def value(self) -> float:
        """The learning rate of the next step."""
        return float(self._optimizer.param_groups[0]["lr"])

    def after_step(self) -> None:
        """Move on by one step."""
        self._optimizer.step()
        if not isinstance(self._scheduler, lr_scheduler.ReduceLROnPlateau):
            self._scheduler.step()

    def after_epoch(self, row: Mapping[str, float]) -> None:
        """Tell the scheduler what an epoch measured, if it follows a measurement."""
        if isinstance(self._settings, Plateau | Kicks) and self._settings.metric in row:
            measured = row[self._settings.metric]
            if isinstance(self._scheduler, KickedCosine):
                self._scheduler.measure(measured)
            else:
                self._scheduler.step(measured)

    def state_dict(self) -> dict[str, Any]:
        """Return what a continued run needs."""
        return {"value": self.value, "scheduler": self._scheduler.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict`."""
        self._optimizer.param_groups[0]["lr"] = state["value"]
        self._scheduler.load_state_dict(dict(state["scheduler"]))


def rates_used(fit: FitSettings, history: Sequence[Mapping[str, float]]) -> list[float]:
    """Return the learning rate of every step of a training, replayed from its log.

    Parameters
    ----------
    fit : FitSettings
    history : sequence of mappings
        Rows of the log with ``step``, and the number that the schedule watches.

    Examples
    --------
    >>> from fatescope.train.fit_settings import FitSettings
    >>> plan = FitSettings(steps=4, learning_rate=0.1, schedule=Stairs(period=2, factor=0.5))
    >>> rates_used(plan, [{"step": 4.0}])
    [0.1, 0.1, 0.05, 0.05]
    """
    rate = LearningRate(fit)
    used: list[float] = []
    for row in history:
        while len(used) < int(row["step"]):
            used.append(rate.value)
            rate.after_step()
        rate.after_epoch(row)
    return used


def _scheduler(optimizer: torch.optim.Optimizer, fit: FitSettings) -> Any:
    plan, rate = fit.schedule, fit.learning_rate
    if isinstance(plan, Constant):
        return lr_scheduler.ConstantLR(optimizer, factor=1.0)
    if isinstance(plan, OneCycle):
        return lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=rate,
            total_steps=fit.steps + 1,
            # The rise takes a step at least: torch divides by 0 where it rounds to none.
            pct_start=max(plan.warmup, 2 / (fit.steps + 1)),
            cycle_momentum=False,
        )
    if isinstance(plan, Stairs):
        return lr_scheduler.StepLR(optimizer, step_size=plan.period, gamma=plan.factor)
    floor = rate * plan.floor_ratio
    if isinstance(plan, Cosine):
        return lr_scheduler.CosineAnnealingLR(optimizer, T_max=fit.steps, eta_min=floor)
    if isinstance(plan, WarmRestarts):
        return lr_scheduler.CosineAnnealingWarmRestarts(
            optimizer, T_0=plan.period, T_mult=plan.growth, eta_min=floor
        )
    if isinstance(plan, Plateau):
        return lr_scheduler.ReduceLROnPlateau(
            optimizer,
            mode="min" if plan.metric == "loss" else "max",
            factor=plan.factor,
            patience=plan.patience,
            threshold=plan.threshold,
            cooldown=plan.cooldown,
            min_lr=floor,
        )
    return KickedCosine(
        optimizer,
        percent=plan.percent,
        patience=plan.patience,
        floor_ratio=plan.floor_ratio,
        period=plan.period,
        is_lower_better=plan.metric == "loss",
    )
