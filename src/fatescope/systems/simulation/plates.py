"""Rendered plates as files: fields as an ImageXpress names them, a plate map, and the truth."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table, write_image, write_labels, write_table
from fatescope.base import Execution, Spacing, Table, WorkUnit
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.plate import group_wells, tabulate_fates, treatments_table, viability_table
from fatescope.simulate.plate import (
    FieldScene,
    PlateSettings,
    live_well,
    place_stage,
    plan_plate,
    vary_plate,
)
from fatescope.simulate.plate.field import BRIGHT_FIELD, DRAQ7, HOECHST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import IntArray, Progress
    from fatescope.engine import Summary
    from fatescope.simulate.plate import PlateDesign, PlateLook, StagePlaces, WellPlan, WellWorld

_WAVES = {BRIGHT_FIELD: 1, HOECHST: 2, DRAQ7: 3}
_COST = Cost(cpu_seconds=0.22, memory_mb=12.0, output_mb=1.9, unit_seconds=0.05, unit_mb=0.02)
"""By a million pixels of all channels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field(WorkUnit):
    """One field of one well of one plate."""

    plate: int  # from 0
    well: int  # its number in the design
    field: int  # from 0
    name: str  # of the well
    folder: str  # of the plate, empty or ending with a slash
    paths: tuple[Path, ...] = ()

    @property
    def stem(self) -> str:
        return f"plate_{self.plate + 1}_{self.name}_s{self.field + 1}"

    @property
    def key(self) -> str:
        return self.stem


