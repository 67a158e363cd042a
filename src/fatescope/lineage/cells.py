"""The cells of a lineage in the order in which a tree is drawn, and means over each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import sort_key
from fatescope.numeric import Tracks, tracks_of

if TYPE_CHECKING:
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
