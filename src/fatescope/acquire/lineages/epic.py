"""EPIC CD tables, and CD-like tables with columns missing or added (SCD, SCA, CA).

One row per nucleus and frame, keyed on the header. Times, planes and pixels count from 1 in the
file and from 0 in a `Lineage`; ``size`` is the nuclear diameter in pixels. Links follow from the
names. All other columns travel in ``extra``, in their order, and come out again unchanged: the
tables of the EPIC collection are written back byte for byte.

References
----------
Murray JI et al. (2012). Multidimensional regulation of gene expression in the C. elegans embryo.
Genome Res 22:1282.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.lineages.links import links_by_name
from fatescope.acquire.lineages.result import ReadLineage, assemble
from fatescope.acquire.lineages.text import RawTable, read_table_text
from fatescope.base.errors import FileFormatError
from fatescope.base.table import Table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base.lineage import Lineage

_HEADER = "cellTime,cell,time,none,global,local,blot,cross,z,x,y,size,gweight"
COLUMNS = tuple(_HEADER.split(","))
"""The header of all EPIC tables."""
NUMERIC = frozenset(["x", "y", "z", "size"])
REQUIRED = frozenset(["time"])
_OWN = {"celltime", "cell", "time", "x", "y", "z", "size"}
_NEEDED = ("cell", "time", "x", "y", "z")


def is_epic_header(header: tuple[str, ...]) -> bool:
    """Tell whether a header is that of a CD table: cell, time, x, y and z, and no links."""
    lower = {h.lower() for h in header}
    return set(_NEEDED) <= lower and not lower & {"parent", "parent_id"}


def read_epic(path: Path) -> ReadLineage:
    """Read a CD table, plain or compressed.

    Raises
    ------
    FileFormatError
        If a needed column is missing, or the table is damaged beyond single rows.
    """
    return epic_lineage(read_table_text(path, numeric=NUMERIC, required=REQUIRED), file=path.name)


def epic_lineage(table: RawTable, *, file: str) -> ReadLineage:
    """Turn the columns of a CD table into a lineage; see `read_epic`."""
    by_lower = {h.lower(): h for h in table.header}
    missing = [c for c in _NEEDED if c not in by_lower]
    if missing:
        raise FileFormatError(
            f"{file}: a CD table needs the columns cell, time, x, y and z; missing are "
            f"{', '.join(missing)}. Its columns are {', '.join(table.header)}."
        )
    columns = {lower: table.columns[h] for lower, h in by_lower.items()}
    frame = whole_frames(columns["time"], file=file) - 1
    position = np.stack([as_float(columns[a]) - 1 for a in "zyx"], axis=1)
    name = as_names(columns["cell"])
    radius = as_float(columns["size"]) / 2 if "size" in columns else np.full(len(frame), np.nan)
    extra = Table({h: table.columns[h] for h in table.header if h.lower() not in _OWN})
    return assemble(
        file=file,
        format="epic",
        frame=frame,
        position=position,
        parent=links_by_name(frame, name),
        name=name,
        radius_px=radius,
        extra=extra,
        metadata={"columns": list(table.header)},
        findings=table.findings,
    )


def whole_frames(values: NDArray[Any], *, file: str) -> NDArray[np.int64]:
    """Return a column of times as whole numbers, or raise `FileFormatError`."""
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64)
    numbers = as_float(values)
    if not (np.isfinite(numbers) & (numbers == np.round(numbers))).all():
        raise FileFormatError(
            f"{file}: the column of times holds values that are empty or not whole. Times are "
            "frame numbers; give minutes as frames and the interval with --interval-min."
        )
    return np.clip(numbers, -(2**62), 2**62).astype(np.int64)


def as_float(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers, NaN where a text is empty or no number."""
    if values.dtype != object:
        return values.astype(np.float64)
    return np.array([_number(v) for v in values.tolist()], dtype=np.float64)


def _number(text: object) -> float:
    try:
        return float(str(text).replace(",", "."))
    except ValueError:
        return math.nan


def as_names(values: NDArray[Any]) -> NDArray[Any]:
    """Return names as text; a column of numbers gives their digits, NaN an empty name."""
    name = np.empty(len(values), dtype=object)
    if values.dtype == object:
        name[:] = values
    else:
        name[:] = ["" if v != v else f"{v:g}" for v in values.tolist()]
    return name


def format_epic(lineage: Lineage) -> str:
    """Return the text of a CD table: the columns that were read, or those of EPIC.

    Columns of EPIC that the lineage does not have are left out, because unknown is not 0.
    Reporter columns of an AceTree archive become none, global, local, blot and cross.
    """
    extra = {**_from_acetree(lineage.extra), **lineage.extra.columns}
    wanted = lineage.metadata.get("columns")
    header = [str(h) for h in wanted] if isinstance(wanted, list) else _default_header(extra)
    time = [str(t) for t in (lineage.frame + 1).tolist()]
    cells = lineage.name.tolist()
    texts: dict[str, list[str]] = {
        "celltime": [f"{c}:{t}" for c, t in zip(cells, time, strict=True)],
        "cell": cells,
        "time": time,
        "z": [_one_decimal(v) for v in (lineage.position[:, 0] + 1).tolist()],
        "y": number_texts(lineage.position[:, 1] + 1),
        "x": number_texts(lineage.position[:, 2] + 1),
        "size": number_texts(lineage.radius_px * 2),
    }
    columns = [
        texts[h.lower()] if h.lower() in texts else number_texts(extra[h])
        for h in header
        if h.lower() in texts or h in extra
    ]
    kept = [h for h in header if h.lower() in texts or h in extra]
    lines = [",".join(kept), *(",".join(map(quoted, row)) for row in zip(*columns, strict=True))]
    return "\n".join(lines) + "\n"


def _default_header(extra: dict[str, NDArray[Any]]) -> list[str]:
    own = {"cellTime", "cell", "time", "z", "x", "y", "size"}
    return [c for c in COLUMNS if c in own or c in extra]


def _from_acetree(extra: Table) -> dict[str, NDArray[Any]]:
    """Return the CD columns of AceTree's reporter columns: raw minus each correction."""
    if "rwraw" not in extra:
        return {}
    raw = extra["rwraw"]
    corrections = {"global": "rwcorr1", "local": "rwcorr2", "blot": "rwcorr3", "cross": "rwcorr4"}
    derived = {cd: raw - extra[ace] for cd, ace in corrections.items() if ace in extra}
    return {"none": raw, **derived}


def _one_decimal(value: float) -> str:
    """Return a plane as EPIC writes it: at least one decimal."""
    if value != value:
        return ""
    text = number_text(value)
    return text if "." in text else text + ".0"


def number_texts(values: NDArray[Any]) -> list[str]:
    """Return numbers as short texts, empty for NaN; texts as they are."""
    if np.issubdtype(values.dtype, np.integer):
        return [str(v) for v in values.tolist()]
    return [number_text(v) if isinstance(v, float) else str(v) for v in values.tolist()]


def number_text(value: float) -> str:
    """Return the shortest text that reads back the same to 1e-9; empty for NaN."""
    if value != value:
        return ""
    rounded = round(value, 9)
    return str(int(rounded)) if rounded.is_integer() else repr(rounded)


def quoted(text: str) -> str:
    """Return a text as a field of a table."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text
