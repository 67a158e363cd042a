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
from fatescope.acquire.plates import read_plate_map
from fatescope.app.result_pages import STRANGER, job_of, lineages_of, number_of
from fatescope.app.store import NotHereError
from fatescope.base import FatescopeError, Treatment
from fatescope.pages import colour_of
from fatescope.pages.page import Beside, SolidViewer, Text, bare_page
from fatescope.pages.result import ResultFolder
from fatescope.pages.solids import cell_solids
from fatescope.plate.survival import survival_of_wells
from fatescope.systems.lineages.draw_embryo import draw_tree_page
from fatescope.systems.lineages.embryo import embryo_cells, how_sure, prepare_embryo
from fatescope.systems.lineages.reading import read_to_scale
from fatescope.systems.lineages.settings import DrawSettings
from fatescope.systems.membranes.page import SOLID_STEPS
from fatescope.systems.plates.survival import read_fates
from fatescope.systems.plates.survival_page import chart_well, chart_wells
from fatescope.systems.populations.page import FOUNDERS, TOGETHER, chart_cells

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from fatescope.acquire.lineages import LineageFile
    from fatescope.app.store import Job
    from fatescope.base import FloatArray, Table
    from fatescope.pages.page import Block
    from fatescope.systems.lineages.embryo import Embryo

_ROWS = 2000


def _framed(*blocks: Block) -> Response:
    return HTMLResponse(bare_page(*blocks), headers=STRANGER)


def _table(out: Path, name: str) -> Table:
    result = ResultFolder(out)
    if not result.has(name):
        raise NotHereError(f"there is no such table in this result: {name}.")
    return result.table(name)


def counts(request: Request) -> Response:
    """Chart the cells of each founder in one movie, in all and by founder."""
    app, job, out = job_of(request)
    movie = app.shown(job, out, number_of(request.query_params, "n")).key
    tables = (_table(out, "populations"), _table(out, "frames"))
    mine, frames = (t.rows(t["movie"] == movie) for t in tables)
    if not len(frames) or frames["abstained"].all():
        return _framed(Text(paragraphs=("Nothing was counted in this movie; findings say why.",)))
    return _framed(Beside(blocks=[chart_cells(mine, frames, g) for g in (TOGETHER, FOUNDERS)]))


def solid(request: Request) -> Response:
    """Draw the objects of one frame of a volume as solids, named by their labels."""
    app, job, out = job_of(request)
    asked = request.query_params
    pair = app.pair(job, out, number_of(asked, "n"))
    spacing = pair.labels.spacing.um("ZYX")
    if pair.labels.size("Z") < 2 or spacing is None:
        sentence = "Space needs planes, and a pixel size along each axis."
        return _framed(Text(paragraphs=(sentence,)))
    frame = min(number_of(asked, "t"), pair.labels.size("T") - 1)
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


def wells(request: Request) -> Response:
    """Chart the viability of the wells, as they lie on each plate."""
    _, _, out = job_of(request)
    return _framed(*chart_wells(_table(out, "viability")))


def well(request: Request) -> Response:
    """Chart what became of the cells of one well; plates count from 0, as `wells` shows them."""
    _, job, out = job_of(request)
    asked = request.query_params
    viability = _table(out, "viability")
    plates = list(dict.fromkeys(viability["plate"].tolist()))
    number, name = number_of(asked, "plate"), asked.get("well", "")
    if number >= len(plates):
        raise NotHereError("there is no such plate in this result.")
    plate = plates[number]
    mine = viability.rows((viability["plate"] == plate) & (viability["well"].astype(str) == name))
    if not len(mine):
        return _framed(Text(paragraphs=(f"Well {name[:8]}: no cells were seen here.",)))
    survival = _survival(job, out, plate, name)
    return _framed(chart_well(name, mine, survival, _group(job, out, name)))


def _survival(job: Job, out: Path, plate: object, name: str) -> FloatArray:
    """Return the survival of one well; nothing where no fates are left."""
    paths = [p for p in (out / "fates.csv", *job.inputs) if p.is_file()]
    try:
        fates = read_fates(paths[:1] if paths and paths[0].parent == out else paths)
    except FatescopeError:
        return np.zeros(0)
    own = [p == plate and w == name for p, w in zip(fates.plate, fates.well, strict=True)]
    found = survival_of_wells(fates)[np.array(own, dtype=bool)]
    return found[0] if len(found) else np.zeros(0)


def _group(job: Job, out: Path, name: str) -> Table | None:
    """Return the curve of the treatment of a well, where the plate map is still there."""
    path = Path(str(job.settings.get("map") or ""))
    result = ResultFolder(out)
    if not path.is_file() or not result.has("curves"):
        return None
    done = read_plate_map(path).get(name)
    if done is None:
        return None
    curves = result.table("curves")
    units = curves["dose_unit"] if "dose_unit" in curves else np.full(len(curves), done.dose_unit)
    same = [
        Treatment(
            treatment=str(name), dose=None if np.isnan(dose) else dose, dose_unit=str(unit or "")
        ).identity
        == done.identity
        for name, dose, unit in zip(
            curves["treatment"], curves["dose"].astype(float).tolist(), units, strict=True
        )
    ]
    return curves.rows(np.array(same, dtype=bool))


def _embryo(request: Request) -> tuple[Embryo, Job, Path]:
    _, job, out = job_of(request)
    files, n = lineages_of(job, out), number_of(request.query_params, "n")
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


def cells(request: Request) -> Response:
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


def cell_rows(request: Request) -> Response:
    """List the rows of one cell: a nucleus in a frame each, as the table has them."""
    embryo, _, _ = _embryo(request)
    lineage, cell = embryo.lineage, number_of(request.query_params, "cell")
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
