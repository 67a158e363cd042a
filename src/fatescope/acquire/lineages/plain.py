"""Plain tables: one row per nucleus and frame, with or without links and names.

A column ``frame`` says that frames, planes and pixels count from 0 (as in the files we write); a
column ``time`` says that they count from 1 (as in EPIC tables), or from 0 if it begins there.
Columns ``x_um, y_um, z_um`` are taken as micrometres. ``parent`` is the ``id`` of the row that the
nucleus, or its mother, was in an earlier frame; tracks and their mothers are links, too. Without
them, links follow from complete Sulston names, else there are none. Other programs' names of these
columns: `fatescope.acquire.lineages.headers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.scale import UM
from fatescope.acquire.lineages.epic import as_names, number_texts, quoted_field
from fatescope.acquire.lineages.headers import (
    NAMES,
    TREE_LIKE,
    Column,
    columns_of,
    key_of,
    like_links,
    meaning_of,
    time_of,
    unknown_units,
)
from fatescope.acquire.lineages.links import (
    LinkColumns,
    keys_of,
    links_by_columns,
    links_by_name,
    links_not_read,
    trees_not_read,
)
from fatescope.acquire.lineages.result import ReadLineage, SpotColumns, assemble
from fatescope.acquire.lineages.scale import RADIUS_UM, radius_of
from fatescope.acquire.lineages.times import as_float, frames_of_times
from fatescope.base.errors import FileFormatError
from fatescope.base.finding import Finding
from fatescope.base.spacing import Spacing
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from fatescope.acquire.lineages.text import RawTable
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import IntArray

_COUNTED_FROM_ONE = frozenset(NAMES["time"].split()) - {"slicen"}
"""Where frames of these names count from 1, pixels do, too; as in EPIC tables. In those of Fiji's
Manual Tracking (``Slice n°``) they count from 0."""
_NUMBERS = frozenset(["index", "label", "object", "objectnumber", "objectlabel", "number", "nr"])
_PREFERRED = (
    *("id", "frame", "time", "t", "timepoint", "z", "y", "x", "z_um", "y_um", "x_um"),
    *("size", "diameter", "diameter_px", "radius_px", "radius", "spot_id", "node_id"),
    *("parent", "parent_id", "name", "cell", "cell_name"),
)
"""Names of columns that other columns must not have in a table that we write."""


def plain_lineage(table: RawTable, *, file: str) -> ReadLineage:
    """Turn the columns of a plain table into a lineage.

    Raises
    ------
    FileFormatError
        If x, y or the time is missing, or times are not those of frames.
    """
    used = columns_of(table.header, table.units)
    time = time_of(used)
    missing = [m for m, c in (("time", time), ("y", used.get("y")), ("x", used.get("x"))) if not c]
    if missing or time is None:
        raise FileFormatError(
            f"{file}: a lineage table needs the columns time (or frame), x, y and z; missing are "
            f"{', '.join(missing)}. Its columns are {', '.join(table.header)}."
        )
    column = {meaning: table.columns[c.header] for meaning, c in used.items()}
    frame, first, interval = frames_of_times(table.columns[time.header], time, file=file)
    n = len(frame)
    units, odd = _units_of_positions(table, used, time, file)
    unit = units["x"]
    offset = first if unit is None and time.key in _COUNTED_FROM_ONE else 0
    flat = np.full(n, float(offset))
    position = np.stack([as_float(column.get(a, flat)) - offset for a in "zyx"], axis=1)
    position *= [units[a] or 1.0 for a in "zyx"]
    name = as_names(column["name"]) if "name" in column else np.full(n, "", dtype=object)
    movie, apart = _movies(table, column, frame=frame, name=name)
    parent, found = _links(table, used, frame=frame, name=name, movie=movie, file=file)
    radius_px, radius_um = radius_of(column.get("size"), used.get("size"), n, in_unit=unit and 1.0)
    dropped = {used[m].header for m in ("id", "parent", "z", "y", "x", "size", "name") if m in used}
    dropped |= {time.header} if "clock" not in used else set()
    kept = [h for h in table.header if h not in dropped or _worth_keeping(h, used, column)]
    extra = {h: table.columns[h] for h in kept}
    return assemble(
        SpotColumns(
            frame=frame,
            position=position,
            parent=parent,
            name=name,
            movie=movie,
            radius_px=radius_px,
            extra=Table(extra if radius_um is None else {**extra, RADIUS_UM: radius_um}),
        ),
        file=file,
        format="csv",
        spacing=Spacing.of(source="file", T=interval, **dict.fromkeys("ZYX", unit and 1.0)),
        in_units=unit is not None,
        metadata={"columns_read": list(table.header)} | ({"movies": apart} if apart else {}),
        findings=[*table.findings, *found, *odd, *_mixed(file, movie, apart)],
    )


def _units_of_positions(
    table: RawTable, used: dict[str, Column], time: Column, file: str
) -> tuple[dict[str, float | None], list[Finding]]:
    """Return in how many µm z, y and x are given, and what is odd about that.

    The unit stands in the header, or in a column of units as Imaris writes it.
    """
    column = next((table.columns[h] for h in table.header if h.lower() == "unit"), None)
    given = [] if column is None else [str(u) for u in dict.fromkeys(column.tolist()) if u]
    said = {a: used[a].unit for a in "zyx" if a in used}
    if not any(said.values()) and len(given) == 1:
        said = dict.fromkeys(said, given[0])
    found = unknown_units(file, space=said.values(), time=time.unit)
    if not any(said.values()) and len(given) > 1:
        found += unknown_units(file, space=[" and ".join(given)], time="")
    units = {a: UM.get(said.get(a, "")) for a in "zyx"}
    physical = [a for a in said if units[a] is not None]
    if physical and len(physical) < len(said):
        others = ", ".join(used[a].header for a in said if a not in physical)
        reason = (
            f"{', '.join(used[a].header for a in physical)} are in µm and {others} in another "
            "unit, or in none; it is taken as µm. Give all of them in one unit."
        )
        found.append(Finding(file=file, rule="odd-axes", severity="warning", reason=reason))
    whole = 1.0 if physical else None
    return {a: units[a] or whole for a in "zyx"}, found


def _movies(
    table: RawTable,
    column: dict[str, NDArray[Any]],
    *,
    frame: NDArray[np.int64],
    name: NDArray[Any],
) -> tuple[NDArray[np.int64], str]:
    """Return a number for the movie of each row, and the column that tells movies apart.

    A column does so if what is there once in each movie (an id, a track or a cell in a frame)
    repeats in the table, and does not with it.
    """
    one = np.zeros(len(frame), dtype=np.int64)
    once: list[Any] = list(zip(frame.tolist(), name.tolist(), strict=True)) if any(name) else []
    for meaning in ("track", "id"):
        if meaning in column:
            once = list(zip(frame.tolist(), map(str, column[meaning].tolist()), strict=True))
    repeated = len(once) - len(set(once))
    if not repeated:
        return one, ""
    for h in (h for h in table.header if meaning_of(h) == "movie"):
        movie = np.unique(table.columns[h].astype(str), return_inverse=True)[1].ravel()
        apart = len(once) - len(set(zip(movie.tolist(), once, strict=True)))
        if apart <= 0.1 * repeated:
            return movie.astype(np.int64), h
    return one, ""


def _mixed(file: str, movie: NDArray[np.int64], column: str) -> list[Finding]:
    if not column:
        return []
    reason = (
        f"the rows are those of {movie.max() + 1} movies (column {column}), in which ids repeat; "
        "nothing is linked from one to another, but what is said of one embryo needs a table for "
        "each movie."
    )
    count = float(movie.max() + 1)
    return [Finding(file=file, rule="duplicate-id", severity="warning", value=count, reason=reason)]


def _links(
    table: RawTable,
    used: dict[str, Column],
    *,
    frame: NDArray[np.int64],
    name: NDArray[Any],
    movie: NDArray[np.int64],
    file: str,
) -> tuple[IntArray, list[Finding]]:
    def keys(meaning: str) -> list[Hashable] | None:
        return keys_of(table.columns[used[meaning].header], movie) if meaning in used else None

    columns = LinkColumns(
        id=keys("id"),
        parent=keys("parent"),
        track=keys("track"),
        mother=keys("parent_track"),
        cell=keys_of(name, movie) if any(name) else None,
    )
    by_name = np.full(len(frame), -1, dtype=np.int64)
    for one in np.unique(movie):
        rows = np.flatnonzero(movie == one)
        found = links_by_name(frame[rows], name[rows])
        by_name[rows] = np.where(found >= 0, rows[found], -1)
    parent, findings = links_by_columns(file, columns, frame, by_name)
    unread = [] if {"parent", "parent_track"} & set(used) else like_links(table.header, used)
    findings += links_not_read(file, unread)
    if columns.track is not None and not {"parent", "parent_track"} & set(used):
        for h in (h for h in table.header if TREE_LIKE.search(key_of(h))):
            findings += trees_not_read(file, h, keys_of(table.columns[h], movie), columns.track)
    if not {"id", "name", "track", "parent", "parent_track"} & set(used):
        findings += _like_tracks(table, frame, movie, file)
    return parent, findings


def _like_tracks(
    table: RawTable, frame: NDArray[np.int64], movie: NDArray[np.int64], file: str
) -> list[Finding]:
    """Say that a plain number of rows is the same from frame to frame, as one of tracks is."""
    for h in (h for h in table.header if key_of(h) in _NUMBERS):
        keys = keys_of(table.columns[h], movie)
        once = len(set(zip(keys, frame.tolist(), strict=True))) == len(keys)
        if once and len(set(keys)) < len(keys):
            reason = (
                f"numbers of {h} come again from frame to frame; if they are those of tracks, call "
                "the column track_id: it was not read."
            )
            return [Finding(file=file, rule="links-not-read", severity="info", reason=reason)]
    return []


def _worth_keeping(h: str, used: dict[str, Column], column: dict[str, NDArray[Any]]) -> bool:
    """Ids that are more than the number of the row travel on."""
    if "id" not in used or h != used["id"].header:
        return False
    ids = column["id"]
    return ids.dtype == object or not np.array_equal(ids, np.arange(len(ids)))


def format_plain(lineage: Lineage) -> str:
    """Return the text of a plain table: everything counts from 0, ``id`` is the row."""
    parent = ["" if p < 0 else str(p) for p in lineage.parent.tolist()]
    columns: dict[str, list[str]] = {
        "id": [str(i) for i in range(len(lineage))],
        "frame": [str(f) for f in lineage.frame.tolist()],
        "z": number_texts(lineage.position[:, 0]),
        "y": number_texts(lineage.position[:, 1]),
        "x": number_texts(lineage.position[:, 2]),
        "radius_px": number_texts(lineage.radius_px),
        "parent": parent,
        "name": [str(n) for n in lineage.name.tolist()],
    }
    for h, values in lineage.extra.columns.items():
        columns[h if h.lower() not in _PREFERRED else f"{h}_given"] = number_texts(values)
    lines = [",".join(columns)]
    lines += [",".join(map(quoted_field, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"
