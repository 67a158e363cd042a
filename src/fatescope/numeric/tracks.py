"""The tracks of linked rows: unbranched runs between divisions, each the life of one cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray, IntArray


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """One entry per track, ``t`` of them over ``n`` rows.

    Parameters
    ----------
    of_row : ndarray of int, shape (n,)
        The track of each row.
    rows : ndarray of int, shape (n,)
        Rows sorted by track and frame; track ``k`` owns ``rows[start[k]:start[k + 1]]``.
    start : ndarray of int, shape (t + 1,)
    first_row : ndarray of int, shape (t,)
    first, last : ndarray of int, shape (t,)
        First and last frame.
    mother : ndarray of int, shape (t,)
        Track, or -1.
    name : ndarray of str (object), shape (t,)
        Name of the first row; ``""`` where names are unknown.
    """

    of_row: IntArray
    rows: IntArray
    start: IntArray
    first_row: IntArray
    first: IntArray
    last: IntArray
    mother: IntArray
    name: np.ndarray

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def n_rows(self) -> IntArray:
        """Rows of each track."""
        return np.diff(self.start)

    @cached_property
    def last_row(self) -> IntArray:
        """Row of the latest frame of each track."""
        return self.rows[self.start[1:] - 1]

    @cached_property
    def n_daughters(self) -> IntArray:
        """Tracks that begin where each track ends."""
        return np.bincount(self.mother[self.mother >= 0], minlength=len(self))

    @cached_property
    def pair(self) -> IntArray:
        """The daughters of tracks that have two, else -1; shape (t, 2)."""
        pair = np.full((len(self), 2), -1)
        child = np.flatnonzero(self.mother >= 0)
        child = child[self.n_daughters[self.mother[child]] == 2]
        child = child[np.argsort(self.mother[child], kind="stable")]
        pair[self.mother[child[::2]]] = child.reshape(-1, 2)
        return pair

    @cached_property
    def divides(self) -> BoolArray:
        """Which tracks end in a division that was seen."""
        return np.asarray(self.n_daughters >= 2)

    @cached_property
    def born(self) -> BoolArray:
        """Which tracks begin with a division that was seen."""
        return np.asarray((self.mother >= 0) & self.divides[self.mother])

    @cached_property
    def end(self) -> IntArray:
        """The frame in which each track is no more: where its two daughters begin."""
        found = self.last + 1
        two = self.pair[:, 0] >= 0
        found[two] = self.first[self.pair[two]].min(axis=1)
        return found

    @cached_property
    def n_below(self) -> IntArray:
        """Rows of each track and all its descendants; mothers must stand before daughters."""
        total = self.n_rows.copy()
        for k in range(len(self) - 1, -1, -1):
            if self.mother[k] >= 0:
                total[self.mother[k]] += total[k]
        return total

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

    def reorder(self, order: IntArray) -> Tracks:
        """Return the same tracks in another order."""
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(len(order))
        of_row, mother = place[self.of_row], self.mother[order]
        return Tracks(
            of_row=of_row,
            rows=self.rows[np.argsort(of_row[self.rows], kind="stable")],
            start=np.r_[0, np.cumsum(self.n_rows[order])],
            first_row=self.first_row[order],
            first=self.first[order],
            last=self.last[order],
            mother=np.where(mother >= 0, place[mother], -1),
            name=self.name[order],
        )


def tracks_of(lineage: Lineage) -> Tracks:
    """Cut a lineage into cells, in the order in which their first rows stand in it.

    A row starts a cell if it has no parent, if its parent has two or more successors, or if its
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
    parent, name = lineage.parent, lineage.name
    starts = _starts(parent)
    linked = np.flatnonzero(parent >= 0)
    starts[linked] |= (name[linked] != name[parent[linked]]).astype(bool)
    return _cut(lineage.frame, parent, np.flatnonzero(starts), name)


def cut_tracks(frame: IntArray, parent: IntArray) -> Tracks:
    """Cut links into tracks, numbered by first frame, so that mothers stand before daughters.

    Parameters
    ----------
    frame : ndarray of int, shape (n,)
    parent : ndarray of int, shape (n,)
        Row in an earlier frame, or -1.

    Notes
    -----
    A row continues its parent if it is the only successor. Of more than two successors, the two
    with the longest tracks count as daughters; the others have no mother.
    """
    order = np.argsort(frame, kind="stable")
    tracks = _cut(frame, parent, order[_starts(parent)[order]], np.full(len(frame), "", object))
    mother = tracks.mother.copy()
    for m in np.flatnonzero(tracks.n_daughters > 2):
        children = np.flatnonzero(mother == m)
        longest = np.argsort(-tracks.n_rows[children], kind="stable")
        mother[children[longest[2:]]] = -1
    return replace(tracks, mother=mother)


def complete_lives(tracks: Tracks) -> dict[str, int]:
    """Return the life in frames of each named cell whose birth and division were both seen."""
    whole = (tracks.mother >= 0) & (tracks.n_daughters == 2)
    life = tracks.last - tracks.first + 1
    return {str(tracks.name[t]): int(life[t]) for t in np.flatnonzero(whole) if tracks.name[t]}


def _starts(parent: IntArray) -> BoolArray:
    """Return which rows do not go on with the row before them, by their links alone."""
    successors = np.bincount(parent[parent >= 0], minlength=len(parent))
    return np.asarray((parent < 0) | (successors[parent] != 1))


def _cut(frame: IntArray, parent: IntArray, first_row: IntArray, name: np.ndarray) -> Tracks:
    """Let every row inherit its track; parents lie in earlier frames, so one pass settles all."""
    of_row = np.full(len(frame), -1)
    of_row[first_row] = np.arange(len(first_row))
    track, parents = of_row.tolist(), parent.tolist()
    for row in np.argsort(frame, kind="stable").tolist():
        if track[row] < 0:
            track[row] = track[parents[row]]
    of_row = np.asarray(track, dtype=np.int64)
    rows = np.lexsort((frame, of_row))
    start = np.r_[0, np.cumsum(np.bincount(of_row, minlength=len(first_row)))]
    origin = parent[first_row]
    return Tracks(
        of_row=of_row,
        rows=rows,
        start=start,
        first_row=first_row,
        first=frame[first_row],
        last=frame[rows[start[1:] - 1]],
        mother=np.where(origin >= 0, of_row[origin], -1),
        name=name[first_row],
    )
