"""Plain tables: one row per nucleus and frame, with or without links and names.

A column ``frame`` says that frames, planes and pixels count from 0 (as in the files we write); a
column ``time`` says that they count from 1 (as in EPIC tables). Columns ``x_um, y_um, z_um`` are
taken as micrometres. ``parent`` is the ``id`` of the row that the nucleus, or its mother, was in
an earlier frame; without it, links follow from complete Sulston names, else there are none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.lineages.epic import as_float, as_names, number_texts, quoted, whole_frames
from fatescope.acquire.lineages.links import links_by_id, links_by_name
from fatescope.acquire.lineages.result import ReadLineage, assemble
from fatescope.acquire.lineages.text import RawTable, read_table_text
from fatescope.base.errors import FileFormatError
from fatescope.base.spacing import Spacing
from fatescope.base.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base.lineage import Lineage

MEANINGS: dict[str, tuple[str, ...]] = {
    "frame": ("frame", "time", "t", "timepoint"),
    "x": ("x", "x_um"),
    "y": ("y", "y_um"),
    "z": ("z", "z_um"),
    "size": ("size", "diameter", "diameter_px", "radius_px", "radius", "radius_um"),
    "id": ("id", "spot_id", "node_id"),
    "parent": ("parent", "parent_id"),
    "name": ("name", "cell", "cell_name"),
}
"""What a column means, by the names that are understood, the preferred one first."""

NUMERIC = frozenset(n for m in ("x", "y", "z", "size") for n in MEANINGS[m])
REQUIRED = frozenset(MEANINGS["frame"])


def read_plain(path: Path) -> ReadLineage:
    """Read a plain table, plain or compressed, separated by comma, semicolon or tab.

    Raises
    ------
    FileFormatError
        If x, y or the time is missing, or the table is damaged beyond single rows.
    """
    return plain_lineage(read_table_text(path, numeric=NUMERIC, required=REQUIRED), file=path.name)


def plain_lineage(table: RawTable, *, file: str) -> ReadLineage:
    """Turn the columns of a plain table into a lineage; see `read_plain`."""
    used = _meanings(table.header)
    missing = [m for m in ("frame", "y", "x") if m not in used]
    if missing:
        raise FileFormatError(
            f"{file}: a lineage table needs the columns time (or frame), x, y and z; missing are "
            f"{', '.join(missing)}. Its columns are {', '.join(table.header)}."
        )
    column = {meaning: table.columns[h] for meaning, h in used.items()}
    first = 0 if used["frame"].lower() == "frame" else 1
    frame = whole_frames(column["frame"], file=file) - first
    n = len(frame)
    micrometres = used["x"].lower().endswith("_um")
    flat = np.full(n, float(first))
    offset = 0 if micrometres else first
    position = np.stack([as_float(column.get(a, flat)) - offset for a in "zyx"], axis=1)
    name = as_names(column["name"]) if "name" in column else np.full(n, "", dtype=object)
    parent = _links(column, frame=frame, name=name)
    kept = [h for h in table.header if h not in used.values() or _worth_keeping(h, used, column)]
    return assemble(
        file=file,
        format="csv",
        frame=frame,
        position=position,
        parent=parent,
        name=name,
        radius_px=_radius(column.get("size"), used.get("size", ""), n),
        spacing=Spacing.of(source="file", Z=1.0, Y=1.0, X=1.0) if micrometres else Spacing(),
        extra=Table({h: table.columns[h] for h in kept}),
        metadata={"columns_read": list(table.header)},
        findings=table.findings,
    )


def _meanings(header: tuple[str, ...]) -> dict[str, str]:
    """Return the column of each meaning; the preferred of several names wins."""
    by_lower = {h.lower(): h for h in header}
    found = {
        meaning: next((by_lower[n] for n in names if n in by_lower), "")
        for meaning, names in MEANINGS.items()
    }
    return {meaning: h for meaning, h in found.items() if h}


def _links(
    column: dict[str, NDArray[Any]], *, frame: NDArray[np.int64], name: NDArray[Any]
) -> NDArray[np.integer[Any]]:
    if "id" in column and "parent" in column:
        return links_by_id(column["id"], column["parent"], frame)
    return links_by_name(frame, name)


def _worth_keeping(h: str, used: dict[str, str], column: dict[str, NDArray[Any]]) -> bool:
    """Ids that are more than the number of the row travel on."""
    if h != used.get("id"):
        return False
    ids = column["id"]
    return ids.dtype == object or not np.array_equal(ids, np.arange(len(ids)))


def _radius(size: NDArray[Any] | None, name: str, n: int) -> NDArray[np.float64]:
    if size is None:
        return np.full(n, np.nan)
    return as_float(size) if name.lower().startswith("radius") else as_float(size) / 2


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
    taken = {n for names in MEANINGS.values() for n in names}
    for h, values in lineage.extra.columns.items():
        columns[h if h.lower() not in taken else f"{h}_given"] = number_texts(values)
    lines = [",".join(columns)]
    lines += [",".join(map(quoted, row)) for row in zip(*columns.values(), strict=True)]
    return "\n".join(lines) + "\n"
