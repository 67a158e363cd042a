"""Cosine annealing with kicks: fall, wait at the floor, and on a plateau a kick to a new fall.

This file needs torch and nothing else: it can be copied as it is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch.optim.lr_scheduler import LRScheduler

if TYPE_CHECKING:
    import torch


class KickedCosine(LRScheduler):  # type: ignore[misc] # torch is not followed
    """A scheduler that kicks the rate up where a measurement has stopped becoming better.

    Parameters
    ----------
    optimizer : Optimizer
        Its rates are the first peaks.
    percent : float
        Height of a kick above the floor it leaves.
    patience : int
        Measurements in a row without a better one, before a kick.
    floor_ratio : float
        Of a floor to the one before; the first, to the rate.
    period : int
        Steps of a fall.
    is_lower_better : bool
        Of the measurements, as of a loss.

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

    References
    ----------
    The idea, with a figure and without a formula: "Training the U-Net model", Live-Dead Assay,
    part 4, 2024.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        *,
        percent: float,
        patience: int,
        floor_ratio: float,
        period: int,
        is_lower_better: bool = False,
    ) -> None:
        self._period = period
        self._patience = patience
        self._floor_ratio = floor_ratio
        self._kick = 1 + percent / 100
        self._sign = -1.0 if is_lower_better else 1.0
        self.begin = 0
        self.peak, self.floor = 1.0, floor_ratio  # beside the rates of the optimiser
        self.best, self.waited = -math.inf, 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """Return the rate of each group at the current step."""
        part = min((self.last_epoch - self.begin) / self._period, 1.0)
        share = self.floor + (self.peak - self.floor) / 2 * (math.cos(math.pi * part) + 1)
        return [rate * share for rate in self.base_lrs]

    def measure(self, value: float) -> None:
        """Take a measurement at the current step; a kick shows from the next step on."""
        if self._sign * value > self.best:
            self.best, self.waited = self._sign * value, 0
        else:
            self.waited += 1
        if self.waited >= self._patience and self.last_epoch >= self.begin + self._period:
            self.begin, self.waited = self.last_epoch, 0
            self.peak, self.floor = self.floor * self._kick, self.floor * self._floor_ratio
