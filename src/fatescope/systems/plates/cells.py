"""The first two stages of ``plate run``: where fields lie in a well, and the cells in frames."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import check_left_out, check_pixels, gauged, write_table
from fatescope.acquire.plates import read_field
from fatescope.base import Finding, InputError, Table
from fatescope.engine.driver import Outcome
from fatescope.plate import StitchSettings
from fatescope.predict import LevelledPlane, Plane, Predictor
from fatescope.systems.plates.focus import focus_table
from fatescope.systems.plates.stitching import (
    edges_table,
    place_well,
    placement_findings,
    positions_table,
    read_stage,
)
from fatescope.systems.plates.units import FIELDS, PlateJob, PlateUnit, described, part_of
from fatescope.systems.viability.classes import choose_size, open_viability_model, plane_findings
from fatescope.systems.viability.find import classify_frame, likeness, size_findings

if TYPE_CHECKING:
    from fatescope.base import Image, PlateLayout
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
        input=described(unit.paths),
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
    image = _with_scale(read_field(job.layout, unit.well, unit.field), job.layout)
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
            findings += likeness(levelled, description, sized, file=name, frame=t)
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
        input=described(unit.paths),
        tables={"frames": focus_table(unit.well, unit.field, list(unit.frames), sharpness)},
        findings=findings,
        files=[path],
        seconds={"classify": time.perf_counter() - begun},
    )


def _with_scale(image: Image, layout: PlateLayout) -> Image:
    return replace(image, spacing=layout.spacing.only(image.axes))


@lru_cache(maxsize=1)
def shared_predictor(model: str, precision: str) -> Predictor:
    """Return the model, opened once for each worker."""
    return open_viability_model(model, precision=precision, threads=1, device="cpu")
