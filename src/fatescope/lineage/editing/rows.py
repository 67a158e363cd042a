"""Rows of a lineage: which a curator means, as plain values, and how one enters or leaves.

``#417-`` is row 417 and what continues it, up to the next division: a cell without a name.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.table import Table
from fatescope.numeric import tracks_of

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import IntArray

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Spot:
    """Everything a lineage knows of one nucleus in one frame.

    ``parent`` is a row number of the lineage that the spot is (or was) part of; ``extra`` holds
    one (column, value) pair for each column beside the fixed ones, in their order.
    """

    frame: int
    position: tuple[float, float, float]
    parent: int
    name: str
    radius_px: float
    extra: tuple[tuple[str, Plain], ...] = ()


def editable(lineage: Lineage) -> Lineage:
    """Return the lineage in the form that actions work on: every column can say "unknown".

    Names become Python strings, positions and radii float64, and columns of whole numbers,
    booleans or fixed-width text become object columns, so that an added spot may leave them
    empty and a long name is never cut. Values do not change.
    """

    def open_up(column: np.ndarray) -> np.ndarray:
        return column if column.dtype.kind in "fO" else column.astype(object)

    return replace(
        lineage,
        frame=lineage.frame.astype(np.int64),
        position=lineage.position.astype(np.float64),
        parent=lineage.parent.astype(np.int64),
        name=lineage.name.astype(object),
        radius_px=lineage.radius_px.astype(np.float64),
        extra=Table({c: open_up(lineage.extra[c]) for c in lineage.extra}),
    )


def spot_at(lineage: Lineage, row: int) -> Spot:
    """Return the values of one row."""
    z, y, x = (float(v) for v in lineage.position[row])
    return Spot(
        frame=int(lineage.frame[row]),
        position=(z, y, x),
        parent=int(lineage.parent[row]),
        name=str(lineage.name[row]),
        radius_px=float(lineage.radius_px[row]),
        extra=tuple((c, plain(lineage.extra[c][row])) for c in lineage.extra),
    )


def insert_spot(lineage: Lineage, row: int, spot: Spot) -> Lineage:
    """Return the lineage with ``spot`` as row ``row``; links to later rows move along.

    Raises `InputError` if the row is beyond the end, or the spot's columns are not the lineage's.
    """
    if not 0 <= row <= len(lineage):
        raise InputError(f"row {row} cannot be added to a lineage of {len(lineage)} rows.")
    if tuple(c for c, _ in spot.extra) != tuple(lineage.extra):
        raise InputError(
            f"the spot to add has the columns {[c for c, _ in spot.extra]}, the lineage has "
            f"{list(lineage.extra)}. Give one value (or nothing) for each."
        )
    shifted = np.where(lineage.parent >= row, lineage.parent + 1, lineage.parent)
    columns = {c: _insert(lineage.extra[c], row, value, c) for c, value in spot.extra}
    return replace(
        lineage,
        frame=np.insert(lineage.frame, row, spot.frame),
        position=np.insert(lineage.position, row, spot.position, axis=0),
        parent=np.insert(shifted, row, spot.parent),
        name=_insert(lineage.name, row, spot.name, "name"),
        radius_px=np.insert(lineage.radius_px, row, spot.radius_px),
        extra=Table(columns),
    )


def delete_spot(lineage: Lineage, row: int) -> Lineage:
    """Return the lineage without row ``row``, to which no other row may be linked."""
    parent = np.delete(lineage.parent, row)
    return replace(
        lineage,
        frame=np.delete(lineage.frame, row),
        position=np.delete(lineage.position, row, axis=0),
        parent=np.where(parent > row, parent - 1, parent),
        name=np.delete(lineage.name, row),
        radius_px=np.delete(lineage.radius_px, row),
        extra=Table({c: np.delete(lineage.extra[c], row) for c in lineage.extra}),
    )


def fingerprint(lineage: Lineage) -> str:
    """Return a hash of every row: two lineages with one fingerprint hold the same rows.

    Numbers enter as their bits (every NaN as one NaN), text and objects by their printed form.
    """
    digest = hashlib.sha256()
    fixed = [lineage.frame, lineage.position, lineage.parent, lineage.name, lineage.radius_px]
    for column in [*fixed, *lineage.extra.columns.values()]:
        digest.update(f"{column.dtype.kind}{column.shape}".encode())
        if column.dtype.kind == "f":
            values = column.astype("<f8")
            values[np.isnan(values)] = np.nan
            digest.update(values.tobytes())
        else:
            digest.update(repr(column.tolist()).encode())
    digest.update(repr(list(lineage.extra)).encode())
    return digest.hexdigest()


def plain(value: Any) -> Plain:
    """Return a value of a column as Python has it."""
    found: Plain = value.item() if isinstance(value, np.generic) else value
    return found


def _insert(column: np.ndarray, row: int, value: Plain, name: str) -> np.ndarray:
    if column.dtype.kind == "f" and not isinstance(value, int | float):
        raise InputError(f"column {name!r} holds numbers; a spot cannot have {value!r} there.")
    out = np.empty(len(column) + 1, dtype=column.dtype)
    out[:row], out[row], out[row + 1 :] = column[:row], value, column[row:]
    return out


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
