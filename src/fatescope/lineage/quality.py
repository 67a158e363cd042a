"""Numbers that tell a curator at a glance how a table is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import founder_of, is_cell_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.numeric import Tracks


LINEAGES = ("ABal", "ABar", "ABpl", "ABpr", "MS", "E", "C", "D", "P4")
EARLY = "early"  # cells that belong to none of these lineages yet


def step_lengths(lineage: Lineage) -> FloatArray:
    """Return the way of each nucleus since its parent row, µm per frame; NaN for first rows."""
    position = lineage.position_um()
    out = np.full(len(lineage), np.nan)
    linked = lineage.parent >= 0
    parent = lineage.parent[linked]
    way = np.linalg.norm(position[linked] - position[parent], axis=1)
    out[linked] = way / (lineage.frame[linked] - lineage.frame[parent])
    return out


def sister_distances(lineage: Lineage, cells: Tracks) -> FloatArray:
    """Return the distance of sisters in the second frame of their life, µm, one per division."""
    position = lineage.position_um()
    second = np.full(len(cells), -1)
    rows = np.flatnonzero(lineage.frame == cells.first[cells.of_row] + 1)
    second[cells.of_row[rows]] = rows
    pairs: dict[int, list[int]] = {}
    for c, mother in enumerate(cells.mother):
        if mother >= 0 and second[c] >= 0:
            pairs.setdefault(int(mother), []).append(int(second[c]))
    two = [p for p in pairs.values() if len(p) == 2]
    if not two:
        return np.zeros(0)
    a, b = np.array(two).T
    return np.asarray(np.linalg.norm(position[a] - position[b], axis=1))


def count_groups(
    frame: IntArray, group: np.ndarray, groups: Sequence[str]
) -> tuple[IntArray, dict[str, IntArray]]:
    """Return frames, and the nuclei of each group that occurs in each frame.

    The first curve is ``total``, which counts nuclei outside the groups too.
    """
    first, last = int(frame.min()), int(frame.max())
    n = last - first + 1
    counts: dict[str, IntArray] = {"total": np.bincount(frame - first, minlength=n)}
    for name in groups:
        mine = group == name
        if mine.any():
            counts[name] = np.bincount(frame[mine] - first, minlength=n)
    return np.arange(first, last + 1), counts


def founders_of(names: Sequence[str]) -> list[str]:
    """Return the founder of each name, ``""`` for what is no Sulston name."""
    return [founder_of(n) if is_cell_name(n) else "" for n in names]


def lineages_of(names: Sequence[str]) -> list[str]:
    """Return the lineage of each name: of AB its four quarters; ``""`` for no Sulston name.

    Examples
    --------
    >>> lineages_of(["ABplaa", "ABp", "EMS", "MSa", "Z2", "Nuc1"])
    ['ABpl', 'early', 'early', 'MS', 'P4', '']
    """
    out = []
    for name, founder in zip(names, founders_of(names), strict=True):
        lineage = name[:4] if founder == "AB" else founder
        out.append(lineage if lineage in LINEAGES or not founder else EARLY)
    return out


def scope_cliff(cells: Tracks, *, fewest: int) -> int | None:
    """Return the frame after which many nuclei are annotated no more, or ``None``.

    A cliff is ``fewest`` or more cells that end in the same frame, before the last one.
    """
    last = int(cells.last.max(initial=0))
    ends = cells.last[(cells.n_daughters == 0) & (cells.last < last)]
    if not len(ends):
        return None
    frames, counts = np.unique(ends, return_counts=True)
    return int(frames[np.argmax(counts)]) if counts.max() >= fewest else None
