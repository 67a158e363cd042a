"""Which rows a curator means: ``ABal``, ``ABal@12``, ``ABal@12-``, ``ABal@12-20``, ``#417``.

``#417-`` is row 417 and what continues it, up to the next division: a cell without a name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.numeric import tracks_of

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import IntArray

_FRAMES = re.compile(r"(?P<first>-?\d+)(?P<open>-(?P<last>\d+)?)?")


@dataclass(frozen=True, slots=True)
class Selection:
    """Rows of one cell (or one row by number), in the order of their frames."""

    text: str
    rows: tuple[int, ...]

    @property
    def one(self) -> int:
        """The row, where exactly one is meant."""
        if len(self.rows) != 1:
            raise InputError(
                f"{self.text!r} means {len(self.rows)} rows, and one is needed. Give its frame, as "
                f"in {self.text.split('@')[0]}@12."
            )
        return self.rows[0]


def select(lineage: Lineage, text: str) -> Selection:
    """Find the rows that ``text`` means; frames are 0-based and both ends count.

    Raises
    ------
    InputError
        If the text cannot be read or no row is meant.
    """
    if numbered := re.fullmatch(r"#(\d+)(-?)", text):
        row = int(numbered[1])
        if row >= len(lineage):
            raise InputError(
                f"there is no row {row}; the table has rows #0 to #{len(lineage) - 1}."
            )
        return Selection(text, _continued(lineage, row) if numbered[2] else (row,))
    name, at, frames = text.rpartition("@")
    if not at:
        name, frames = text, ""
    rows = np.flatnonzero(lineage.name == name)
    if not len(rows):
        raise InputError(f"no nucleus is called {name!r}. Capital letters matter: ABal, MSa, Ea.")
    if frames:
        first, last = _range(frames, text)
        frame = lineage.frame[rows]
        rows = rows[(frame >= first) & (frame <= last)]
        if not len(rows):
            raise InputError(
                f"{name} has no nucleus in the frames of {text!r}; it lives from frame "
                f"{frame.min()} to {frame.max()}."
            )
    order = np.argsort(lineage.frame[rows], kind="stable")
    return Selection(text, tuple(int(r) for r in rows[order]))


def _continued(lineage: Lineage, row: int) -> tuple[int, ...]:
    """Return a row and the rest of its cell."""
    tracks = tracks_of(lineage)
    k = tracks.of_row[row]
    rows = tracks.rows[tracks.start[k] : tracks.start[k + 1]]
    return tuple(int(r) for r in rows[lineage.frame[rows] >= lineage.frame[row]])


def subtree(lineage: Lineage, roots: tuple[int, ...]) -> tuple[int, ...]:
    """Return ``roots`` and every row that descends from them by links, ascending."""
    inside = np.zeros(len(lineage), dtype=bool)
    inside[list(roots)] = True
    linked = lineage.parent >= 0
    order: IntArray = np.flatnonzero(linked)[np.argsort(lineage.frame[linked], kind="stable")]
    # Parents lie in earlier frames, so one pass in the order of frames reaches everything.
    for row in order:
        inside[row] |= inside[lineage.parent[row]]
    return tuple(int(r) for r in np.flatnonzero(inside))


def _range(text: str, whole: str) -> tuple[int, float]:
    match = _FRAMES.fullmatch(text)
    if match is None:
        raise InputError(f"{whole!r}: {text!r} is no frame. Write @12, @12- or @12-20 (0-based).")
    first = int(match["first"])
    if not match["open"]:
        return first, first
    return first, float("inf") if match["last"] is None else int(match["last"])
