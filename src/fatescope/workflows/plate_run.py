"""``fatescope plate run``: a plate without stains to fates, viability and survival.

fields placed -> frames classified without a stain -> cells linked over frames -> when each died ->
viability of wells -> survival, treatments, doses. Three stages of one run, so that a killed run
continues inside a well.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table, write_table
from fatescope.acquire.plates import PlateReading, read_field, read_plate, read_plate_map
from fatescope.base import Execution, Finding, InputError, Spacing, Table, Treatment
from fatescope.base.stains import find_channel
from fatescope.plate import (
    PlateRunSettings,
    StitchSettings,
    SurvivalSettings,
    fates_of_cells,
    link_cells,
    owning_field,
)
from fatescope.predict import (
    LevelledPlane,
    Plane,
    PlateModel,
    Predictor,
    choose_size,
    open_viability_model,
    plane_findings,
)
from fatescope.predict.viability import TRANSMITTED
from fatescope.report.plate_run import write_plate_run
from fatescope.run import Run
from fatescope.run import Stage as RunStage
from fatescope.storage import hash_path, size_and_time
from fatescope.workflows.driver import Outcome, describe_files, pending, work_through
from fatescope.workflows.stitching import edges_table, place_well, positions_table, read_stage
from fatescope.workflows.survival import survival_tables
from fatescope.workflows.viability import classify_frame, likeness, size_findings

if TYPE_CHECKING:
    from fatescope.base import Image, PlateLayout, Progress
    from fatescope.base.types import FloatArray
    from fatescope.models.description import ModelDescription
    from fatescope.run import Summary
    from fatescope.workflows.stitching import Stage

PARTS, FIELDS = "parts", "fields"
"""Folders of what the wells are made of: cells of each frame, places of fields."""

_CELLS = (
    *("field", "frame", "label", "y", "x", "area_px", "p_dead", "score"),
    *("touches_border", "class"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateUnit:
    """A well, or some frames of a field: what is done or not done as a whole."""

    key: str
    well: str
    paths: tuple[Path, ...]
    field: str = ""
    frames: tuple[int, ...] = ()

    def absolute(self) -> PlateUnit:
        """Return the same unit for a worker that stands in another folder."""
        return replace(self, paths=tuple(p.absolute() for p in self.paths))

    def __str__(self) -> str:
        return self.key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a worker needs beside its unit; it travels to other processes."""

    layout: PlateLayout
    out: Path
    settings: PlateRunSettings
    model: PlateModel
    channel: str


