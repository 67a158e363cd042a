"""Which nuclei an embryo has at a moment, where they are, and how near they are to dividing.

A lineage table has one row per nucleus and frame; here it becomes lives, which are asked at any
moment, between frames too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray

_RADIUS_UM = 2.2
"""Of a nucleus whose table gives no size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """All nuclei of one moment; arrays have one entry per nucleus, in order of ``cell``.

    Parameters
    ----------
    frame : float
        In frames of the table.
    cell : ndarray of int, shape (n,)
        Number of the life, from 0; it stays the same through time.
    name : ndarray of str (object), shape (n,)
    centre_um : ndarray of float, shape (n, 3)
        z, y, x.
    radius_um : ndarray of float, shape (n,)
        Between divisions.
    age_min, left_min : ndarray of float, shape (n,)
        Minutes since the division that made the nucleus, and until its own; infinite where the
        table shows none.
    axis : ndarray of float, shape (n, 3)
        Unit vector (z, y, x) along which the nearer of the two divisions parts the chromosomes.
    share : ndarray of float, shape (n,)
        Of the embryo's volume that the cell has.
    """

    frame: float
    cell: IntArray
    name: np.ndarray
    centre_um: FloatArray
    radius_um: FloatArray
    age_min: FloatArray
    left_min: FloatArray
    axis: FloatArray
    share: FloatArray

    def __len__(self) -> int:
        return len(self.cell)


class Lives:
    """The lives of all cells of a lineage, to be asked for any moment.

    Parameters
    ----------
    lineage : Lineage
        Links, positions and names; rows of one life follow each other through ``parent``.
    spacing_um : tuple of 3 floats
        z, y, x, of the lineage's positions.
    interval_min : float
        Between its frames.

    Raises
    ------
    InputError
        If the lineage has no rows.
    """

    def __init__(
        self,
        lineage: Lineage,
        *,
        spacing_um: tuple[float, float, float],
        interval_min: float,
    ) -> None:
        if not len(lineage):
            raise InputError("the lineage has no rows. Give a table with one row per nucleus.")
        self.interval_min = interval_min
        self.position_um = lineage.position * np.array(spacing_um)
        self.cell_of_row, self.rows = _lives(lineage)
        self._frames = [lineage.frame[r] for r in self.rows]
        self.first = np.array([f[0] for f in self._frames])
        self.last = np.array([f[-1] for f in self._frames])
        opening = lineage.parent[[r[0] for r in self.rows]]
        self.mother = np.where(opening >= 0, self.cell_of_row[opening], -1)
        self.name = np.array([str(lineage.name[r[0]]) for r in self.rows], dtype=object)
        self.radius_um = _radii(lineage.radius_px * spacing_um[1], self.rows)
        self._next = self._division_frame()
        self.axis = self._axes()
        self.share = self._shares()

    def count(self) -> tuple[IntArray, IntArray]:
        """Return all frames of the table and the number of nuclei in each."""
        frames = np.arange(self.first.min(), self.last.max() + 1)
        alive = (self.first <= frames[:, None]) & (frames[:, None] < self._end())
        return frames, alive.sum(axis=1)

    def knows(self, frame: float) -> bool:
        """Tell whether the table has anything to say about a moment."""
        return bool(self.first.min() <= frame <= self.last.max())

    def alive(self, frame: float) -> IntArray:
        """Return the numbers of the cells that live at a moment."""
        return np.flatnonzero((self.first <= frame) & (frame < self._end()))

    def at(self, frame: float) -> Moment:
        """Return the nuclei of one moment; between frames, positions are interpolated."""
        alive = self.alive(frame)
        centre = np.empty((len(alive), 3))
        for i, cell in enumerate(alive.tolist()):
            where = self.position_um[self.rows[cell]]
            for axis in range(3):
                centre[i, axis] = np.interp(frame, self._frames[cell], where[:, axis])
        born = np.where(self.mother[alive] >= 0, self.first[alive] - 0.5, -np.inf)
        age = (frame - born) * self.interval_min
        left = (self._next[alive] - 0.5 - frame) * self.interval_min
        own = self.axis[alive]
        before = self.axis[np.maximum(self.mother[alive], 0)]
        return Moment(
            frame=frame,
            cell=alive,
            name=self.name[alive],
            centre_um=centre,
            radius_um=self.radius_um[alive],
            age_min=np.maximum(age, 0),
            left_min=np.maximum(left, 0),
            axis=np.where((age < left)[:, None], before, own),
            share=self.share[alive],
        )

    def _end(self) -> FloatArray:
        """Return the frame from which a life is over: its division, or the end of its rows."""
        return np.where(np.isfinite(self._next), self._next, self.last + 1.0)

    def _division_frame(self) -> FloatArray:
        frame = np.full(len(self.rows), np.inf)
        has = self.mother >= 0
        np.minimum.at(frame, self.mother[has], self.first[has])
        return frame

    def _axes(self) -> FloatArray:
        """Return the direction between the first places of two daughters, or one at random."""
        axis = np.random.default_rng(0).normal(size=(len(self.rows), 3))
        for mother in np.unique(self.mother[self.mother >= 0]).tolist():
            pair = np.flatnonzero(self.mother == mother)[:2]
            places = self.position_um[[self.rows[c][0] for c in pair]]
            if len(pair) == 2 and np.linalg.norm(places[1] - places[0]) > 0.3:
                axis[mother] = places[1] - places[0]
        return np.asarray(axis / np.linalg.norm(axis, axis=1, keepdims=True))

    def _shares(self) -> FloatArray:
        """Return each cell's share of the embryo: halves, uneven where the germ line divides.

        References
        ----------
        Uneven shares: volumes of the stored 3DMMS embryo (frames 1 to 24).
        """
        share = np.zeros(len(self.rows))
        starts = np.flatnonzero(self.mother < 0)
        share[starts] = 1.0 / len(starts)
        for cell in np.argsort(self.first, kind="stable").tolist():
            if self.mother[cell] >= 0:
                part = _PART.get(str(self.name[cell]), 0.5)
                share[cell] = part * share[self.mother[cell]]
        return share


_PART = {
    "AB": 0.6,
    "P1": 0.4,
    "EMS": 0.58,
    "P2": 0.42,
    "C": 0.62,
    "P3": 0.38,
    "D": 0.62,
    "P4": 0.38,
}


def _lives(lineage: Lineage) -> tuple[IntArray, list[IntArray]]:
    """Return the life of each row, and the rows of each life in order of time."""
    n = len(lineage)
    linked = lineage.parent >= 0
    children = np.bincount(lineage.parent[linked], minlength=n)
    goes_on = linked & (children[np.maximum(lineage.parent, 0)] == 1)
    order = np.argsort(lineage.frame, kind="stable")
    life = np.full(n, -1)
    count = 0
    for row in order.tolist():
        if goes_on[row]:
            life[row] = life[lineage.parent[row]]
        else:
            life[row] = count
            count += 1
    by_life = order[np.argsort(life[order], kind="stable")]
    return life, np.split(by_life, np.cumsum(np.bincount(life, minlength=count))[:-1])


def _radii(radius_um: FloatArray, rows: list[IntArray]) -> FloatArray:
    """Return the typical radius of each life; tables measure it anew in every frame."""
    known = radius_um[np.isfinite(radius_um) & (radius_um > 0)]
    usual = float(np.median(known)) if len(known) else _RADIUS_UM
    radii = np.full(len(rows), usual)
    for i, r in enumerate(rows):
        own = radius_um[r]
        own = own[np.isfinite(own) & (own > 0)]
        if len(own):
            radii[i] = float(np.median(own))
    return radii
