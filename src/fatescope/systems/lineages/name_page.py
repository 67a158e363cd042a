"""The page of ``lineage name``: how many cells are named and how surely, and the tree of names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.acquire.lineages import find_lineages
from fatescope.base import FatescopeError
from fatescope.pages.chart import Axis, histogram, number
from fatescope.pages.findings import findings_sections
from fatescope.pages.page import Drawing, PageTable, Section, Text, write_page
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, none_or, result_page
from fatescope.systems.lineages.draw_embryo import draw_tree_page
from fatescope.systems.lineages.embryo import UNSURE_BELOW, prepare_embryo
from fatescope.systems.lineages.reading import read_to_scale
from fatescope.systems.lineages.settings import DrawSettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fatescope.acquire.lineages import LineageReading
    from fatescope.base import Table

_LENGTH_PX, _ROWS = 440.0, 300  # length of the tree, cells in the table
_METHODS = {
    "atlas": "Nuclei were named with fatescope {version} by where and when they are, against an "
    "atlas of embryos named by hand, with the tree of divisions where the table has one.",
    "network": "Nuclei were named with fatescope {version} by the network {model}, from place, "
    "time and size.",
}
_CONFIDENCE = (
    " Confidence is the probability that a name is right, calibrated on embryos that were not "
    "learnt from; where it is too low no name is given."
)


def write_named(out: Path, reading: LineageReading) -> Path:
    """Write ``report.html`` from the tables of an output folder; return its path."""
    result = ResultFolder(out)
    embryos = result.table("embryos")
    tables = {
        str(key): read_table(out / "named" / f"{key}.csv") for key in embryos["table"].tolist()
    }
    cells = {key: _cells(table) for key, table in tables.items()}
    version, model = result.version, result.model.get("name", "")
    method = _METHODS[result.settings.get("method", "atlas")] + _CONFIDENCE
    page = result_page(
        Head(title="Named cells", kind="lineages named", answer=_answer(tables, cells)),
        figures=(_tree(out, reading),),
        doubt=(_certainty(cells),),
        findings=findings_sections(result.findings, images="tables"),
        details=(_embryos(embryos), _table(cells)),
        methods=method.format(version=version, model=model),
        record=result.record,
    )
    return write_page(out / "report.html", page)


def _cells(table: Table) -> dict[str, float]:
    """Return the names that a table gives, each with the median confidence of its rows."""
    values: dict[str, list[float]] = {}
    for name, sure in zip(table["name"].tolist(), table["confidence"].tolist(), strict=True):
        if name:
            values.setdefault(str(name), []).append(float(sure))
    return {name: float(np.median(v)) for name, v in values.items()}


def _answer(tables: Mapping[str, Table], cells: Mapping[str, Mapping[str, float]]) -> str:
    sure = [v for named in cells.values() for v in named.values()]
    unsure = sum(v < UNSURE_BELOW for v in sure)
    rows = sum(map(len, tables.values()))
    unnamed = sum(not name for t in tables.values() for name in t["name"].tolist())
    without = f"{none_or(unnamed)} of {counted(rows, 'row')} without a name"
    return (
        f"{counted(len(sure), 'cell')} named in {counted(len(tables), 'embryo')}, "
        f"{none_or(unsure)} of them unsure; {without}."
    )


def _tree(out: Path, reading: LineageReading) -> Section | None:
    """Draw the tree of the first embryo by confidence; a single frame has none."""
    files = find_lineages([out / "named"])
    for file in files:
        try:
            lineage = read_to_scale(file, reading.model_copy(update={"format": None})).lineage
            if lineage.frame.min() == lineage.frame.max():
                continue
            embryo = prepare_embryo(file.key, lineage)
            settings = DrawSettings(colour="confidence", direction="down")
            svg, _ = draw_tree_page(embryo, settings, length_px=_LENGTH_PX)
        except FatescopeError:
            continue
        tree = Drawing(svg=svg, title=f"Lineage of {file.key}, by confidence")
        said = f"That of {file.key}; fatescope lineage draw draws all {number(len(files))}."
        more = (Text(paragraphs=(said,), tone="aside"),) if len(files) > 1 else ()
        return Section(title="Lineage", blocks=(*more, tree))
    return None


def _certainty(cells: Mapping[str, Mapping[str, float]]) -> Section | None:
    values = np.array([v for named in cells.values() for v in named.values()])
    if not len(values):
        return None
    chart = histogram(
        values,
        x=Axis(title="confidence of the name", ends=(0, 1)),
        title="How sure names are",
        what="cells",
        caption=f"n = {number(len(values))} cells, each by the median of its rows; "
        f"{number(int((values < UNSURE_BELOW).sum()))} below {UNSURE_BELOW:g}.",
    )
    return Section(title="Certainty", blocks=(chart,))


def _embryos(embryos: Table) -> Section:
    columns = {
        "table": "table",
        "kind": "what it holds",
        "rows": "rows",
        "named": "named",
        "species": "species",
        "interval_min": "interval (min)",
        "reason": "why it does not fit",
    }
    rows = [tuple(_text(embryos[c][i]) for c in columns) for i in range(len(embryos))]
    return Section(title="Embryos", blocks=(PageTable(columns=tuple(columns.values()), rows=rows),))


def _text(value: object) -> str:
    """Return a value of a table as a person reads it; unknown is empty."""
    if value is None or value != value:
        return ""
    return number(float(value)) if isinstance(value, float | int) else str(value)


def _table(cells: Mapping[str, Mapping[str, float]]) -> Section:
    """List the cells with the least sure first."""
    every = [(sure, key, name) for key, named in cells.items() for name, sure in named.items()]
    every.sort()
    shown = [(key, name, f"{sure:.2f}") for sure, key, name in every[:_ROWS]]
    note = "The least sure first."
    if len(shown) < len(every):
        note += f" {number(len(shown))} of {number(len(every))}; all are in the folder named."
    table = PageTable(columns=("embryo", "cell", "confidence"), rows=shown)
    return Section(title="Cells", blocks=(Text(paragraphs=(note,), tone="aside"), table))
