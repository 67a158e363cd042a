"""The stages of ``plate run``: fields are placed, cells found in frames and followed over time."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_left_out, check_pixels, gauged, read_table, write_table
from fatescope.acquire.plates import read_field
from fatescope.base import Finding, InputError, Table
from fatescope.engine.driver import Outcome, describe_files
from fatescope.plate import StitchSettings, fates_of_cells, link_cells, owning_field
from fatescope.predict import LevelledPlane, Plane, Predictor
from fatescope.systems.plates.focus import focus_findings, focus_table, in_focus, read_blurred
from fatescope.systems.plates.stitching import (
    edges_table,
    place_well,
    placement_findings,
    positions_table,
    read_stage,
)
from fatescope.systems.plates.units import FIELDS, PlateJob, PlateUnit, described_unit, part_of
from fatescope.systems.viability.classes import choose_size, open_viability_model, plane_findings
from fatescope.systems.viability.find import check_likeness_of_plane, classify_frame, size_findings

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.models.description import ModelDescription
    from fatescope.systems.plates.stitching import Stage

CELLS = (
    *("field", "frame", "label", "y", "x", "area_px", "p_dead", "score"),
    *("touches_border", "class"),
)


def place_fields_of_well(unit: PlateUnit, *, job: PlateJob) -> Outcome:
    """Do one unit of the first stage: where the fields of a well lie in it."""
    begun = time.perf_counter()
    layout, settings, well = job.layout, job.settings, unit.well
    fields = list(layout.images[well])
    tables: dict[str, Table] = {}
    findings: list[Finding] = []
    origins = np.full((len(fields), 2), np.nan)
    if len(fields) == 1:
        origins[:] = 0.0
    elif settings.fields != "separate":
        stitching = StitchSettings(
            rows=settings.rows,
            columns=settings.columns,
            order=settings.order,
            overlap=settings.overlap,
            positions=settings.positions,
        )
        stage: Stage = {} if settings.positions is None else read_stage(settings.positions)
        try:
            fields, placement = place_well(
                layout, well, channel=job.channel, stage=stage, settings=stitching
            )
        except InputError:
            if settings.fields == "stitch":
                raise
            placement = None
        if placement is not None and (
            settings.fields == "stitch" or 2 * int(placement.placed.sum()) > len(fields)
        ):
            origins = placement.positions
            findings += placement_findings(well, fields, placement)
            tables = {
                "positions": positions_table(well, fields, placement),
                "edges": edges_table(well, fields, placement),
            }
        else:
            findings.append(
                Finding(
                    file=well,
                    rule="unplaced",
                    severity="info",
                    value=float(len(fields)),
                    reason=f"The overlaps of the {len(fields)} fields do not tell how they lie, so "
                    "each stands for itself. If fields overlap, cells in overlaps count twice.",
                )
            )
    path = job.out / FIELDS / f"{well}.parquet"
    write_table(
        Table(
            {
                "field": np.array(fields, dtype=object),
                "y_px": origins[:, 0],
                "x_px": origins[:, 1],
            }
        ),
        path,
    )
    return Outcome(
        input=described_unit(unit.paths),
        tables=tables,
        findings=findings,
        files=[path],
        seconds={"place": time.perf_counter() - begun},
    )


def find_cells(unit: PlateUnit, *, job: PlateJob) -> Outcome:
    """Do one unit of the second stage: the cells of some frames of a field."""
    begun = time.perf_counter()
    predictor = shared_predictor(job.model.model, job.model.precision)
    description = predictor.description
    image = read_field(job.layout, unit.well, unit.field)
    image = replace(image, spacing=job.layout.spacing.only(image.axes))
    sized = choose_size(image.spacing, job.model, description)
    name = f"{unit.well}, field {unit.field}"
    image = gauged(replace(image, name=name))
    findings = [] if unit.frames[0] else size_findings(sized, description, file=name)
    findings += [] if unit.frames[0] else check_left_out(image)
    tables, sharpness = [], []
    channel = image.channels.index(job.channel) if image.channels else 0
    middle = image.size("Z") // 2
    for t in unit.frames:
        plane = Plane(image, {"T": t, "C": channel, "Z": middle})
        levelled = LevelledPlane(plane)
        if t == unit.frames[0]:
            findings += check_likeness_of_plane(levelled, description, sized, file=name, frame=t)
        frame = classify_frame(image, plane, levelled, predictor, sized)
        sharpness.append(levelled.sharpness)
        plane.release()
        objects = frame.objects
        findings += plane_findings(frame.contrast, len(objects), file=name, frame=t)
        n = len(objects)
        objects = objects.with_columns({"field": np.full(n, unit.field, dtype=object)})
        tables.append(Table({c: objects[c] for c in CELLS}))
    findings += check_pixels(image, channel=channel)
    path = part_of(job.out, unit)
    write_table(Table.concatenate(tables), path)
    return Outcome(
        input=described_unit(unit.paths),
        tables={"frames": focus_table(unit.well, unit.field, list(unit.frames), sharpness)},
        findings=findings,
        files=[path],
        seconds={"classify": time.perf_counter() - begun},
    )


@lru_cache(maxsize=1)
def shared_predictor(model: str, precision: str) -> Predictor:
    """Return the model, opened once for each worker."""
    return open_viability_model(model, precision=precision, threads=1, device="cpu")


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
