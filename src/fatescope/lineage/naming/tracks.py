"""Chains of rows between divisions, whatever the rows are called."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, IntArray


@dataclass(frozen=True)
class Chains:
    """One entry per track, numbered by first frame.

    Parameters
    ----------
    of_row : ndarray of int, shape (rows,)
    rows : ndarray of int, shape (rows,)
        Rows sorted by track and frame; track ``k`` owns ``rows[start[k]:start[k + 1]]``.
    start : ndarray of int, shape (n + 1,)
    first, end : ndarray of int, shape (n,)
        First frame, and the frame in which it is no more (where its daughters begin).
    mother : ndarray of int, shape (n,)
        Track, or -1.
    pair : ndarray of int, shape (n, 2)
        The two daughters of tracks that divide, else -1.
    """

    of_row: IntArray
    rows: IntArray
    start: IntArray
    first: IntArray
    end: IntArray
    mother: IntArray
    pair: IntArray

    def __len__(self) -> int:
        return len(self.first)

    @property
    def divides(self) -> BoolArray:
        """Which tracks end in a division."""
        return self.pair[:, 0] >= 0

    @property
    def born(self) -> BoolArray:
        """Which tracks begin with a division that was seen."""
        return (self.mother >= 0) & self.divides[self.mother]

    @property
    def n_rows(self) -> IntArray:
        """Rows of each track."""
        return np.diff(self.start)

    @cached_property
    def n_below(self) -> IntArray:
        """Rows of each track and all its descendants."""
        total = self.n_rows.copy()
        for k in range(len(self) - 1, -1, -1):
            if self.mother[k] >= 0:
                total[self.mother[k]] += total[k]
        return total


def chains_of(frame: IntArray, parent: IntArray) -> Chains:
    """Cut a forest of links into tracks.

    A row continues its parent if it is the only successor. Of more than two successors, the two
    that begin the largest trees count as daughters; the rest become roots.
    """
    n = len(frame)
    successors = np.bincount(parent[parent >= 0], minlength=n) if n else np.zeros(0, int)
    starts = (parent < 0) | (successors[parent] != 1)
    order = np.argsort(frame, kind="stable")
    of_row = np.full(n, -1)
    heads = order[starts[order]]
    of_row[heads] = np.arange(len(heads))
    track, parents = of_row.tolist(), parent.tolist()
    for row in order.tolist():
        if track[row] < 0:
            track[row] = track[parents[row]]
    of_row = np.asarray(track, dtype=np.int64)
    rows = np.lexsort((frame, of_row))
    start = np.r_[0, np.cumsum(np.bincount(of_row, minlength=len(heads)))]
    origin = parent[heads]
    mother = np.where(origin >= 0, of_row[origin], -1)
    last = frame[rows[start[1:] - 1]]
    pair = np.full((len(heads), 2), -1)
    end = last + 1
    for m in np.unique(mother[mother >= 0]).tolist():
        children = np.flatnonzero(mother == m)
        if len(children) < 2:
            continue
        if len(children) > 2:
            size = np.diff(start)[children]
            kept = np.sort(children[np.argsort(-size, kind="stable")[:2]])
            mother[np.setdiff1d(children, kept)] = -1
            children = kept
        pair[m] = children
        end[m] = frame[heads[children]].min()
    return Chains(
        of_row=of_row, rows=rows, start=start, first=frame[heads], end=end, mother=mother, pair=pair
    )
