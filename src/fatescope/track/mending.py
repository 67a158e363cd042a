"""Mend wrong links of a tree, one by one, and leave all others as they are.

A tree costs what its steps and divisions cost (`motion`), and more where a track ends or begins
from nothing, divides too young, or has three daughters. Where something is unusual, an object is
tried on other mothers, or exchanged with a neighbour; a change must earn more than it costs to
disbelieve a given link.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.track.motion import Motion, estimate_motion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.base.types import FloatArray, IntArray

LifeCost = Callable[[int, int], float]
"""``(first, last)``: what it costs that the track from row ``first`` divides after row ``last``."""

_ENDS = 9.0
_BEGINS = 19.0
"""A new object: unlikely (9), and it could lie anywhere in the image (10)."""
_DIVIDES = 3.0
_THIRD = 20.0  # a third daughter
_DISBELIEF = 6.0
_EXCHANGED = 3.5 / 6  # of it, for each of two
_CANDIDATES = 6  # nearest mothers
_CANDIDATES_MISSED = 2  # in each frame before that
_UNUSUAL_STEP = 4.5  # beyond the median of the recording
_UNUSUAL_SPLIT = 4.5
_UNUSUAL_LIFE = 1.0
_ENOUGH = 0.5  # gain of a change
_MOST_CHANGES = 0.2  # share of the links
_SWEEPS = 4
"""Costs are minus natural logarithms. Measured as a whole on eight tuning embryos: record 0110."""


class Forest:
    """Links that can be changed, and what they cost.

    Parameters
    ----------
    given, now : ndarray of int, shape (rows,)
        Row in an earlier frame, or -1: as the table says, and to begin with.
    life_cost : callable
        ``life_cost(first, last)``: cost that the track from row ``first`` (a daughter) divides
        after row ``last``.
    disbelief, missed : float
        Cost of a given link that is not believed, and of each frame that a link jumps.
    """

    def __init__(
        self,
        motion: Motion,
        given: IntArray,
        now: IntArray,
        life_cost: LifeCost,
        *,
        disbelief: float = _DISBELIEF,
        missed: float = 0.0,
    ) -> None:
        self.motion, self.given, self.life_cost = motion, given.tolist(), life_cost
        self.disbelief_cost, self.missed = disbelief, missed
        self.parent = now.tolist()
        self.children: list[list[int]] = [[] for _ in self.parent]
        for row, mother in enumerate(self.parent):
            if mother >= 0:
                self.children[mother].append(row)
        self.first, self.last = min(motion.frame), max(motion.frame)

    def move(self, row: int, mother: int) -> None:
        """Give a row another mother, or none (-1)."""
        before = self.parent[row]
        if before >= 0:
            self.children[before].remove(row)
        if mother >= 0:
            self.children[mother].append(row)
        self.parent[row] = mother

    def cost_around(self, rows: list[int], mothers: list[int]) -> float:
        """Return all costs that depend on the links of these rows and mothers."""
        total, ends = 0.0, set()
        for row in rows:
            total += self.disbelief(row)
            if self.parent[row] < 0:
                total += _BEGINS * (self.motion.frame[row] > self.first)
                ends.add(self.end_of(row))
        for mother in mothers:
            total += self.places(mother)
            ends.add(mother)
            ends.update(self.end_of(child) for child in self.children[mother])
        return total + sum(self.event(end) for end in ends)

    def disbelief(self, row: int) -> float:
        """Return the cost of not believing a given link; an exchange of two is one mistake."""
        now, given = self.parent[row], self.given[row]
        if now == given:
            return 0.0
        exchanged = given >= 0 and any(self.given[r] == now for r in self.children[given])
        return self.disbelief_cost * (_EXCHANGED if exchanged else 1.0)

    def places(self, mother: int) -> float:
        """Return the cost of where the children of a row lie."""
        children, motion = self.children[mother], self.motion
        jumped = sum(motion.frame[c] - motion.frame[mother] - 1 for c in children)
        if len(children) == 2:
            return motion.split(mother, *children) + self.missed * jumped
        steps = sum(motion.follow(mother, c) for c in children)
        return steps + self.missed * jumped + _THIRD * max(0, len(children) - 2)

    def event(self, row: int) -> float:
        """Return the cost of what happens after a row: it ends, goes on, or divides."""
        n = len(self.children[row])
        if n == 1:
            return 0.0
        if n == 0:
            return _ENDS * (self.motion.frame[row] < self.last)
        head = self.head_of(row)
        return _DIVIDES + (self.life_cost(head, row) if self.parent[head] >= 0 else 0.0)

    def head_of(self, row: int) -> int:
        """Return the first row of the track that a row belongs to."""
        parent, children = self.parent, self.children
        while parent[row] >= 0 and len(children[parent[row]]) == 1:
            row = parent[row]
        return row

    def end_of(self, row: int) -> int:
        """Return the last row of the track that a row belongs to."""
        children = self.children
        while len(children[row]) == 1:
            row = children[row][0]
        return row


@dataclass(frozen=True, slots=True)
class NewMothers:
    """New mothers of one row, or of two."""

    rows: tuple[int, ...]
    mothers: tuple[int, ...]


def mend_links(
    xyz_um: FloatArray,
    frame: IntArray,
    parent: IntArray,
    *,
    life_cost: LifeCost,
    now: IntArray | None = None,
    disbelief: float = _DISBELIEF,
    most_missed: int = 0,
    missed: float = 0.0,
) -> IntArray:
    """Return the links, with those changed that can hardly be right.

    Parameters
    ----------
    xyz_um : ndarray of float, shape (n, 2) or (n, 3)
        Finite.
    frame, parent : ndarray of int, shape (n,)
        Frame of each object, and the row of its parent in an earlier frame, or -1.
    life_cost : callable
        ``life_cost(first, last)``: what it costs that the track from row ``first`` (a daughter)
        divides after row ``last``.
    now : ndarray of int, shape (n,), optional
        Links mended so far; ``parent`` are those that a change disbelieves.
    disbelief : float, optional
        What it costs to change a given link.
    most_missed : int, optional
        Frames in which an object may be missing: mothers are sought as far back.
    missed : float, optional
        What each such frame costs.

    Returns
    -------
    ndarray of int64, shape (n,)
        At most a fifth of the links, and ten, are changed.

    Notes
    -----
    Links are changed greedily, the best change first: a tree of which most links are right has
    few places that are wrong, and they seldom touch. The costs suit objects whose steps are small
    against their distances; where each object could be any other, nothing is changed.
    """
    now = parent if now is None else now
    motion = estimate_motion(xyz_um, frame, now)
    forest = Forest(motion, parent, now, life_cost, disbelief=disbelief, missed=missed)
    near = _Neighbours(xyz_um, frame, most_missed)
    left = int(_MOST_CHANGES * len(frame)) + 10
    for _ in range(_SWEEPS):
        done = _sweep(forest, near, left)
        left -= done
        if not done or left <= 0:
            break
    return np.array(forest.parent, dtype=np.int64)


def _sweep(forest: Forest, near: _Neighbours, most: int) -> int:
    """Make the best change, then the next, around everything unusual; return how many."""
    waiting = [(-np.inf, row) for row in _unusual(forest, near)]
    heapq.heapify(waiting)
    n_changed = 0
    while waiting and n_changed < most:
        _, row = heapq.heappop(waiting)
        gain, change = _best_change(forest, near, row)
        if change is None:
            continue
        if waiting and -gain > waiting[0][0]:
            heapq.heappush(waiting, (-gain, row))
            continue
        touched = {forest.parent[r] for r in change.rows} | set(change.mothers)
        for r, m in zip(change.rows, change.mothers, strict=True):
            forest.move(r, m)
        n_changed += 1
        for r in _around(forest, near, [m for m in touched if m >= 0], change.rows):
            heapq.heappush(waiting, (-np.inf, r))
    return n_changed


class _Neighbours:
    """Nearest rows of the frame before, the same and the next frame."""

    def __init__(self, xyz: FloatArray, frame: IntArray, most_missed: int) -> None:
        from scipy.spatial import cKDTree

        self.xyz, self.frame, self.most_missed = xyz, frame, most_missed
        self.rows = {int(f): np.flatnonzero(frame == f) for f in np.unique(frame)}
        self.trees = {f: cKDTree(xyz[r]) for f, r in self.rows.items()}
        self.known: dict[tuple[int, int], list[int]] = {}

    def before(self, row: int) -> list[int]:
        return self._over(row, -1)

    def after(self, row: int) -> list[int]:
        return self._over(row, 1)

    def _over(self, row: int, way: int) -> list[int]:
        jumped = range(2, self.most_missed + 2)
        far = [r for k in jumped for r in self.of(row, way * k)[:_CANDIDATES_MISSED]]
        return self.of(row, way) + far

    def of(self, row: int, frames: int) -> list[int]:
        key = (row, frames)
        if key not in self.known:
            f = int(self.frame[row]) + frames
            if f not in self.rows:
                self.known[key] = []
            else:
                k = min(_CANDIDATES + (frames == 0), len(self.rows[f]))
                _, at = self.trees[f].query(self.xyz[row], k=[*range(1, k + 1)])
                found = self.rows[f][at].tolist()
                self.known[key] = [r for r in found if r != row]
        return self.known[key]


def _unusual(forest: Forest, near: _Neighbours) -> list[int]:
    """Return the rows whose link may be wrong: those next to anything unusual."""
    found: set[int] = set()
    motion = forest.motion
    going, splitting = _usual_cost(forest, 1), _usual_cost(forest, 2)
    for row, children in enumerate(forest.children):
        if not children:
            if motion.frame[row] < forest.last:
                found.update(near.after(row))
            continue
        cost = forest.places(row)
        if len(children) == 1:
            if cost > going + _UNUSUAL_STEP:
                found.update(children, forest.children[children[0]])
        elif (
            len(children) > 2
            or cost > splitting + _UNUSUAL_SPLIT
            or forest.event(row) > _DIVIDES + _UNUSUAL_LIFE
        ):
            head = forest.head_of(row)
            found.update([head, *children])
            if forest.parent[head] >= 0:
                found.update(forest.children[forest.parent[head]])
    found.update(r for r, m in enumerate(forest.parent) if m < 0 and motion.frame[r] > forest.first)
    return sorted(found)


def _usual_cost(forest: Forest, children: int) -> float:
    cost = [forest.places(m) for m, c in enumerate(forest.children) if len(c) == children]
    return float(np.median(cost)) if cost else 0.0


def _best_change(forest: Forest, near: _Neighbours, row: int) -> tuple[float, NewMothers | None]:
    best, chosen = _ENOUGH, None
    for change in _changes(forest, near, row):
        gain = _gain(forest, change)
        if gain > best:
            best, chosen = gain, change
    return best, chosen


def _changes(forest: Forest, near: _Neighbours, row: int) -> Iterator[NewMothers]:
    here = forest.parent[row]
    tried = set()
    before = near.before(row)
    given = forest.given[row]
    for mother in [*before, given] if given >= 0 else before:
        if mother == here or mother in tried:
            continue
        tried.add(mother)
        yield NewMothers((row,), (mother,))
        if here >= 0:
            for other in forest.children[mother]:
                if forest.motion.frame[other] > forest.motion.frame[here]:
                    yield NewMothers((row, other), (mother, here))
    if here >= 0:
        yield NewMothers((row,), (-1,))


def _gain(forest: Forest, change: NewMothers) -> float:
    rows = list(change.rows)
    before = [forest.parent[r] for r in rows]
    mothers = sorted({m for m in (*before, *change.mothers) if m >= 0})
    cost = forest.cost_around(rows, mothers)
    for r, m in zip(rows, change.mothers, strict=True):
        forest.move(r, m)
    gain = cost - forest.cost_around(rows, mothers)
    for r, m in zip(rows, before, strict=True):
        forest.move(r, m)
    return gain


def _around(
    forest: Forest, near: _Neighbours, mothers: list[int], rows: tuple[int, ...]
) -> Iterator[int]:
    yield from rows
    for mother in mothers:
        yield from forest.children[mother]
        if not forest.children[mother]:
            yield from near.after(mother)
    for row in rows:
        end = forest.end_of(row)
        yield from forest.children[end]
