"""Where each cell of a tree is drawn, and means over each: the arithmetic, without any drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import mother_of, sort_key
from fatescope.numeric import Tracks, tracks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray


def cells_of(lineage: Lineage) -> Tracks:
    """Return the tracks of `fatescope.numeric.tracks_of`, mothers first, sisters by name."""
    tracks = tracks_of(lineage)
    return tracks.reorder(_depth_first(tracks.name, tracks.mother, tracks.first))


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


def mean_per_cell(cells: Tracks, values: FloatArray) -> FloatArray:
    """Return the mean of a row-wise quantity over each cell's rows, shape (t,); NaN is left out."""
    known = np.isfinite(values)
    total = np.bincount(cells.of_row[known], weights=values[known], minlength=len(cells))
    count = np.bincount(cells.of_row[known], minlength=len(cells))
    mean = np.divide(total, count, out=np.full(len(cells), np.nan), where=count > 0)
    return np.asarray(mean)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLayout:
    """Places of the cells of a tree, in units of time and of leaves.

    Parameters
    ----------
    start, end : ndarray of float, shape (k,)
        The branch of a cell along the time axis: from its mother's end to its own.
    across : ndarray of float, shape (k,)
        Place across the time axis. Leaves stand at 0, 1, 2, ... (with a gap between trees);
        a mother stands in the middle of her daughters.
    width : float
        Extent across, in leaves.
    """

    start: FloatArray
    end: FloatArray
    across: FloatArray
    width: float


def layout_tree(cells: Tracks, *, interval: float, gap: float) -> TreeLayout:
    """Place every cell; branch length is time.

    Parameters
    ----------
    cells : Tracks
        Depth first, mothers before daughters.
    interval : float
        Length of a frame in the unit of the time axis (1 for frames).
    gap : float
        Empty space between separate trees, in leaves.

    Notes
    -----
    A cell's branch begins where its mother's ends, so that the division is a straight line even
    where frames are missing between them; it ends one frame after the last row, because the cell
    was there during that frame.
    """
    end = (cells.last + 1.0) * interval
    start = cells.first * interval
    linked = cells.mother >= 0
    start[linked] = end[cells.mother[linked]]
    across, width = _places(cells.mother, gap)
    return TreeLayout(start=start, end=end, across=across, width=width)


def _places(mother: IntArray, gap: float) -> tuple[FloatArray, float]:
    """Put leaves side by side and each mother in the middle of her daughters."""
    k = len(mother)
    leaf = ~np.isin(np.arange(k), mother)
    across, at = np.zeros(k), 0.0
    for c in range(k):
        if mother[c] < 0 and c:
            at += gap
        if leaf[c]:
            across[c], at = at, at + 1.0
    low, high = np.full(k, np.inf), np.full(k, -np.inf)
    for c in range(k - 1, -1, -1):  # daughters come after their mother
        if not leaf[c]:
            across[c] = (low[c] + high[c]) / 2
        if mother[c] >= 0:
            low[mother[c]] = min(low[mother[c]], across[c])
            high[mother[c]] = max(high[mother[c]], across[c])
    return across, at


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRuns:
    """Stretches of equal value along the branches, for colouring them in time.

    Parameters
    ----------
    cell : ndarray of int, shape (m,)
    start, end : ndarray of float, shape (m,)
        Along the time axis.
    value : ndarray of float, shape (m,)
        Middle of the step that the value fell into; NaN where unknown.
    """

    cell: IntArray
    start: FloatArray
    end: FloatArray
    value: FloatArray

    @classmethod
    def none(cls) -> BranchRuns:
        """Return no stretch at all."""
        empty = np.zeros(0)
        return cls(cell=empty.astype(np.int64), start=empty, end=empty, value=empty)


def value_runs(
    cells: Tracks,
    frame: IntArray,
    values: FloatArray,
    *,
    interval: float,
    low: float,
    high: float,
    n_steps: int,
) -> BranchRuns:
    """Cut branches where the value changes by a step, so that few marks show many rows.

    Parameters
    ----------
    cells : Tracks
    frame, values : ndarray, shape (n,)
        One entry per row of the lineage.
    interval : float
        Length of a frame in the unit of the time axis.
    low, high : float
        Values beyond are taken as these.
    n_steps : int
        Number of equal steps between ``low`` and ``high``.
    """
    share = (np.clip(values, low, high) - low) / (high - low)
    step = np.where(np.isfinite(share), np.floor(np.nan_to_num(share) * n_steps), -1)
    step = np.minimum(step, n_steps - 1).astype(np.int64)
    order = np.lexsort((frame, cells.of_row))
    cell, at, step = cells.of_row[order], frame[order], step[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (cell[1:] != cell[:-1]) | (step[1:] != step[:-1])
    first = np.flatnonzero(new)
    last = np.append(first[1:], len(order)) - 1
    middle = low + (step[first] + 0.5) / n_steps * (high - low)
    next_start = np.append(at[first][1:], 0)
    same_cell = np.append(cell[first][1:] == cell[first][:-1], False)
    return BranchRuns(
        cell=cell[first],
        start=at[first] * interval,
        end=np.where(same_cell, next_start, at[last] + 1) * interval,
        value=np.where(step[first] >= 0, middle, np.nan),
    )


def layout_names(
    names: Sequence[str], birth: FloatArray, division: FloatArray, *, open_min: float
) -> tuple[TreeLayout, IntArray]:
    """Place cells that are known by name, birth and division, such as the mean of embryos.

    Parameters
    ----------
    names : sequence of str, length k
        In file order, so that mothers come before daughters.
    birth, division : ndarray of float, shape (k,)
        NaN where unknown; a cell without birth begins where its mother ends or at its division.
    open_min : float
        Length of the branch of a cell whose division is unknown.

    Returns
    -------
    layout : TreeLayout
    mother : ndarray of int, shape (k,)
    """
    place = {n: i for i, n in enumerate(names)}
    mother = np.array([place.get(mother_of(n) or "", -1) for n in names], dtype=np.int64)
    k = len(names)
    first, last = birth.copy(), division.copy()
    for c in range(k):
        if mother[c] >= 0:
            first[c] = last[mother[c]]
        elif not np.isfinite(first[c]):
            first[c] = last[c] - open_min if np.isfinite(last[c]) else 0.0
        if not np.isfinite(last[c]) or last[c] <= first[c]:
            last[c] = first[c] + open_min
    across, width = _places(mother, 2.0)
    return TreeLayout(start=first, end=last, across=across, width=width), mother
