"""What reading a lineage gives, and the last step that every reader shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages.links import impossible_links, repeated_rows
from fatescope.base.errors import FileFormatError
from fatescope.base.finding import Finding
from fatescope.base.lineage import Lineage
from fatescope.base.spacing import Spacing
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import BoolArray, FloatArray, IntArray

FRAME_LIMIT = 1_000_000
"""Frames further from 0 than this are a damaged number, not a movie."""
_LISTED = 20
_RENAMED, _FEWEST = 0.5, 3
"""Of the links within a cell, if there are so many: a larger share that changes the name is no
cell's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLineage:
    """A lineage, the format it was read from, and what was wrong with the file.

    With ``in_units``, the file holds positions in the unit that its spacing gives, not pixels: a
    spacing that the user gives makes pixels of them.
    """

    lineage: Lineage
    format: str
    in_units: bool = False
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotColumns:
    """The columns of a `Lineage` as a file has them, in 0-based frames and pixels.

    Links may be impossible and positions infinite; ``movie`` numbers the movie of each row, where
    a file holds several.
    """

    frame: IntArray
    position: FloatArray
    parent: IntArray
    name: np.ndarray
    radius_px: FloatArray
    extra: Table = field(default_factory=Table)
    movie: IntArray | None = None


def assemble(
    spots: SpotColumns,
    *,
    file: str,
    format: str,
    spacing: Spacing | None = None,
    metadata: dict[str, object] | None = None,
    in_units: bool = False,
    findings: Sequence[Finding] = (),
) -> ReadLineage:
    """Make a `Lineage` of what was read.

    What a `Lineage` cannot hold becomes a finding: links to the same or a later frame (cycles)
    are cut, infinite positions become unknown. Rows that repeat a name and frame stay, and are
    reported. Names that number spots, not cells, become the column ``spot_name``.

    Raises
    ------
    FileFormatError
        If no row is left or a frame is absurd.
    """
    frame, position, parent, name = spots.frame, spots.position, spots.parent, spots.name
    extra = spots.extra
    if not len(frame):
        raise FileFormatError(f"{file}: holds no nucleus. Check that the file is whole.")
    worst = int(np.abs(frame).max())
    if worst > FRAME_LIMIT:
        raise FileFormatError(
            f"{file}: has a frame number of {worst}; movies have fewer than {FRAME_LIMIT} frames. "
            "Check the column of times."
        )
    found = list(findings)
    cut = impossible_links(frame, parent)
    if cut.any():
        found += _rows(
            file,
            "orphan",
            cut,
            frame,
            name,
            "names a parent in the same or a later frame; the link is cut",
        )
        parent = np.where(cut, -1, parent)
    infinite = np.asarray(~np.isfinite(position).all(axis=1))
    if infinite.any() and format != "newick":
        found += _rows(
            file, "not-finite", infinite, frame, name, "has a position that is not a number"
        )
        position = np.where(np.isfinite(position), position, np.nan)
    if _name_spots(parent, name):
        extra = Table({**extra.columns, "spot_name": name})
        name = np.full(len(name), "", dtype=object)
    again = repeated_rows(frame, name, spots.movie)
    if again.any():
        found += _rows(
            file,
            "duplicate-row",
            again,
            frame,
            name,
            "repeats a cell and frame of an earlier row; it is kept without a link",
        )
    lineage = Lineage(
        frame=frame,
        position=position,
        parent=parent,
        name=name,
        radius_px=spots.radius_px,
        spacing=spacing or Spacing(),
        extra=extra,
        metadata={"source": file, "format": format, **(metadata or {})},
    )
    return ReadLineage(lineage=lineage, format=format, in_units=in_units, findings=found)


def _name_spots(parent: IntArray, name: np.ndarray) -> bool:
    """Say whether names are those of spots: along most links without a division they change."""
    children = np.bincount(parent[parent >= 0], minlength=len(parent))
    row = np.flatnonzero(parent >= 0)
    row = row[(children[parent[row]] == 1) & (name[row] != "") & (name[parent[row]] != "")]
    changed = name[row] != name[parent[row]]
    return bool(len(row) >= _FEWEST and np.mean(changed) > _RENAMED)


def _rows(
    file: str, rule: str, which: BoolArray, frame: IntArray, name: np.ndarray, why: str
) -> list[Finding]:
    """Return one finding for each of the first rows, and one with the count if there are more."""
    rows = np.flatnonzero(which).tolist()
    found = [
        Finding(
            file=file,
            rule=rule,
            frame=int(frame[row]),
            object=str(name[row]) or f"row {row + 1}",
            severity="error",
            reason=f"row {row + 1} ({name[row] or 'unnamed'}, frame {frame[row]}) {why}.",
        )
        for row in rows[:_LISTED]
    ]
    if len(rows) > _LISTED:
        found.append(
            Finding(
                file=file,
                rule=rule,
                severity="error",
                value=float(len(rows)),
                limit=0.0,
                reason=f"{len(rows)} rows in all: each {why}; the first {_LISTED} are listed.",
            )
        )
    return found
