"""The cells of a lineage: chains of spots between divisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """One entry per cell, in the order in which its first row stands in the lineage.

    Parameters
    ----------
    of_row : ndarray of int, shape (n,)
        The track of each spot.
    first_row, last_row : ndarray of int, shape (t,)
        Rows of the earliest and the latest spot.
    first, last : ndarray of int, shape (t,)
        Their frames.
    n_rows : ndarray of int, shape (t,)
    mother : ndarray of int, shape (t,)
        Track of the mother, or -1.
    n_daughters : ndarray of int, shape (t,)
    name : ndarray of str (object), shape (t,)
        Name of the first spot.
    """

    of_row: IntArray
    first_row: IntArray
    last_row: IntArray
    first: IntArray
    last: IntArray
    n_rows: IntArray
    mother: IntArray
    n_daughters: IntArray
    name: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    def by_name(self) -> dict[str, int]:
        """Return the track of each name; of tracks that share a name, the first."""
        found: dict[str, int] = {}
        for track, name in enumerate(self.name):
            if name:
                found.setdefault(str(name), track)
        return found

    def daughters(self) -> list[list[int]]:
        """Return the daughters of each track, in track order."""
        lists: list[list[int]] = [[] for _ in range(len(self))]
        for track, mother in enumerate(self.mother.tolist()):
            if mother >= 0:
                lists[mother].append(track)
        return lists


def tracks_of(lineage: Lineage) -> Tracks:
    """Cut a lineage into cells.

    A spot starts a cell if it has no parent, if its parent has two or more successors, or if its
    parent bears another name.

    Examples
    --------
    >>> from fatescope.base.lineage import Lineage
    >>> names = np.array(["P0", "AB", "P1"], dtype=object)
    >>> lineage = Lineage(frame=np.array([0, 1, 1]), position=np.zeros((3, 3)),
    ...                   parent=np.array([-1, 0, 0]), name=names, radius_px=np.ones(3))
    >>> tracks_of(lineage).mother.tolist()
    [-1, 0, 0]
    """
    n = len(lineage)
    parent = lineage.parent
    starts = _starts(lineage)
    # Tracks are numbered in file order of their first spots; spots inherit from their parents,
    # and parents lie in earlier frames, so one pass in frame order settles all.
    of_row = np.where(starts, np.cumsum(starts) - 1, -1)
    assigned = of_row.tolist()
    parents = parent.tolist()
    for row in np.argsort(lineage.frame, kind="stable").tolist():
        if assigned[row] < 0:
            assigned[row] = assigned[parents[row]]
    of_row = np.asarray(assigned, dtype=np.int64)

    first_row = np.flatnonzero(starts)
    t = len(first_row)
    order = np.lexsort((lineage.frame, of_row))
    n_rows = np.bincount(of_row, minlength=t)
    last_row = order[np.cumsum(n_rows) - 1] if n else first_row
    origin = parent[first_row]
    mother = np.where(origin >= 0, of_row[origin], -1) if n else first_row
    return Tracks(
        of_row=of_row,
        first_row=first_row,
        last_row=last_row,
        first=lineage.frame[first_row],
        last=lineage.frame[last_row],
        n_rows=n_rows,
        mother=mother,
        n_daughters=np.bincount(mother[mother >= 0], minlength=t),
        name=lineage.name[first_row],
    )


def _starts(lineage: Lineage) -> np.ndarray:
    parent = lineage.parent
    linked = parent >= 0
    successors = np.bincount(parent[linked], minlength=len(lineage))
    starts = ~linked
    starts[linked] = (successors[parent[linked]] > 1) | (
        lineage.name[linked] != lineage.name[parent[linked]]
    ).astype(bool)
    return starts


def complete_lives(tracks: Tracks) -> dict[str, int]:
    """Return the life in frames of each named cell whose birth and division were both seen."""
    whole = (tracks.mother >= 0) & (tracks.n_daughters == 2)
    life = tracks.last - tracks.first + 1
    return {str(tracks.name[t]): int(life[t]) for t in np.flatnonzero(whole) if tracks.name[t]}
