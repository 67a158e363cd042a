"""The third stage of ``plate run``: the cells of a well over time, and when each died."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.acquire.plates import read_field
from fatescope.base import Finding, Table
from fatescope.engine.driver import Outcome, describe_files
from fatescope.plate import fates_of_cells, link_cells, owning_field
from fatescope.systems.plates.cells import CELLS, shared_predictor
from fatescope.systems.plates.focus import focus_findings, in_focus, read_blurred
from fatescope.systems.plates.units import PlateJob, PlateUnit
from fatescope.systems.viability.classes import choose_size

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.models.description import ModelDescription


def follow_well(unit: PlateUnit, *, job: PlateJob) -> Outcome:
    """Do one unit of the third stage: link the cells of a well and say when each died."""
    begun = time.perf_counter()
    places = read_table(unit.paths[0])
    blurred = read_blurred(unit.paths[1])
    cells = Table.concatenate([_typed(read_table(p)) for p in unit.paths[2:]])
    if len(blurred):
        cells = cells.rows(in_focus(cells, blurred))
    model = shared_predictor(job.model.model, job.model.precision).description
    size = choose_size(job.layout.spacing, job.model, model)
    diameter = model.image.diameter_px / float(np.sqrt(np.prod(size.scale)))
    plate = Path(job.layout.name).name
    track, position, kept = _tracks(unit.well, cells, places, job, diameter)
    fates, seen, cell = fates_of_cells(
        track,
        cells["frame"][kept],
        cells["p_dead"][kept],
        well=unit.well,
        plate=plate,
        settings=job.settings,
    )
    rows = np.flatnonzero(kept)[seen]
    table = cells.rows(rows)
    n = len(rows)
    followed = Table(
        {
            "well": np.full(n, unit.well, dtype=object),
            "cell": cell[seen],
            **{c: table[c] for c in ("frame", "field", "y", "x", "area_px", "p_dead", "score")},
            "well_y": position[seen, 0].round(2),
            "well_x": position[seen, 1].round(2),
        }
    )
    findings = [
        *focus_findings(unit.well, blurred),
        *_well_findings(unit.well, fates, int(kept.sum()), model),
    ]
    return Outcome(
        input=describe_files(unit.paths),
        tables={"fates": fates, "cells": followed},
        findings=findings,
        seconds={"follow": time.perf_counter() - begun},
    )


def _typed(table: Table) -> Table:
    """Return a part with the types of its columns, whatever an empty or a numeric one became."""
    whole, real = ("frame", "label", "area_px", "touches_border"), ("y", "x", "p_dead", "score")
    columns = {c: table[c] for c in CELLS}
    columns |= {c: table[c].astype(np.int64) for c in whole}
    columns |= {c: table[c].astype(np.float64) for c in real}
    columns |= {c: np.array([str(v) for v in table[c]], dtype=object) for c in ("field", "class")}
    return Table(columns)


def _tracks(
    well: str, cells: Table, places: Table, job: PlateJob, diameter: float
) -> tuple[Any, FloatArray, Any]:
    """Return the track and the place in the well of the cells that count, and which these are."""
    names = [str(f) for f in places["field"]]
    field = np.array([names.index(str(f)) for f in cells["field"]], dtype=np.int64)
    local = np.column_stack([cells["y"], cells["x"]]).reshape(-1, 2)
    origins = np.column_stack([places["y_px"], places["x_px"]]).astype(np.float64)
    if np.isfinite(origins).all():
        position = local + origins[field] if len(local) else local
        kept = np.ones(len(local), dtype=bool)
        if len(names) > 1:
            image = read_field(job.layout, well, names[0])
            shape = image.size("Y"), image.size("X")
            kept = owning_field(position, field, origins, shape)
        groups = np.zeros(len(local), dtype=np.int64)
    else:
        position, kept, groups = local, np.ones(len(local), dtype=bool), field
    track = np.full(len(local), -1, dtype=np.int64)
    last = 0
    for group in np.unique(groups):
        mine = np.flatnonzero((groups == group) & kept)
        linked = link_cells(
            position[mine],
            cells["frame"][mine],
            cells["p_dead"][mine],
            diameter_px=diameter,
            settings=job.settings,
        )
        track[mine] = linked + last
        last = int(track.max(initial=-1)) + 1
    return track[kept], position[kept], kept


def _well_findings(well: str, fates: Table, n: int, model: ModelDescription) -> list[Finding]:
    if len(fates):
        return []
    seen = "No cell was found" if not n else "No cell was seen often enough"
    return [
        Finding(
            file=well,
            rule="no-cells",
            severity="warning",
            value=float(n),
            limit=0.0,
            reason=f"{seen} in any frame of the well: it has no viability. If you see cells, look "
            f"at the size of pixels and at whether they are like those that {model.name} knows.",
        )
    ]
