"""What it costs that a track divides when it does: by its age alone, or by its name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base.types import IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.clock import Clock

    LifeCost = Callable[[int, int], float]

_YOUNG_MIN = 13.0
_YOUNG_SD_MIN = 2.5
_MOST = 10.0


def too_young(frame: IntArray, minutes_per_frame: float) -> LifeCost:
    """Return the cost of dividing young, whatever the cell is called."""
    at: list[int] = frame.tolist()

    def cost(first: int, last: int) -> float:
        lack = _YOUNG_MIN - (at[last] + 1 - at[first]) * minutes_per_frame
        return min(0.5 * (lack / _YOUNG_SD_MIN) ** 2, _MOST) if lack > 0 else 0.0

    return cost


def untimely(
    atlas: Atlas, clock: Clock, *, frame: IntArray, parent: IntArray, name: IntArray
) -> LifeCost:
    """Return the cost of dividing earlier or later than a cell of that name should.

    Parameters
    ----------
    parent, name : ndarray of int, shape (rows,)
        The links that the names (places in the atlas, or -1) were found with.
    """
    young = too_young(frame, clock.minutes_per_frame)
    minute: list[float] = clock.minutes(frame).tolist()
    step = clock.minutes_per_frame
    # Where links break a track that has one name, the name says nothing about the rest of it.
    told = (name >= 0) & ((parent < 0) | (name[parent] != name))
    told &= atlas.n_lives[np.maximum(name, 0)] >= 3
    called: list[int] = np.where(told, name, -1).tolist()
    usual: list[float] = np.log(np.maximum(atlas.life_min, 1.0)).tolist()
    spread: list[float] = (1.5 * np.maximum(atlas.life_sd, 0.05)).tolist()

    def cost(first: int, last: int) -> float:
        n = called[first]
        if n < 0:
            return young(first, last)
        life = max(minute[last] + step - minute[first], 0.5)
        off = (math.log(life) - usual[n]) / spread[n]
        return min(0.5 * off * off, _MOST)

    return cost
