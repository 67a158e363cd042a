"""What an atlas needs to know of one embryo: its cells, divisions and neighbours."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston_tree import all_names, daughters_of
from fatescope.lineage.atlas import NODES
from fatescope.lineage.division_axes import division_axes
from fatescope.lineage.neighbours import embryo_neighbours

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbryoCells:
    """The named cells of one embryo, by place in the list of all names; NaN where unseen.

    ``nodes`` holds positions (x, y, z in µm) at the five moments of life, shape (n, 5, 3);
    ``axes`` the directions of divisions by mother (x, y, z), see `division_axes`, and ``beside``
    the neighbours, see `embryo_neighbours`: both are empty where only births are known.
    """

    title: str
    first: FloatArray
    last: FloatArray
    nodes: FloatArray
    axes: Mapping[str, FloatArray] = field(default_factory=dict)
    beside: IntArray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))


def cells_of_lineage(lineage: Lineage, *, title: str) -> EmbryoCells:
    """Reduce a full lineage (one row per nucleus and frame, named) to its cells.

    Raises
    ------
    InputError
        If the spacing is unknown.
    """
    recorded = lineage.frame >= 0
    name, frame = lineage.name[recorded], lineage.frame[recorded].astype(np.int64)
    xyz_um = lineage.position_um()[recorded][:, ::-1]
    index = {n: i for i, n in enumerate(all_names())}
    n = len(index)
    first, last = np.full(n, np.nan), np.full(n, np.nan)
    nodes = np.full((n, NODES, 3), np.nan)
    place = np.array([index.get(str(c), -1) for c in name])
    order = np.lexsort((frame, place))
    order = order[place[order] >= 0]
    cuts = np.flatnonzero(np.diff(place[order])) + 1
    rows_of = {int(place[r[0]]): r for r in np.split(order, cuts) if len(r)}
    for i, rows in rows_of.items():
        first[i], last[i] = frame[rows[0]], frame[rows[-1]]
    start = np.nanmin(first) if rows_of else 0.0
    names = all_names()
    for i, rows in rows_of.items():
        pair = [index[d] for d in daughters_of(names[i])]
        divides = any(j in rows_of for j in pair)
        if not divides or first[i] <= start:
            continue
        phase = (frame[rows] - first[i]) / max(last[i] - first[i], 1)
        at = np.linspace(0, 1, NODES)
        nodes[i] = np.stack([np.interp(at, phase, xyz_um[rows, a]) for a in range(3)], axis=1)
    for i, rows in rows_of.items():
        if np.isnan(nodes[i, 0, 0]) and first[i] > start:
            nodes[i, 0] = xyz_um[rows[0]]
        if np.isnan(nodes[i, -1, 0]) and first[i] <= start:
            nodes[i, -1] = xyz_um[rows[-1]]
    return EmbryoCells(
        title=title,
        first=first,
        last=last,
        nodes=nodes,
        axes={mother: axis[::-1] for mother, axis in division_axes(lineage).items()},
        beside=embryo_neighbours(place, frame, xyz_um),
    )


def cells_of_births(
    *, title: str, name: np.ndarray, first: FloatArray, last: FloatArray, xyz_um: FloatArray
) -> EmbryoCells:
    """Take a table of one row per cell; a cell ends where its daughters begin."""
    index = {n: i for i, n in enumerate(all_names())}
    n = len(index)
    f, end = np.full(n, np.nan), np.full(n, np.nan)
    nodes = np.full((n, NODES, 3), np.nan)
    for cell, a, b, p in zip(name, first, last, xyz_um, strict=True):
        i = index.get(str(cell), -1)
        if i >= 0 and a > 0:
            f[i], end[i], nodes[i, 0] = a, b, p
    born = nodes[:, 0].copy()
    nodes[f <= np.nanmin(f), 0] = np.nan
    for cell, i in index.items():
        pair = [index[d] for d in daughters_of(cell)]
        if pair:
            nodes[i, -1] = born[pair].mean(0)
    return EmbryoCells(title=title, first=f, last=end, nodes=nodes)
