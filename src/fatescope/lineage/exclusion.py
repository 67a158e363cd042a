"""From accepted findings to an exclusion; the table itself is never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston import is_cell_name, mother_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray

EXCLUDING = frozenset(
    [
        *("nonpositive-time", "cliff", "duplicate-position", "duplicate-row", "outside-tree"),
        *("oversplit", "jump", "swap", "exchanged"),
    ]
)
"""Rules whose accepted findings take rows out; the others speak of a whole embryo or of time."""


def excluded_rows(lineage: Lineage, findings: Iterable[Finding]) -> BoolArray:
    """Return which rows the accepted findings exclude.

    Everything downstream obeys the mask. A finding whose status goes back to open or rejected
    gives its rows back, because the mask is always made anew from the findings.

    Parameters
    ----------
    lineage : Lineage
    findings : iterable of Finding
        Of any status; only accepted ones count.

    Returns
    -------
    ndarray of bool, shape (n,)

    Notes
    -----
    A cliff takes out all later frames; a time of 0 and below, a leap, a repeated row and an
    over-split take out the rows concerned; swapped or exchanged cells go out with all their
    descendants from the frame of the finding on. `fatescope lineage edit` repairs instead.
    """
    out = np.zeros(len(lineage), dtype=bool)
    for finding in findings:
        if finding.status == "accepted" and finding.rule in EXCLUDING:
            out |= _rows_of(lineage, finding)
    return out


def _rows_of(lineage: Lineage, finding: Finding) -> BoolArray:
    cells = (finding.object or "").split("|")
    frame = lineage.frame
    start = np.iinfo(np.int64).min if finding.frame is None else finding.frame
    if finding.rule == "cliff":
        return np.asarray(frame >= start)
    if finding.rule == "nonpositive-time":
        return np.asarray((frame < 0) & _named(lineage, cells))
    if finding.rule in ("jump", "duplicate-row"):
        return np.asarray((frame == start) & _named(lineage, cells))
    if finding.rule == "duplicate-position":
        return np.asarray((frame >= start) & _named(lineage, cells[1:]))
    if finding.rule == "oversplit":
        return _descends(lineage, cells) & ~_named(lineage, cells)
    if finding.rule == "outside-tree":
        return _named(lineage, cells)
    return np.asarray((frame >= start) & below(lineage, cells))


def below(lineage: Lineage, cells: list[str]) -> BoolArray:
    """Return the rows of cells and of all that descend from them, by name."""
    return np.asarray(_named(lineage, cells) | _descends(lineage, cells))


def _named(lineage: Lineage, cells: list[str]) -> BoolArray:
    return np.isin(lineage.name.astype(str), [c for c in cells if c])


def _descends(lineage: Lineage, cells: list[str]) -> BoolArray:
    """Return rows whose cell has one of these among its ancestors, by name."""
    wanted = set(cells)
    below: dict[str, bool] = {}
    for name in dict.fromkeys(lineage.name.tolist()):
        above = mother_of(name) if is_cell_name(name) else None
        while above is not None and above not in wanted:
            above = mother_of(above)
        below[name] = above is not None
    return np.array([below[n] for n in lineage.name.tolist()], dtype=bool)


def without_rows(lineage: Lineage, excluded: BoolArray) -> Lineage:
    """Return the lineage without rows; links to a row that is gone become absent."""
    from dataclasses import replace

    keep = ~excluded
    number = np.cumsum(keep) - 1
    parent = lineage.parent[keep]
    there = (parent >= 0) & keep[np.maximum(parent, 0)]
    return replace(
        lineage,
        frame=lineage.frame[keep],
        position=lineage.position[keep],
        parent=np.where(there, number[np.maximum(parent, 0)], -1),
        name=lineage.name[keep],
        radius_px=lineage.radius_px[keep],
        extra=lineage.extra.rows(keep),
        metadata={**lineage.metadata, "excluded_rows": int(excluded.sum())},
    )


def with_decisions(findings: Iterable[Finding], decided: Iterable[Finding]) -> list[Finding]:
    """Return findings with the status that an earlier list gave to the same ones.

    Two findings are the same if file, rule, object and frame agree.
    """
    from dataclasses import replace

    status = {_key(f): f.status for f in decided}
    return [replace(f, status=status.get(_key(f), f.status)) for f in findings]


def _key(finding: Finding) -> tuple[str, str, str | None, int | None]:
    return finding.file, finding.rule, finding.object or None, finding.frame
