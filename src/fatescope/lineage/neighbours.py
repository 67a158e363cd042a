"""Which cells lie beside one another: the Gabriel graph of nuclei, and how often embryos agree.

Two nuclei are Gabriel neighbours if no third lies in the sphere that has them as its poles. There
is no distance to choose, so the rule holds at 4 cells and at 350. Nuclei say where cells are and
not where their membranes touch: most contacts are among these pairs, but not every pair is one.

References
----------
Gabriel KR, Sokal RR (1969). A new statistical approach to geographic variation analysis.
Systematic Zoology 18:259-278.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray

_FEW = 12
"""With so few nuclei all pairs are tried; a Delaunay graph of flat arrangements does not exist."""
_SAMPLED = 3
"""Every third frame of an embryo is looked at: neighbours change slowly."""
_HALF = 0.5
LEAST_SHARE = 0.25
"""Pairs that fewer embryos show are not kept."""
LEAST_EMBRYOS = 4  # that a pair, or an atlas, needs; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Pairs of cells that lie beside one another, by place in the list of all names.

    Parameters
    ----------
    pair : ndarray of int, shape (p, 2)
        The smaller place first.
    share : ndarray of float, shape (p,)
        Of the embryos in which both cells live at the same time, how many show them as neighbours
        for at least half of that time.
    n_embryos : ndarray of int, shape (p,)
        How many these are in all.
    """

    pair: IntArray
    share: FloatArray
    n_embryos: IntArray

    def __len__(self) -> int:
        return len(self.pair)

    @staticmethod
    def none() -> Neighbours:
        """Return no pairs."""
        return Neighbours(
            pair=np.zeros((0, 2), dtype=np.int64),
            share=np.zeros(0),
            n_embryos=np.zeros(0, dtype=np.int64),
        )


def gabriel_pairs(place: FloatArray) -> IntArray:
    """Return the Gabriel neighbours among points, each pair once, sorted.

    ``place`` (n, 3): in µm, finite.

    The result: shape (p, 2).
    """
    from scipy.spatial import KDTree

    pairs = _candidates(place)
    if not len(pairs):
        return pairs
    ends = place[pairs]
    middle = ends.mean(axis=1)
    radius = np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1) / 2
    nearest, _ = KDTree(place).query(middle)
    return np.asarray(pairs[nearest >= radius * (1 - 1e-9)])


def _candidates(place: FloatArray) -> IntArray:
    """Return pairs among which all Gabriel neighbours are: edges of the Delaunay graph."""
    from scipy.spatial import Delaunay, QhullError

    n = len(place)
    if n > _FEW:
        try:
            corners = Delaunay(place).simplices
        except QhullError:  # all in one plane
            pass
        else:
            edges = np.concatenate([corners[:, e] for e in combinations(range(4), 2)])
            return np.unique(np.sort(edges, axis=1), axis=0)
    return np.stack(np.triu_indices(n, k=1), axis=1)


def embryo_neighbours(cell: IntArray, frame: IntArray, place: FloatArray) -> IntArray:
    """Return which pairs of cells live together in one embryo, and which are neighbours.

    ``cell`` (rows,): place of the name, -1 for nuclei without one; they still stand between others;
    ``frame`` (rows,); ``place`` (rows, 3): in µm.

    The result: shape (p, 3): two places, the smaller first, and 1 if they are neighbours for at
    least half of their common life, 0 if not.
    """
    n = int(cell.max(initial=-1)) + 1
    together, beside = np.zeros((n, n), np.int32), np.zeros((n, n), np.int32)
    for rows in _frames(frame)[::_SAMPLED]:
        used = rows[np.isfinite(place[rows]).all(axis=1)]
        named = np.unique(cell[used])
        named = named[named >= 0]
        together[np.ix_(named, named)] += 1
        pairs = cell[used][gabriel_pairs(place[used])]
        pairs = pairs[(pairs >= 0).all(axis=1)]
        beside[pairs[:, 0], pairs[:, 1]] += 1
    beside = beside + beside.T
    first, second = np.nonzero(np.triu(together, k=1))
    is_beside = beside[first, second] >= _HALF * together[first, second]
    return np.stack([first, second, is_beside.astype(np.int64)], axis=1)


def _frames(frame: IntArray) -> list[IntArray]:
    order = np.argsort(frame, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(frame[order])) + 1)


def common_neighbours(embryos: Sequence[IntArray], n_names: int) -> Neighbours:
    """Join what single embryos show; pairs that few embryos show are left out.

    ``embryos``: from `embryo_neighbours`; ``n_names``: length of the list of all names.
    """
    if not embryos:
        return Neighbours.none()
    every = np.concatenate(embryos)
    key, slot = np.unique(every[:, 0] * n_names + every[:, 1], return_inverse=True)
    n = np.bincount(slot)
    share = np.bincount(slot, weights=every[:, 2]) / n
    kept = (n >= LEAST_EMBRYOS) & (share >= LEAST_SHARE)
    return Neighbours(
        pair=np.stack(np.divmod(key[kept], n_names), axis=1), share=share[kept], n_embryos=n[kept]
    )
