"""One-to-one matching of predicted to true objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from fatescope.base.types import IntArray
    from fatescope.evaluate.overlap import Overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The matched pairs: rows of the pairs of an `Overlap`, ascending."""

    pair: IntArray  # (n_matched,)

    def __len__(self) -> int:
        return len(self.pair)


def match_objects(overlap: Overlap, *, percent: int) -> Match:
    """Match as many objects as possible, one to one, at IoU of at least ``percent`` / 100.

    Parameters
    ----------
    overlap : Overlap
        From `find_overlap`.
    percent : int
        Least IoU in percent, 50 to 100. A whole number, so that "at least 0.55" is exact.

    Returns
    -------
    Match
        Of largest possible size, and among those of largest possible sum of IoU.

    Raises
    ------
    InputError
        If ``percent`` is below 50, where the match would need another method.

    Notes
    -----
    Above 0.5 a pair is the only one of both its objects: an object with IoU > 0.5 holds more
    than half of the other. At exactly 0.5 one object may consist of two halves that are objects
    on the other side; all pairs of such a conflict have IoU 0.5, so every largest matching has
    the same sum, and a bipartite matching of the conflicts is optimal.
    """
    if not 50 <= percent <= 100:
        raise InputError(f"`percent` must be 50 to 100; got {percent}.")
    enough = np.flatnonzero(100 * overlap.shared >= percent * overlap.union)
    row, column = overlap.true_row[enough], overlap.pred_row[enough]
    if not len(enough):
        return Match(pair=enough)
    shared_row = np.bincount(row)[row] > 1
    shared_column = np.bincount(column)[column] > 1
    conflict = shared_row | shared_column
    if conflict.any():
        keep = _largest_matching(row[conflict], column[conflict])
        chosen = np.flatnonzero(conflict)[keep]
        enough = enough[np.sort(np.concatenate([np.flatnonzero(~conflict), chosen]))]
    return Match(pair=enough)


def _largest_matching(row: IntArray, column: IntArray) -> IntArray:
    """Return which of the pairs form a largest one-to-one matching."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    row, column = np.unique(row, return_inverse=True)[1], np.unique(column, return_inverse=True)[1]
    shape = (int(row.max()) + 1, int(column.max()) + 1)
    graph = csr_array((np.ones(len(row), dtype=np.int8), (row, column)), shape=shape)
    partner = maximum_bipartite_matching(graph, perm_type="column")
    return np.asarray(np.flatnonzero(partner[row] == column))