def simulate_plate(
    out: Path | str,
    *,
    settings: PlateSettings | None = None,
    seed: int = 0,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Render plates of a live/dead assay into a folder, one field at a time.

    Parameters
    ----------
    out : path
        Gets ``images/plate_1_A01_s1_w1.tif`` and so on (w1 bright field, w2 Hoechst, w3 DRAQ7; all
        frames of a field in one OME-TIFF, 16 bit), which `read_plate` reads, ``map.csv``, and
        ``truth/``: ``labels`` and ``classes`` with one file a field, and the tables ``fates``,
        ``cells``, ``viability``, ``treatments``, ``wells``, ``positions``, ``drift``, ``fields``,
        ``faults``. Several plates lie in folders ``plate_1``, ``plate_2``, ..., each with all this.
    settings : PlateSettings, optional
    seed : int
        The same seed and settings give the same bytes; more ``experiments`` add plates.
    execution : Execution, optional
        Its workers; they change nothing in the files.
    fresh, progress

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If more wells are to be stained or empty than there are.
    RunError
        If ``out`` holds something else, or cannot be written.
    """
    settings, execution = settings or PlateSettings(), execution or Execution()
    folders = _folders(settings)
    designs = [_plate(settings, seed, p)[1] for p in range(settings.experiments)]
    record = {
        **settings.model_dump(mode="json", exclude={"experiments"}),
        "in_folders": settings.experiments > 1,
        "seed": seed,
    }
    units = _fields(folders, designs)
    with Run.open(out, command="simulate plate", settings=record, fresh=fresh) as run:
        job = partial(_render_field, out=run.out, settings=settings, seed=seed)
        work_through(run, pending(run, units), job, execution=execution, progress=progress)
        summary = run.finish()
        for folder, design in zip(folders, designs, strict=True):
            run.wrote(*_write_whole(run.out, folder, design))
        return summary


def plan_simulated_plate(settings: PlateSettings, *, execution: Execution) -> RunPlan:
    """Say what `simulate_plate` would cost."""
    plane = settings.height * settings.width / 1e6
    sizes = []
    for design in (_plate(settings, 0, p)[1] for p in range(settings.experiments)):
        for well in design.wells:
            channels = len(_WAVES) if well.is_recorded else 1
            sizes += [(plane * channels * design.frames, plane)] * design.fields
    return estimate("simulate plate", sizes, cost=_COST, what="fields", execution=execution)


def _folders(settings: PlateSettings) -> list[str]:
    several = settings.experiments > 1
    return [f"plate_{p + 1}/" if several else "" for p in range(settings.experiments)]


def _fields(folders: list[str], designs: list[PlateDesign]) -> list[_Field]:
    return [
        _Field(plate=p, well=w, field=f, name=well.well, folder=folders[p])
        for p, design in enumerate(designs)
        for w, well in enumerate(design.wells)
        for f in range(design.fields)
    ]


@lru_cache(maxsize=2)
def _plate(settings: PlateSettings, seed: int, plate: int) -> tuple[PlateLook, PlateDesign]:
    own = seed * 1_000 + plate
    look = vary_plate(settings, seed=own)
    return look, plan_plate(look.settings, seed=own)


@lru_cache(maxsize=1)
def _well(
    settings: PlateSettings, seed: int, plate: int, well: int
) -> tuple[WellWorld, StagePlaces, int]:
    look, design = _plate(settings, seed, plate)
    own = (seed * 1_000 + plate) * 1_000 + well
    world = live_well(look.settings, design, design.wells[well], seed=own)
    return world, place_stage(look.settings, design, seed=own), own


def _render_field(unit: _Field, *, out: Path, settings: PlateSettings, seed: int) -> Outcome:
    begun = time.monotonic()
    look, design = _plate(settings, seed, unit.plate)
    world, stage, own = _well(settings, seed, unit.plate, unit.well)
    plan = design.wells[unit.well]
    scene = FieldScene(
        look, design, plan, world, stage, field=unit.field, seed=own * 1_000 + unit.field
    )
    frames = [scene.render(frame) for frame in range(design.frames)]
    spacing = _spacing(settings, design)
    files = []
    for channel in scene.channels:
        files.append(f"{unit.folder}images/{unit.stem}_w{_WAVES[channel]}.tif")
        _write(out / files[-1], [f[0][channel] for f in frames], spacing, channel)
    for what in ("labels", "classes"):
        files.append(f"{unit.folder}truth/{what}/{unit.stem}_{what}.tif")
        pixels = np.stack([getattr(truth, what) for _, truth in frames])
        write_labels(
            out / files[-1],
            pixels,
            shape=pixels.shape,
            axes="TYX",
            dtype=pixels.dtype,
            spacing=spacing,
        )
    truth = f"{unit.folder}truth"
    tables = {
        f"{truth}/positions": _position(unit, stage),
        f"{truth}/fields": _field_row(unit, plan, files),
        f"{truth}/faults": _faults(unit, scene),
    }
    if unit.field == 0:
        tables[f"{truth}/fates"] = _fates(unit, world)
        tables[f"{truth}/cells"] = _cells(unit, world, design)
        tables[f"{truth}/drift"] = _drift(unit, stage)
        tables[f"{truth}/wells"] = _well_row(unit, plan, world)
    return Outcome(tables=tables, files=files, seconds={"simulate": time.monotonic() - begun})


def _spacing(settings: PlateSettings, design: PlateDesign) -> Spacing:
    um = settings.spacing_um
    return Spacing.of(source="file", T=round(design.interval_h * 60, 6), Y=um, X=um)


def _write(path: Path, planes: list[NDArray[np.uint16]], spacing: Spacing, channel: str) -> None:
    several = len(planes) > 1
    write_image(
        path,
        planes,
        shape=(len(planes), *planes[0].shape) if several else planes[0].shape,
        axes="TYX" if several else "YX",
        dtype=np.uint16,
        spacing=spacing,
        channels=(channel,),
    )


def _named(unit: _Field, n: int) -> dict[str, NDArray[Any]]:
    return {
        "plate": np.full(n, f"plate_{unit.plate + 1}", dtype=object),
        "well": np.full(n, unit.name, dtype=object),
    }


def _position(unit: _Field, stage: StagePlaces) -> Table:
    y, x = stage.placed[unit.field]
    nominal = stage.nominal[unit.field]
    return Table(
        {
            "well": np.array([unit.name], dtype=object),
            "field": np.array([unit.field + 1]),
            "y_px": np.array([round(float(y), 4)]),
            "x_px": np.array([round(float(x), 4)]),
            "placed": np.array([1]),
            "stage_y_px": np.array([float(nominal[0])]),
            "stage_x_px": np.array([float(nominal[1])]),
            "plate": np.array([f"plate_{unit.plate + 1}"], dtype=object),
        }
    )


def _field_row(unit: _Field, plan: WellPlan, files: list[str]) -> Table:
    inside = [f.removeprefix(unit.folder) for f in files]
    return Table(
        {
            **_named(unit, 1),
            "field": np.array([unit.field + 1]),
            "set": np.array([plan.set], dtype=object),
            "bright_field": np.array([inside[0]], dtype=object),
            "labels": np.array([inside[-2]], dtype=object),
            "classes": np.array([inside[-1]], dtype=object),
        }
    )


def _faults(unit: _Field, scene: FieldScene) -> Table:
    faults = scene.faults
    return Table(
        {
            "frame": np.array(list(faults), dtype=np.int64),
            "rule": np.array(list(faults.values()), dtype=object),
            **_named(unit, len(faults)),
            "field": np.full(len(faults), unit.field + 1),
        }
    )


def _fates(unit: _Field, world: WellWorld) -> Table:
    death = world.death_frame
    seen = death >= 0
    return Table(
        {
            **_named(unit, len(world)),
            "cell": np.arange(len(world)) + 1,
            "first_frame": world.first,
            "last_frame": world.last,
            "death_frame": _known(death, seen),
            "censored": (~seen).astype(np.int64),
            "death_h": np.where(seen, np.round(np.where(seen, world.death_h, 0), 4), np.nan),
            "parent": _known(world.parent + 1, world.parent >= 0),
        }
    )


def _known(numbers: IntArray, known: NDArray[np.bool_]) -> NDArray[Any]:
    """Return whole numbers with nothing where there is none to know."""
    pairs = zip(numbers.tolist(), known.tolist(), strict=True)
    return np.array([n if k else None for n, k in pairs], dtype=object)


def _cells(unit: _Field, world: WellWorld, design: PlateDesign) -> Table:
    """Return one row for each cell and frame: where it lies in the well, and whether it is dead."""
    there = [world.at(frame) for frame in range(design.frames)]
    rows = np.concatenate(there)
    frame = np.repeat(np.arange(design.frames), [len(t) for t in there])
    dead = (world.death_frame[rows] >= 0) & (frame >= world.death_frame[rows])
    return Table(
        {
            **_named(unit, len(rows)),
            "cell": rows + 1,
            "frame": frame,
            "y": np.round(world.y[frame, rows], 3),
            "x": np.round(world.x[frame, rows], 3),
            "state": np.where(dead, "dead", "live").astype(object),
        }
    )


def _drift(unit: _Field, stage: StagePlaces) -> Table:
    n = len(stage.drift)
    return Table(
        {
            "well": np.full(n, unit.name, dtype=object),
            "frame": np.arange(n),
            "dy": np.round(stage.drift[:, 0], 4),
            "dx": np.round(stage.drift[:, 1], 4),
        }
    )


def _well_row(unit: _Field, plan: WellPlan, world: WellWorld) -> Table:
    """Return what the model did to a well: what no image tells."""
    return Table(
        {
            **_named(unit, 1),
            "treatment": np.array([plan.treatment], dtype=object),
            "dose": np.array([np.nan if plan.dose is None else plan.dose]),
            "control": np.array([plan.control], dtype=object),
            "set": np.array([plan.set], dtype=object),
            "n_cells": np.array([len(world)]),
            "true_hazard_ratio": np.array([round(plan.hazard_ratio, 4)]),
            "frailty": np.array([round(plan.frailty, 4)]),
        }
    )


def _write_whole(out: Path, folder: str, design: PlateDesign) -> list[str]:
    """Write the map of a plate and the tables that need all of its wells; return the files."""
    files = [f"{folder}map.csv"]
    write_table(_map(design), out / files[0])
    path = out / f"{folder}truth/fates.csv"
    if not path.exists():  # all fields failed
        return files
    fates = read_table(path)
    if not len(fates):
        return files
    counted = tabulate_fates(fates)
    plans = {w.well: w for w in design.wells}
    rows = [plans[w] for w in counted.well.tolist()]
    groups = group_wells(
        np.array([r.treatment for r in rows], dtype=object),
        np.array([np.nan if r.dose is None else r.dose for r in rows]),
        np.array([_unit(r) for r in rows], dtype=object),
        np.array([r.control for r in rows], dtype=object),
    )
    hours = np.arange(counted.n.shape[1]) * design.interval_h
    tables = {
        "viability": viability_table(counted),
        "treatments": treatments_table(counted, groups, hours=hours),
    }
    for name, table in tables.items():
        files.append(f"{folder}truth/{name}.csv")
        write_table(table, out / files[-1])
    return files


def _unit(well: WellPlan) -> str:
    return "" if well.dose is None else "µM"


def _map(design: PlateDesign) -> Table:
    wells = design.wells
    text = {
        "well": [w.well for w in wells],
        "treatment": [w.treatment for w in wells],
        "dose": [w.dose for w in wells],
        "dose_unit": [_unit(w) for w in wells],
        "stain": ["+".join(w.stains) for w in wells],
        "light": ["yes" if w.light else "no" for w in wells],
        "control": [w.control for w in wells],
        "set": [w.set for w in wells],
    }
    return Table({name: np.array(values, dtype=object) for name, values in text.items()})
