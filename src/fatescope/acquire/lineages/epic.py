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

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.lineages.headers import Column, columns_of, like_links
from fatescope.acquire.lineages.links import links_by_name, links_not_read
from fatescope.acquire.lineages.result import ReadLineage, SpotColumns, assemble
from fatescope.acquire.lineages.text import MISSING, RawTable
from fatescope.acquire.lineages.times import as_float, whole_frames
from fatescope.base.errors import FileFormatError
from fatescope.base.finding import Finding
from fatescope.base.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.lineage import Lineage

_HEADER = "cellTime,cell,time,none,global,local,blot,cross,z,x,y,size,gweight"
COLUMNS = tuple(_HEADER.split(","))
"""The header of all EPIC tables."""
_OWN = {"celltime", "cell", "time", "x", "y", "z", "size"}
_NEEDED = ("cell", "time", "x", "y", "z")


def is_epic_header(header: tuple[str, ...]) -> bool:
    """Tell whether a header is that of a CD table: cell, time, x, y and z, and no links."""
    lower = {h.lower() for h in header}
    return set(_NEEDED) <= lower and not {"parent", "parent_track", "track"} & set(
        columns_of(header)
    )


def epic_lineage(table: RawTable, *, file: str) -> ReadLineage:
    """Turn the columns of a CD table into a lineage.

    Raises
    ------
    FileFormatError
        If a needed column is missing, or a time is not whole.
    """
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
    found = _contradictions(file, columns, frame + 1)
    found += links_not_read(file, like_links(table.header, {"track": Column("cell")}))
    return assemble(
        SpotColumns(
            frame=frame,
            position=position,
            parent=links_by_name(frame, name),
            name=name,
            radius_px=radius,
            extra=extra,
        ),
        file=file,
        format="epic",
        metadata={"columns": list(table.header)},
        findings=[*table.findings, *found],
    )


def _contradictions(
    file: str, columns: dict[str, NDArray[Any]], times: NDArray[np.int64]
) -> list[Finding]:
    """Say where ``cellTime``, which repeats the columns cell and time, has something else."""
    if "celltime" not in columns:
        return []
    given = [str(v).removesuffix(".0") for v in columns["celltime"].tolist()]
    pairs = zip(columns["cell"].tolist(), times.tolist(), strict=True)
    same = [f"{cell}:{time}" for cell, time in pairs]
    other = [row for row, (a, b) in enumerate(zip(given, same, strict=True)) if a != b]
    if not other:
        return []
    row = other[0]
    reason = (
        f"cellTime is not cell and time in {len(other)} rows (the first is row {row + 1}, with "
        f"{given[row]} and {same[row]}); cell and time were used."
    )
    count = float(len(other))
    return [Finding(file=file, rule="left-out", severity="warning", value=count, reason=reason)]


def as_names(values: NDArray[Any]) -> NDArray[Any]:
    """Return names as text; a missing one is empty."""
    name = np.empty(len(values), dtype=object)
    name[:] = ["" if str(v).lower() in MISSING else str(v) for v in values.tolist()]
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
    lines = [
        ",".join(kept),
        *(",".join(map(quoted_field, row)) for row in zip(*columns, strict=True)),
    ]
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


def quoted_field(text: str) -> str:
    """Return a text as a field of a table."""
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text
