"""Exact dynamic programming: which daughter is which, for a whole tree at once.

For a track ``k`` and a name ``n`` the best score of the subtree is
``S[k, n] = evidence[k, n] + max(S[a, n0] + S[b, n1] + c, S[a, n1] + S[b, n0] - c)``, where
``a, b`` are the daughters of ``k``, ``n0, n1`` those of ``n``, and ``c`` the agreement of the
division's direction with the atlas (concentration times cosine). A subtree may also fit no name,
at a fixed cost per track, so that one impossible cell does not forbid its ancestors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.numeric import Tracks

NO_NAME = -25.0
"""Log-likelihood of a track that fits no name."""
_LARGE_ROOT = 0.1


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

    Parameters
    ----------
    evidence : ndarray, shape (tracks, names)
    direction : ndarray, shape (tracks, 3)
        Unit vectors from first to second daughter; zero where there is no division.
    trust : float
        Weight of division directions.
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
