"""From accepted findings to exclusions of cells; the table itself is never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.exclusion import Exclusion
from fatescope.base.finding import Finding
from fatescope.base.sulston import is_cell_name, mother_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray

EXCLUDING = frozenset(
    [
        *("nonpositive-time", "cliff", "duplicate-position", "duplicate-row", "outside-tree"),
        *("oversplit", "jump", "swap", "exchanged"),
    ]
)
"""Rules whose accepted findings take rows out; the others speak of a whole embryo or of time."""


_FEWEST_FRAMES = 3
"""In two frames every cell that was missed once is seen in one only."""


def make_exclusions(lineage: Lineage, findings: Iterable[Finding]) -> list[Exclusion]:
    """Return what the accepted findings take out of a lineage.

    Everything downstream obeys them. A finding whose status goes back to open or rejected gives
    its rows back, because exclusions are always derived again from the findings.

    Parameters
    ----------
    lineage : Lineage
        Says which descendants of a cell there are.
    findings : iterable of Finding
        Of any status; only accepted ones count.

    Notes
    -----
    A cliff takes out all later frames; a time of 0 and below, a leap, a repeated row and an
    over-split take out the rows concerned; swapped or exchanged cells go out with all their
    descendants from the frame of the finding on. `fatescope lineage edit` repairs instead.
    """
    made = (
        _exclusion(lineage, finding)
        for finding in findings
        if finding.status == "accepted" and finding.rule in EXCLUDING
    )
    return [e for e in made if e.objects or e.rule == "cliff"]


def _exclusion(lineage: Lineage, finding: Finding) -> Exclusion:
    cells = [c for c in (finding.object or "").split("|") if c]
    first, last = finding.frame, None
    if finding.rule == "cliff":
        cells = []
    elif finding.rule == "nonpositive-time":
        first, last = None, -1
    elif finding.rule in ("jump", "duplicate-row"):
        last, cells = first, cells if first is not None else []
    elif finding.rule == "duplicate-position":
        cells = cells[1:]
    elif finding.rule == "oversplit":
        first, cells = None, _descendants(lineage, cells)
    elif finding.rule == "outside-tree":
        first = None
    else:
        cells = [*cells, *_descendants(lineage, cells)]
    return Exclusion(
        file=finding.file,
        first_frame=first,
        last_frame=last,
        objects=tuple(cells),
        rule=finding.rule,
    )


def below(lineage: Lineage, cells: list[str]) -> BoolArray:
    """Return the rows of cells and of all that descend from them, by name."""
    return np.isin(lineage.name.astype(str), [*cells, *_descendants(lineage, cells)])


def _descendants(lineage: Lineage, cells: Collection[str]) -> list[str]:
    """Return the cells, other than these, that have one of these among their ancestors, by name."""
    found = []
    for name in dict.fromkeys(lineage.name.tolist()):
        above = mother_of(name) if is_cell_name(name) and name not in cells else None
        while above is not None and above not in cells:
            above = mother_of(above)
        if above is not None:
            found.append(name)
    return found


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


def seen_once(lineage: Lineage) -> BoolArray:
    """Return which rows are linked to no other, in a movie of at least three frames.

    Such a row is most often part of a nucleus, or nothing; a cell is seen in several frames.
    """
    has_child = np.zeros(len(lineage), dtype=bool)
    has_child[lineage.parent[lineage.parent >= 0]] = True
    alone = (lineage.parent < 0) & ~has_child
    return alone & (len(np.unique(lineage.frame)) >= _FEWEST_FRAMES)


def with_decisions(findings: Iterable[Finding], decided: Iterable[Finding]) -> list[Finding]:
    """Return findings with the status that an earlier list gave to the same ones.

    Two findings are the same if file, rule, object and frame agree.
    """
    from dataclasses import replace

    status = {_key(f): f.status for f in decided}
    return [replace(f, status=status.get(_key(f), f.status)) for f in findings]


def _key(finding: Finding) -> tuple[str, str, str | None, int | None]:
    return finding.file, finding.rule, finding.object or None, finding.frame
