"""Names after corrections: only those of cells that depend on what was corrected."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Table
from fatescope.lineage.editing import Add, Group, Join, Move, Relink, Remove, Split
from fatescope.lineage.naming import NameSettings
from fatescope.numeric import tracks_of
from fatescope.systems.lineages.name import name_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Set

    from fatescope.base import BoolArray, Lineage
    from fatescope.lineage.editing import Action


def rows_touched(actions: Iterable[Action]) -> set[int]:
    """Return the rows, as they are numbered after all actions, whose links or places changed."""
    none: set[int] = set()
    return reduce(_after, actions, none) - {-1}


def _after(rows: set[int], action: Action) -> set[int]:
    match action:
        case Group(parts):
            return reduce(_after, parts, rows)
        case Relink(row, old, new):
            return rows | {row, old, new}
        case Split(row, parent) | Join(row, parent):
            return rows | {row, parent}
        case Move(row):
            return rows | {row}
        case Add(row, spot):
            return {r + (r >= row) for r in rows} | {row, spot.parent}
        case Remove(row, spot):
            left = {r - (r > row) for r in rows if r != row}
            return left | {spot.parent - (spot.parent > row)}
    return rows


def new_names(lineage: Lineage, actions: Iterable[Action], *, kept: Set[str]) -> list[str]:
    """Return the renamings that corrections make necessary, as lines of ``lineage edit``.

    Parameters
    ----------
    lineage : Lineage
        As it is now, of known spacing.
    actions : iterable of Action
        What was done since its cells were named.
    kept : set of str
        Names that a person gave.

    Notes
    -----
    The whole embryo is named, since names follow from all cells together; what does not descend
    from a cell that was touched, or from its sister, keeps its name.
    """
    depends = _depends(lineage, rows_touched(actions))
    if not depends.any():
        return []
    given = Table({"id": np.arange(len(lineage))})
    found = np.array(
        [str(n or "") for n in name_rows(lineage, given, NameSettings()).table["name"]]
    )
    tracks = tracks_of(lineage)
    lines = []
    for k in range(len(tracks)):
        rows = tracks.rows[tracks.start[k] : tracks.start[k + 1]]
        names, counts = np.unique(found[rows], return_counts=True)
        now, new = str(tracks.name[k]), str(names[counts.argmax()])
        if depends[rows[0]] and now != new and now not in kept:
            lines.append(f"rename #{rows[0]}- {new or repr('')}")
    return lines


def _depends(lineage: Lineage, touched: Set[int]) -> BoolArray:
    """Return which rows are of a cell that was touched, of its sister, or descend from these."""
    tracks = tracks_of(lineage)
    cells = tracks.of_row[sorted(touched)]
    mothers = tracks.mother[cells]
    inside = np.isin(tracks.mother, mothers[mothers >= 0])
    inside[cells] = True
    for k in np.argsort(tracks.first, kind="stable"):
        inside[k] |= tracks.mother[k] >= 0 and inside[tracks.mother[k]]
    return np.asarray(inside[tracks.of_row])