def run_plate(
    folder: Path | str,
    *,
    out: Path | str,
    settings: PlateRunSettings | None = None,
    model: PlateModel | None = None,
    reading: PlateReading | None = None,
    execution: Execution | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Follow the cells of a plate without stains: when each died, and which treatment kills.

    Parameters
    ----------
    folder : path
        Of the plate; see `read_plate`.
    out : path
        Takes the tables ``fates``, ``viability``, ``cells``, ``positions``, ``edges``; with a map
        ``treatments``, ``curves``, ``doses``, ``controls``; and ``report.html``.
    settings : PlateRunSettings, optional
    model : PlateModel, optional
        The package, its channel, and the size of pixels.
    reading : PlateReading, optional
    execution, progress, fresh

    Raises
    ------
    InputError, FileFormatError, SettingsError, ModelError
        If the folder is no plate, the map cannot be true, no channel is without a stain, or the
        model does not tell live from dead.
    """
    settings, model = settings or PlateRunSettings(), model or PlateModel()
    reading, execution = reading or PlateReading(), execution or Execution()
    layout = _scaled(read_plate(Path(folder).absolute(), reading), model, settings)
    treatments = read_plate_map(settings.map) if settings.map is not None else {}
    channel = _channel(layout, model.channel)
    predictor = open_viability_model(model.model, precision=model.precision, device="cpu")
    known = {"name": predictor.name, "sha256": predictor.sha256, "device": "cpu"}
    asked = {s: v for m in (settings, model, reading) for s, v in m.model_dump(mode="json").items()}
    job = _Job(layout=layout, out=Path(), settings=settings, model=model, channel=channel)
    with Run.open(out, command="plate run", settings=asked, model=known, fresh=fresh) as run:
        job = replace(job, out=run.out)
        places = run.stage("places")
        frames = run.stage("frames")
        wells = run.stage("wells")
        stages: Sequence[tuple[RunStage, Callable[[], list[PlateUnit]], Callable[..., Outcome]]] = (
            (places, lambda: _place_units(layout), place_fields_of_well),
            (frames, lambda: _frame_units(layout, channel, settings), find_cells),
            (wells, lambda: _well_units(layout, run.out, settings, channel), follow_well),
        )
        for stage, units, do in stages:
            todo = pending(stage, units())
            work = partial(do, job=job)
            work_through(stage, todo, work, execution=execution, progress=progress)
        summary = run.finish(findings=layout.findings)
        fates = run.out / "fates.parquet"
        if summary.units_done and fates.is_file():
            found = _survive(run, read_table(fates), layout, treatments, settings)
            summary = run.finish(findings=[*layout.findings, *found])
        return summary


def _scaled(layout: PlateLayout, model: PlateModel, settings: PlateRunSettings) -> PlateLayout:
    """Return the layout with the pixel size and the interval that the user gave."""
    given = Spacing.given(model.spacing_um, settings.interval_min)
    return replace(layout, spacing=layout.spacing.replaced_by(given))


def _channel(layout: PlateLayout, asked: str | None) -> str:
    """Return the channel without a stain.

    Raises
    ------
    InputError
        If it was given and is not there, or none is known to be.
    """
    if asked is not None:
        if asked.isdecimal() and asked not in layout.channels and int(asked) < len(layout.channels):
            return layout.channels[int(asked)]
        return layout.channel(asked)
    if len(layout.channels) == 1:
        return layout.channels[0]
    for wanted in TRANSMITTED:
        try:
            return find_channel(layout.channels, wanted)
        except InputError:
            continue
    raise InputError(
        f"{layout.name}: has the channels {', '.join(layout.channels)}. Say with --channel which "
        "one was taken without a stain."
    )


def _place_units(layout: PlateLayout) -> list[PlateUnit]:
    return [
        PlateUnit(key=f"{w} places", well=w, paths=_paths(layout, w, fields, layout.frames[:1]))
        for w, fields in layout.images.items()
    ]


def _frame_units(layout: PlateLayout, channel: str, settings: PlateRunSettings) -> list[PlateUnit]:
    """Return some frames of each field, those that the disk has in the channel."""
    units = []
    for well, fields in layout.images.items():
        for name, files in fields.items():
            has = sorted({t for f in files if channel in f.channels for t in f.frames})
            for first in range(0, len(has), settings.at_once):
                frames = tuple(has[first : first + settings.at_once])
                units.append(
                    PlateUnit(
                        key=f"{well}/{name}/{frames[0]:04d}",
                        well=well,
                        field=name,
                        frames=frames,
                        paths=_paths(layout, well, [name], frames, channel=channel),
                    )
                )
    return units


def _well_units(
    layout: PlateLayout, out: Path, settings: PlateRunSettings, channel: str
) -> list[PlateUnit]:
    """Return the wells of which all parts are there; they depend on these."""
    parts: dict[str, list[Path]] = {w: [out / FIELDS / f"{w}.parquet"] for w in layout.images}
    for unit in _frame_units(layout, channel, settings):
        parts[unit.well].append(_part(out, unit))
    return [
        PlateUnit(key=f"{well} fates", well=well, paths=tuple(paths))
        for well, paths in parts.items()
        if all(p.is_file() for p in paths) and len(paths) > 1
    ]


def _paths(
    layout: PlateLayout,
    well: str,
    fields: Sequence[str] | Any,
    frames: Sequence[int],
    *,
    channel: str | None = None,
) -> tuple[Path, ...]:
    wanted = set(frames)
    found = (
        f.path
        for name in fields
        for f in layout.files(well, name)
        if wanted & set(f.frames) and (channel is None or channel in f.channels)
    )
    return tuple(dict.fromkeys(found))


def _part(out: Path, unit: PlateUnit) -> Path:
    return out / PARTS / unit.well / f"{unit.field}_{unit.frames[0]:04d}.parquet"


def place_fields_of_well(unit: PlateUnit, *, job: _Job) -> Outcome:
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
            tables = {
                "positions": positions_table(well, fields, placement),
                "edges": edges_table(well, fields, placement),
            }
        else:
            findings.append(
                Finding(
                    file=well,
                    rule="unplaced-fields",
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
        input=_described(unit.paths),
        tables=tables,
        findings=findings,
        files=[path],
        seconds={"place": time.perf_counter() - begun},
    )


def find_cells(unit: PlateUnit, *, job: _Job) -> Outcome:
    """Do one unit of the second stage: the cells of some frames of a field."""
    begun = time.perf_counter()
    predictor = _predictor(job.model.model, job.model.precision)
    description = predictor.description
    image = _with_scale(read_field(job.layout, unit.well, unit.field), job.layout)
    sized = choose_size(image.spacing, job.model, description)
    name = f"{unit.well}, field {unit.field}"
    findings = [] if unit.frames[0] else size_findings(sized, description, file=name)
    tables = []
    channel = image.channels.index(job.channel) if image.channels else 0
    middle = image.size("Z") // 2
    for t in unit.frames:
        plane = Plane(image, {"T": t, "C": channel, "Z": middle})
        levelled = LevelledPlane(plane)
        if t == unit.frames[0]:
            findings += likeness(levelled, description, sized, file=name, frame=t)
        frame = classify_frame(image, plane, levelled, predictor, sized)
        plane.release()
        objects = frame.objects
        findings += plane_findings(frame.contrast, len(objects), file=name, frame=t)
        n = len(objects)
        objects = objects.with_columns({"field": np.full(n, unit.field, dtype=object)})
        tables.append(Table({c: objects[c] for c in _CELLS}))
    path = _part(job.out, unit)
    write_table(Table.concatenate(tables), path)
    return Outcome(
        input=_described(unit.paths),
        findings=findings,
        files=[path],
        seconds={"classify": time.perf_counter() - begun},
    )


def _with_scale(image: Image, layout: PlateLayout) -> Image:
    return replace(image, spacing=layout.spacing.only(image.axes))


@lru_cache(maxsize=1)
def _predictor(model: str, precision: str) -> Predictor:
    return open_viability_model(model, precision=precision, threads=1, device="cpu")


def follow_well(unit: PlateUnit, *, job: _Job) -> Outcome:
    """Do one unit of the third stage: link the cells of a well and say when each died."""
    begun = time.perf_counter()
    places = read_table(unit.paths[0])
    cells = Table.concatenate([_typed(read_table(p)) for p in unit.paths[1:]])
    model = _predictor(job.model.model, job.model.precision).description
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
    findings = _well_findings(unit.well, fates, int(kept.sum()), model)
    return Outcome(
        input=describe_files(unit.paths),
        tables={"fates": fates, "cells": followed},
        findings=findings,
        seconds={"follow": time.perf_counter() - begun},
    )


def _typed(table: Table) -> Table:
    """Return a part with the types of its columns, whatever an empty or a numeric one became."""
    whole, real = ("frame", "label", "area_px", "touches_border"), ("y", "x", "p_dead", "score")
    columns = {c: table[c] for c in _CELLS}
    columns |= {c: table[c].astype(np.int64) for c in whole}
    columns |= {c: table[c].astype(np.float64) for c in real}
    columns |= {c: np.array([str(v) for v in table[c]], dtype=object) for c in ("field", "class")}
    return Table(columns)


def _tracks(
    well: str, cells: Table, places: Table, job: _Job, diameter: float
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


def _described(paths: Sequence[Path]) -> dict[str, Any]:
    """Return what `describe_files` says; of a movie with many frames the hash is taken once."""
    if len(paths) != 1:
        return describe_files(paths)
    size, modified = size_and_time(paths[0])
    return {
        "path": str(paths[0]),
        "sha256": _hash(paths[0], size, modified),
        "bytes": size,
        "modified_ns": modified,
    }


@lru_cache(maxsize=64)
def _hash(path: Path, size: int, modified_ns: int) -> str:
    return hash_path(path)


def _survive(
    run: Run,
    fates: Table,
    layout: PlateLayout,
    treatments: dict[str, Treatment],
    settings: PlateRunSettings,
) -> list[Finding]:
    """Write viability, survival and the page; return what should be known about them."""
    interval = layout.spacing.interval_min
    asked = SurvivalSettings(interval_min=interval, response_frame=settings.response_frame)
    wells = sorted({str(w) for w in fates["well"]})
    mapped = treatments or {w: Treatment(treatment=w) for w in wells}
    tables, findings = survival_tables(fates, mapped, asked)
    if not treatments:
        findings = [f for f in findings if f.rule != "few-wells"]
        findings.append(
            Finding(
                file="plate",
                rule="unmapped-wells",
                severity="warning",
                reason="There is no plate map, so each well stands for itself and no treatments "
                "are compared. Give --map.",
            )
        )
        tables["treatments"] = tables["treatments"].rows(slice(0, 0))
    for name, table in tables.items():
        if not len(table):
            continue
        for ending in ("parquet", "csv"):
            write_table(table, run.out / f"{name}.{ending}")
            run.wrote(f"{name}.{ending}")
    run.wrote(write_plate_run(run.out, layout, tables, findings))
    return findings
