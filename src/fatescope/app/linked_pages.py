"""Charts and trees that are linked with the rest of a result page, each a page in a frame.

They are drawn by `fatescope.pages`, as in reports, and reach nothing of the app: they are told
what to show, and say what was chosen (``report/page/assets/linked.js`` there, ``static/linked.js``
here).
"""

from __future__ import annotations

import math
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.responses import HTMLResponse, JSONResponse

from fatescope.acquire.lineages import LineageReading
from fatescope.app.result_pages import STRANGER, job_of, lineages_of_result, whole_number
from fatescope.app.store import NotHereError
from fatescope.base import RunError
from fatescope.pages import colour_of
from fatescope.pages.page import SolidViewer, Text, bare_page
from fatescope.pages.result import ResultFolder
from fatescope.pages.solids import SOLID_STEPS, cell_solids
from fatescope.systems.description import ShownResult
from fatescope.systems.lineages.draw_embryo import draw_tree_page
from fatescope.systems.lineages.embryo import embryo_cells, how_sure, prepare_embryo
from fatescope.systems.lineages.reading import read_to_scale
from fatescope.systems.lineages.settings import DrawSettings
from fatescope.systems.place import resolved
from fatescope.systems.registry import linked_charts

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from fatescope.acquire.lineages import LineageFile
    from fatescope.app.store import Job
    from fatescope.pages.page import Block
    from fatescope.systems.lineages.embryo import Embryo

_ROWS = 2000  # of one cell, one a frame; not measured


def _framed(*blocks: Block) -> Response:
    return HTMLResponse(bare_page(*blocks), headers=STRANGER)


def chart(request: Request) -> Response:
    """Draw a chart that a system links with its result pages."""
    app, job, out = job_of(request)
    place = linked_charts().get(request.path_params["name"])
    if place is None:
        raise NotHereError("there is no such chart.")
    chosen = dict(request.query_params)
    key = app.shown(job, out, whole_number(chosen, "n")).key if "n" in chosen else ""
    shown = ShownResult(
        out=out, inputs=tuple(job.inputs), settings=job.settings, key=key, chosen=chosen
    )
    try:
        return _framed(*resolved(place)(shown))
    except RunError:
        raise NotHereError("this result has no table of that kind.") from None


def solid(request: Request) -> Response:
    """Draw the objects of one frame of a volume as solids, named by their labels."""
    app, job, out = job_of(request)
    asked = request.query_params
    pair = app.pair(job, out, whole_number(asked, "n"))
    spacing = pair.labels.spacing.um("ZYX")
    if pair.labels.size("Z") < 2 or spacing is None:
        sentence = "Space needs planes, and a pixel size along each axis."
        return _framed(Text(paragraphs=(sentence,)))
    frame = min(whole_number(asked, "t"), pair.labels.size("T") - 1)
    labels = pair.labels.read(T=frame)
    reach = max(s * n for s, n in zip(spacing, labels.shape, strict=True))
    solids = cell_solids(
        labels,
        spacing_um=spacing,
        step_um=reach / SOLID_STEPS,
        name=str,
        words=lambda label: "",
        colour=colour_of,
    )
    caption = "As computed; corrections are not in it. Surfaces are smoothed."
    return _framed(SolidViewer(title="In space", solids=solids, noun="label", caption=caption))


def _embryo(request: Request) -> tuple[Embryo, Job, Path]:
    _, job, out = job_of(request)
    files, n = lineages_of_result(job, out), whole_number(request.query_params, "n")
    if n >= len(files):
        raise NotHereError("there is no such lineage in this result.")
    known = {k: v for k, v in job.settings.items() if k in LineageReading.model_fields}
    if files[n].path.is_relative_to(out):
        known.pop("format", None)  # of what was asked about, not of what was written
    changed = max(p.stat().st_mtime_ns for p in files[n].paths)
    return _prepared(files[n], LineageReading.from_values(known), changed), job, out


@lru_cache(maxsize=8)
def _prepared(file: LineageFile, reading: LineageReading, changed: int) -> Embryo:
    return prepare_embryo(file.key, read_to_scale(file, reading).lineage)


def tree(request: Request) -> Response:
    """Draw the tree of a lineage on the page on which it answers."""
    embryo, _, _ = _embryo(request)
    _, page = draw_tree_page(embryo, DrawSettings())
    return HTMLResponse(page, headers=STRANGER)


def listed_cells(request: Request) -> Response:
    """List the cells of a lineage in the order of its tree, and say how many are named."""
    embryo, _, out = _embryo(request)
    named = Counter(
        name
        for row in ResultFolder(out).findings
        for name in str(row.get("object") or "").split("|")
    )
    table = embryo_cells(embryo)
    columns = {c: table[c].tolist() for c in table.columns}
    columns["findings"] = [named[c] or None if c else None for c in columns["cell"]]
    rows = [[_plain(v) for v in row] for row in zip(*columns.values(), strict=True)]
    return JSONResponse({"said": how_sure(table), "columns": list(columns), "rows": rows})


def rows_of_cell(request: Request) -> Response:
    """List the rows of one cell: a nucleus in a frame each, as the table has them."""
    embryo, _, _ = _embryo(request)
    lineage, cell = embryo.lineage, whole_number(request.query_params, "cell")
    own = np.flatnonzero(embryo.cells.of_row == cell)[:_ROWS]
    z, y, x = lineage.position[own].T
    columns = {"frame": lineage.frame[own], "x": x, "y": y, "z": z}
    columns |= {name: lineage.extra[name][own] for name in lineage.extra}
    values = [v.tolist() for v in columns.values()]
    rows = [[_plain(v[i]) for v in values] for i in range(len(own))]
    return JSONResponse({"columns": list(columns), "rows": rows})


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value
