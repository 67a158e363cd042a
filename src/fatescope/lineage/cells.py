"""A lineage seen as cells: each an unbranched run of linked rows, from birth to division or end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import sort_key
from fatescope.base.tracks import tracks_of

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One entry per cell, depth first, sisters in the order of their names.

    Parameters
    ----------
    name : ndarray of str (object), shape (k,)
        ``""`` where no row of the cell is named.
    first, last : ndarray of int, shape (k,)
        First and last frame.
    mother : ndarray of int, shape (k,)
        Index of the mother in these arrays, always smaller than the cell's own; -1 for none.
    n_daughters : ndarray of int, shape (k,)
    row_cell : ndarray of int, shape (n,)
        For each row of the lineage, its cell.
    first_row, last_row : ndarray of int, shape (k,)
        Rows of birth and end.
    """

    name: np.ndarray
    first: IntArray
    last: IntArray
    mother: IntArray
    n_daughters: IntArray
    row_cell: IntArray
    first_row: IntArray
    last_row: IntArray

    def __len__(self) -> int:
        return len(self.name)

    @property
    def divides(self) -> np.ndarray:
        """Whether the cell's division was seen, shape (k,)."""
        return self.n_daughters >= 2

    @property
    def born(self) -> np.ndarray:
        """Whether the division that made the cell was seen, shape (k,)."""
        return np.asarray((self.mother >= 0) & self.divides[np.maximum(self.mother, 0)])


def cells_of(lineage: Lineage) -> Cells:
    """Gather the rows of a lineage into cells, in the order in which a tree is drawn.

    The cells are those of `fatescope.base.tracks.tracks_of`; only the order differs.
    """
    tracks = tracks_of(lineage)
    order = _depth_first(tracks.name, tracks.mother, tracks.first)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    mother = tracks.mother[order]
    return Cells(
        name=np.array([str(n) for n in tracks.name[order]], dtype=object),
        first=tracks.first[order],
        last=tracks.last[order],
        mother=np.where(mother >= 0, place[mother], -1),
        n_daughters=tracks.n_daughters[order],
        row_cell=place[tracks.of_row],
        first_row=tracks.first_row[order],
        last_row=tracks.last_row[order],
    )


def _depth_first(names: np.ndarray, mother: IntArray, first: IntArray) -> IntArray:
    """Return the cells mothers first, sisters by name, then by birth."""
    rank = sorted(range(len(names)), key=lambda c: (sort_key(str(names[c])), first[c], c))
    below: dict[int, list[int]] = {}
    for c in rank:
        below.setdefault(int(mother[c]), []).append(c)
    out: list[int] = []
    stack = below.get(-1, [])[::-1]
    while stack:
        c = stack.pop()
        out.append(c)
        stack += below.get(c, [])[::-1]
    return np.array(out, dtype=np.int64)


def mean_per_cell(cells: Cells, values: FloatArray) -> FloatArray:
    """Return the mean of a row-wise quantity over each cell's rows, shape (k,); NaN is left out."""
    known = np.isfinite(values)
    total = np.bincount(cells.row_cell[known], weights=values[known], minlength=len(cells))
    count = np.bincount(cells.row_cell[known], minlength=len(cells))
    mean = np.divide(total, count, out=np.full(len(cells), np.nan), where=count > 0)
    return np.asarray(mean)


def lifetime(cells: Cells) -> FloatArray:
    """Return the length of each cell's life in frames, NaN unless birth and division were seen."""
    length = (cells.last - cells.first + 1).astype(float)
    length[~(cells.born & cells.divides)] = np.nan
    return length
