"""``exclusion.csv``: what was taken out, as a table that a person can read and change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.acquire.tables import read_table, write_table
from fatescope.base.errors import FileFormatError, InputError
from fatescope.base.exclusion import Exclusion
from fatescope.base.messages import escape
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

COLUMNS = ("file", "first_frame", "last_frame", "objects", "rule")
_BETWEEN = "|"


def exclusions_table(exclusions: Iterable[Exclusion]) -> Table:
    """Return one row for each exclusion: `COLUMNS`; objects are joined by ``|``, empty: all."""
    rows = [
        {
            "file": e.file,
            "first_frame": None if e.first_frame is None else str(e.first_frame),
            "last_frame": None if e.last_frame is None else str(e.last_frame),
            "objects": _BETWEEN.join(e.objects) or None,
            "rule": e.rule or None,
        }
        for e in exclusions
    ]
    return Table.from_rows(rows, COLUMNS)


def write_exclusions(exclusions: Iterable[Exclusion], path: Path) -> None:
    """Write ``exclusion.csv``; see `write_table` for errors."""
    write_table(exclusions_table(exclusions), path)


def read_exclusions(path: Path) -> list[Exclusion]:
    """Read ``exclusion.csv``, as written by us or by hand; only ``file`` must be there.

    Raises
    ------
    FileFormatError
        If it cannot be read as a table.
    InputError
        If there is no column ``file``, a row lacks it, or a frame is no whole number.
    """
    if not path.exists():
        raise FileFormatError(f"{escape(path)}: does not exist. Check the path.")
    table = read_table(path)
    if "file" not in table:
        raise InputError(
            f"{escape(path)}: lacks the column file of an exclusion. Its columns are "
            f"{', '.join(COLUMNS)}; all but file may be missing."
        )
    there = [c for c in COLUMNS if c in table]
    return [
        _exclusion({c: _plain(table[c][row]) for c in there}, f"{escape(path)}: row {row + 2}")
        for row in range(len(table))
    ]


def _exclusion(row: dict[str, Any], where: str) -> Exclusion:
    if row["file"] is None:
        raise InputError(f"{where} names no file. Say what it excludes.")
    frames = {}
    for column in ("first_frame", "last_frame"):
        value = row.get(column)
        if not isinstance(value, int | None):
            raise InputError(f"{where}: {column} is {value!r}; give a whole number, from 0.")
        frames[column] = value
    return Exclusion(
        file=str(row["file"]),
        objects=tuple(o for o in str(row.get("objects") or "").split(_BETWEEN) if o),
        rule=str(row.get("rule") or ""),
        **frames,
    )


def _plain(value: Any) -> Any:
    """Return ``None`` for what a table has in place of an empty value, and 3 for 3.0."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or value == "" or value != value:
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value
