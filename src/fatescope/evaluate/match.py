"""One-to-one matching of predicted to true objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.evaluate.overlap import Overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelMatch:
    """The matched pairs: rows of the pairs of an `Overlap`, ascending."""

    pair: IntArray  # (n_matched,)

    def __len__(self) -> int:
        return len(self.pair)


def match_objects(overlap: Overlap, *, percent: int) -> LabelMatch:
    """Match as many objects as possible, one to one, at IoU of at least ``percent`` / 100.

    Parameters
    ----------
    overlap : Overlap
        From `find_overlap`.
    percent : int
        Least IoU in percent, 1 to 100. A whole number, so that "at least 0.55" is exact.

    Returns
    -------
    Match
        Of largest possible size, and among those of largest possible sum of IoU.

    Raises
    ------
    InputError
        If ``percent`` is out of range.

    Notes
    -----
    Above 0.5 a pair is the only one of both its objects: an object with IoU > 0.5 holds more
    than half of the other. Only objects with several pairs are matched by `largest_matching`.
    """
    if not 1 <= percent <= 100:
        raise InputError(f"`percent` must be 1 to 100; got {percent}.")
    enough = np.flatnonzero(100 * overlap.shared >= percent * overlap.union)
    if not len(enough):
        return LabelMatch(pair=enough)
    row, column = overlap.true_row[enough], overlap.pred_row[enough]
    conflict = (np.bincount(row)[row] > 1) | (np.bincount(column)[column] > 1)
    if conflict.any():
        worth = overlap.shared[enough] / overlap.union[enough]
        keep = largest_matching(row[conflict], column[conflict], worth[conflict])
        chosen = np.flatnonzero(conflict)[keep]
        enough = enough[np.sort(np.concatenate([np.flatnonzero(~conflict), chosen]))]
    return LabelMatch(pair=enough)


def largest_matching(row: IntArray, column: IntArray, worth: FloatArray) -> IntArray:
    """Return which pairs form a largest one-to-one matching, and of those the worthiest.

    Parameters
    ----------
    row, column : ndarray of int, shape (n,)
        What each pair joins; no pair occurs twice.
    worth : ndarray of float, shape (n,)
        Between 0 and 1; only sums within a group of connected pairs are compared.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    row, column = np.unique(row, return_inverse=True)[1], np.unique(column, return_inverse=True)[1]
    n = int(row.max(initial=-1)) + 1, int(column.max(initial=-1)) + 1
    links = (np.ones(len(row), np.int8), (row, column + n[0]))
    group = connected_components(coo_array(links, shape=(sum(n), sum(n))), directed=False)[1][row]
    order = np.argsort(group, kind="stable")
    kept = []
    for pairs in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        ours, i = np.unique(row[pairs], return_inverse=True)
        theirs, j = np.unique(column[pairs], return_inverse=True)
        number = np.full((len(ours), len(theirs)), -1)
        number[i, j] = pairs
        value = np.zeros(number.shape)
        value[i, j] = 1 + worth[pairs] / (1 + min(number.shape))  # a pair is worth more than all
        chosen = number[linear_sum_assignment(value, maximize=True)]
        kept.append(chosen[chosen >= 0])
    return np.sort(np.concatenate([*kept, np.empty(0, np.int64)]).astype(np.int64))
