"""Which nuclei an embryo has at a moment, where they are, and how near they are to dividing.

A lineage table has one row per nucleus and frame; here it becomes lives, which are asked at any
moment, between frames too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.numeric.tracks import tracks_of

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray

_RADIUS_UM = 2.2
"""Of a nucleus whose table gives no size."""
_SAME_PLACE_UM = 0.3
"""Daughters nearer than this to one another do not say along which axis they parted."""

_PART = {
    "AB": 0.58,
    "P1": 0.42,
    "EMS": 0.58,
    "P2": 0.42,
    "MS": 0.52,
    "E": 0.48,
    "C": 0.69,
    "P3": 0.31,
    "D": 0.7,
    "P4": 0.3,
}
"""Of the mother's volume; sisters that are not named here are equal (stored 3DMMS embryo)."""


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
        If the lineage has no rows, or rows without position.
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
        lost = int((~np.isfinite(lineage.position)).any(axis=1).sum())
        if lost:
            raise InputError(
                f"{lost} rows of the lineage have no position. Leave them out of the table."
            )
        self.interval_min = interval_min
        self.position_um = lineage.position * np.array(spacing_um)
        tracks = tracks_of(lineage)
        self.rows = np.split(tracks.rows, tracks.start[1:-1])
        self._frames = [lineage.frame[r] for r in self.rows]
        self.first, self.last, self.mother = tracks.first, tracks.last, tracks.mother
        self.name = tracks.name
        self.radius_um = _radii(lineage.radius_px * spacing_um[1], self.rows)
        self._end = tracks.end
        self._divides, self._born, self._pair = tracks.divides, tracks.born, tracks.pair
        self.axis = self._axes()
        self.share = self._shares()

    def count(self) -> tuple[IntArray, IntArray]:
        """Return all frames of the table and the number of nuclei in each."""
        frames = np.arange(self.first.min(), self.last.max() + 1)
        alive = (self.first <= frames[:, None]) & (frames[:, None] < self._end)
        return frames, alive.sum(axis=1)

    def knows(self, frame: float) -> bool:
        """Tell whether the table has anything to say about a moment."""
        return bool(self.first.min() <= frame <= self.last.max())

    def alive(self, frame: float) -> IntArray:
        """Return the numbers of the cells that live at a moment."""
        return np.flatnonzero((self.first <= frame) & (frame < self._end))

    def at(self, frame: float) -> Moment:
        """Return the nuclei of one moment; between frames, positions are interpolated."""
        alive = self.alive(frame)
        centre = np.empty((len(alive), 3))
        for i, cell in enumerate(alive.tolist()):
            where = self.position_um[self.rows[cell]]
            for axis in range(3):
                centre[i, axis] = np.interp(frame, self._frames[cell], where[:, axis])
        born = np.where(self._born[alive], self.first[alive] - 0.5, -np.inf)
        divided = np.where(self._divides[alive], self._end[alive] - 0.5, np.inf)
        age = (frame - born) * self.interval_min
        left = (divided - frame) * self.interval_min
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

    def _axes(self) -> FloatArray:
        """Return the direction between the first places of two daughters, or one at random."""
        axis = np.random.default_rng(0).normal(size=(len(self.rows), 3))
        first = self.position_um[[r[0] for r in self.rows]]
        for mother in np.flatnonzero(self._pair[:, 0] >= 0).tolist():
            apart = first[self._pair[mother, 1]] - first[self._pair[mother, 0]]
            if np.linalg.norm(apart) > _SAME_PLACE_UM:
                axis[mother] = apart
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
                part = _PART.get(str(self.name[cell]), 0.5) if self._born[cell] else 1.0
                share[cell] = part * share[self.mother[cell]]
        return share


def _radii(radius_um: FloatArray, rows: list[IntArray]) -> FloatArray:
    """Return the typical radius of each life; tables measure it again in every frame."""
    known = radius_um[np.isfinite(radius_um) & (radius_um > 0)]
    usual = float(np.median(known)) if len(known) else _RADIUS_UM
    radii = np.full(len(rows), usual)
    for i, r in enumerate(rows):
        own = radius_um[r]
        own = own[np.isfinite(own) & (own > 0)]
        if len(own):
            radii[i] = float(np.median(own))
    return radii
