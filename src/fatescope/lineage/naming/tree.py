"""Exact dynamic programming: which daughter is which, for a whole tree at once; costs of lives.

For a track ``k`` and a name ``n`` the best score of the subtree is
``S[k, n] = evidence[k, n] + max(S[a, n0] + S[b, n1] + c, S[a, n1] + S[b, n0] - c)``, where
``a, b`` are the daughters of ``k``, ``n0, n1`` those of ``n``, and ``c`` the agreement of the
division's direction with the atlas (concentration times cosine). A subtree may also fit no name,
at a fixed cost per track, so that one impossible cell does not forbid its ancestors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.numeric import cut_tracks

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.clock import Clock
    from fatescope.numeric import Tracks
    from fatescope.track import LifeCost

NO_NAME = -25.0
"""Log-likelihood of a track that fits no name."""
_LARGE_ROOT = 0.1  # share of the largest tree: such are named together; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Names of tracks.

    Parameters
    ----------
    name : ndarray of int, shape (tracks,)
        Place in the atlas, or -1.
    total : float
        Score of the forest.
    margin : ndarray of float, shape (tracks,)
        How much worse it were to exchange this track with its sister, or, for a root, to give it
        its second best name.
    best : ndarray of float, shape (tracks, names)
        ``S`` of the module's first lines.
    """

    name: IntArray
    total: float
    margin: FloatArray
    best: FloatArray


def name_forest(
    atlas: Atlas, chains: Tracks, evidence: FloatArray, direction: FloatArray, *, trust: float = 1.0
) -> Named:
    """Name every track of a forest.

    ``evidence`` (tracks, names); ``direction`` (tracks, 3): unit vectors from first to second
    daughter; zero where there is no division; ``trust``: weight of division directions.
    """
    best, odds = _subtrees(atlas, chains, evidence, direction, trust)
    name, margin = np.full(len(chains), -1), np.zeros(len(chains))
    descend = partial(_descend, atlas, chains, odds, name, margin)
    total = _name_roots(chains, best, name, margin, descend)
    return Named(name=name, total=total, margin=margin, best=best)


def _subtrees(
    atlas: Atlas, chains: Tracks, evidence: FloatArray, direction: FloatArray, trust: float
) -> tuple[FloatArray, FloatArray]:
    best = evidence.copy()
    odds = np.zeros(best.shape, dtype=np.float32)
    agree = direction @ atlas.axis.T * atlas.concentration * trust
    first, second = atlas.daughters[:, 0], atlas.daughters[:, 1]
    fertile = first >= 0
    nameless = np.full(len(chains), NO_NAME)
    for k in range(len(chains) - 1, -1, -1):
        if chains.pair[k, 0] >= 0:
            a, b = chains.pair[k]
            straight = best[a, first] + best[b, second] + agree[k]
            crossed = best[a, second] + best[b, first] - agree[k]
            none = nameless[a] + nameless[b]
            below = np.where(fertile, np.maximum(np.maximum(straight, crossed), none), none)
            odds[k] = straight - crossed
            nameless[k] += none
            best[k] += below
        np.maximum(best[k], nameless[k], out=best[k])
    return best, odds


def _name_roots(
    chains: Tracks,
    best: FloatArray,
    name: IntArray,
    margin: FloatArray,
    descend: Callable[[int], None],
) -> float:
    """Name large roots together, then the others among the names that are free at their time."""
    from scipy.optimize import linear_sum_assignment

    roots = np.flatnonzero(chains.mother < 0)
    size = chains.n_below[roots]
    large = roots[size >= _LARGE_ROOT * size.max()]
    row, column = linear_sum_assignment(-best[large])
    total = float(best[large][row, column].sum())
    for k, n in zip(large[row], column, strict=True):
        name[k], margin[k] = n, best[k, n] - np.partition(best[k], -2)[-2]
        descend(int(k))
    for k in sorted(set(roots.tolist()) - set(large.tolist()), key=lambda r: -chains.n_below[r]):
        meets = (chains.first < chains.end[k]) & (chains.end > chains.first[k]) & (name >= 0)
        free = best[k].copy()
        free[name[meets]] = -np.inf
        n = int(free.argmax())
        if free[n] > NO_NAME:
            name[k], margin[k] = n, free[n] - np.partition(free, -2)[-2]
            total += float(free[n])
            descend(k)
    return total


def _descend(
    atlas: Atlas, chains: Tracks, odds: FloatArray, name: IntArray, margin: FloatArray, root: int
) -> None:
    waiting = [root]
    while waiting:
        k = waiting.pop()
        if chains.pair[k, 0] < 0:
            continue
        pair = atlas.daughters[name[k]]
        if pair[0] < 0:
            continue
        straight = odds[k, name[k]] >= 0
        for track, n in zip(chains.pair[k], pair if straight else pair[::-1], strict=True):
            name[track], margin[track] = n, abs(odds[k, name[k]])
            waiting.append(int(track))


_YOUNG_MIN = 13.0  # the shortest lives of the atlas: 12.6 (AB), 14.0 (from ABal on)
_YOUNG_SD_MIN = 2.5  # as `cut.DIVISION_SD_MIN`
_MOST = 10.0  # that one odd life may cost: little more than an end (9, `mending`)
_FEWEST_LIVES = 5  # record 0230


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
