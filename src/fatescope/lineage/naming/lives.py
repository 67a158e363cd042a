"""What it costs that a track divides when it does: by its age alone, or by its name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fatescope.numeric import cut_tracks

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.clock import Clock
    from fatescope.track import LifeCost


_YOUNG_MIN = 13.0
_YOUNG_SD_MIN = 2.5
_MOST = 10.0
_FEWEST_LIVES = 5


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

    Notes
    -----
    A life is compared with those of the cells that live at the same time: where all of them are
    shorter than usual, the recording runs at another interval there, and no link is wrong.
    """
    young = too_young(frame, clock.minutes_per_frame)
    minute: list[float] = clock.minutes(frame).tolist()
    step = clock.minutes_per_frame
    # Where links break a track that has one name, the name says nothing about the rest of it.
    known = (name >= 0) & ((parent < 0) | (name[parent] != name))
    known &= atlas.n_lives[np.maximum(name, 0)] >= 3
    called: list[int] = np.where(known, name, -1).tolist()
    usual: list[float] = np.log(np.maximum(atlas.life_min, 1.0)).tolist()
    spread: list[float] = (1.5 * np.maximum(atlas.life_sd, 0.05)).tolist()
    start, at = int(frame.min()), list(map(int, frame))
    shared: list[float] = _shared_stretch(
        atlas, clock, frame=frame, parent=parent, name=name
    ).tolist()

    def cost(first: int, last: int) -> float:
        n = called[first]
        if n < 0:
            return young(first, last)
        life = max(minute[last] + step - minute[first], 0.5)
        middle = (at[first] + at[last]) // 2 - start
        off = (math.log(life) - usual[n] - shared[middle]) / spread[n]
        return min(0.5 * off * off, _MOST)

    return cost


def _shared_stretch(
    atlas: Atlas, clock: Clock, *, frame: IntArray, parent: IntArray, name: IntArray
) -> FloatArray:
    """Return, for each frame, how much longer than usual the cells of that frame live.

    The median, over whole lives, of the logarithm of the length against the atlas; zero where
    fewer than five whole lives are seen.
    """
    chains = cut_tracks(frame, parent)
    called = name[chains.rows[chains.start[:-1]]]
    whole = np.flatnonzero(chains.born & chains.divides & (called >= 0))
    whole = whole[atlas.n_lives[called[whole]] >= 3]
    life = clock.minutes(chains.end[whole]) - clock.minutes(chains.first[whole])
    longer = np.log(np.maximum(life, 0.5) / np.maximum(atlas.life_min[called[whole]], 1.0))
    stretch = np.zeros(int(frame.max() - frame.min()) + 1)
    for f in range(len(stretch)):
        now = f + frame.min()
        there = (chains.first[whole] <= now) & (chains.end[whole] > now)
        if there.sum() >= _FEWEST_LIVES:
            stretch[f] = np.median(longer[there])
    return stretch
