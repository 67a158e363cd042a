"""``fatescope plate run``: a plate without stains to fates, viability and survival.

fields placed -> frames classified without a stain -> cells linked over frames -> when each died ->
viability of wells -> survival, treatments, doses. Three stages of one run, so that a killed run
continues inside a well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table, write_table
from fatescope.acquire.plates import (
    PlateReading,
    hours_of_frames,
    read_field,
    read_frame_times,
    read_plate,
    read_plate_map,
)
from fatescope.base import Execution, Finding, InputError, Spacing, Table, Treatment
from fatescope.base.stains import find_channel
from fatescope.engine import Run
from fatescope.engine import Stage as RunStage
from fatescope.engine.driver import Outcome, pending, work_through
from fatescope.engine.opening import make_folder
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.plate import PlateRunSettings, SurvivalSettings
from fatescope.systems.plates.focus import write_blurred
from fatescope.systems.plates.run_page import write_plate_run
from fatescope.systems.plates.settings import PlateModel
from fatescope.systems.plates.stages import find_cells, follow_well, place_fields_of_well
from fatescope.systems.plates.stain_labels import plan_label_plate
from fatescope.systems.plates.survival import (
    check_mapped,
    check_plate_times,
    check_response_frame,
    survival_tables,
)
from fatescope.systems.plates.trained import (
    PACKAGE,
    TRAINING,
    read_plate_recipe,
    stain_settings,
    train_on_plate,
    trained_wells_finding,
)
from fatescope.systems.plates.units import (
    PlateJob,
    PlateUnit,
    frame_units,
    middle_plane_findings,
    place_units,
    well_units,
)
from fatescope.systems.viability.classes import TRANSMITTED, open_viability_model

if TYPE_CHECKING:
    from fatescope.base import PlateLayout, Progress
    from fatescope.engine import Summary


def run_plate(
    folder: Path | str,
    *,
    out: Path | str,
    settings: PlateRunSettings | None = None,
    model: PlateModel | None = None,
    reading: PlateReading | None = None,
    recipe: str | None = None,
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
    recipe : str, optional
        A recipe by name or path: a model is trained on the stained wells of the plate first, in
        ``training/``, and applied to all wells.
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
    treatments = _treatments(layout, settings)
    channel = _channel(layout, model.channel)
    findings = [*layout.findings, *middle_plane_findings(layout)]
    if recipe is not None:
        trained = read_plate_recipe(recipe)
        stains = stain_settings(layout, settings, channel)
        package = train_on_plate(
            folder,
            trained,
            out=make_folder(Path(out)),
            stains=stains,
            called=Path(recipe).name,
            reading=reading,
            execution=execution,
            progress=progress,
            fresh=fresh,
        )
        model = model.replace(model=str(package.absolute()))
        findings.append(trained_wells_finding(layout, stains))
    predictor = open_viability_model(model.model, precision=model.precision, device="cpu")
    known = {"name": predictor.name, "sha256": predictor.sha256, "device": "cpu"}
    asked = {s: v for m in (settings, model, reading) for s, v in m.model_dump(mode="json").items()}
    if recipe is not None:
        asked |= {"model": PACKAGE, "recipe": recipe}
    job = PlateJob(layout=layout, out=Path(), settings=settings, model=model, channel=channel)
    with Run.open(
        out, command="plate run", settings=asked, model=known, fresh=fresh, keeps=(TRAINING,)
    ) as run:
        job = replace(job, out=run.out)
        places = run.stage("places")
        frames = run.stage("frames")
        wells = run.stage("wells")
        stages: Sequence[tuple[RunStage, Callable[[], list[PlateUnit]], Callable[..., Outcome]]] = (
            (places, lambda: place_units(layout), place_fields_of_well),
            (frames, lambda: frame_units(layout, channel, settings), find_cells),
            (wells, lambda: well_units(layout, run.out, settings, channel), follow_well),
        )
        for stage, units, do in stages:
            if stage is wells:
                write_blurred(run, layout)
            todo = pending(stage, units())
            work = partial(do, job=job)
            work_through(stage, todo, work, execution=execution, progress=progress)
        summary = run.finish(findings=findings)
        fates = run.out / "fates.parquet"
        if summary.units_done and fates.is_file():
            found = _survive(run, read_table(fates), layout, treatments, settings)
            summary = run.finish(findings=[*findings, *found])
        return summary


def plan_plate_run(
    folder: Path | str,
    *,
    settings: PlateRunSettings | None = None,
    model: PlateModel | None = None,
    reading: PlateReading | None = None,
    recipe: str | None = None,
    execution: Execution | None = None,
) -> RunPlan:
    """Say what `run_plate` would cost, without doing or writing anything.

    Its units are the steps that the run counts: some frames of a field, and for each well its
    places and its fates. With a recipe they are also the fields to label and the one fit.

    Raises
    ------
    InputError, FileFormatError, SettingsError, ModelError
        As `run_plate`.
    """
    settings, model = settings or PlateRunSettings(), model or PlateModel()
    reading, execution = reading or PlateReading(), execution or Execution()
    layout = _scaled(read_plate(Path(folder).absolute(), reading), model, settings)
    _treatments(layout, settings)
    channel = _channel(layout, model.channel)
    units = frame_units(layout, channel, settings)
    image = read_field(layout, units[0].well, units[0].field)
    plane = image.size("Y") * image.size("X") / 1e6
    looked_at = [(plane * len(u.frames), plane) for u in units]
    placed_and_followed = [(0.0, 0.0)] * (2 * len(layout.images))
    plan = estimate(
        "plate run",
        looked_at + placed_and_followed,
        cost=_COST,
        what="steps",
        execution=execution,
    )
    if recipe is None:
        open_viability_model(model.model, precision=model.precision, device="cpu")
        return plan
    fit = read_plate_recipe(recipe)
    pixels = fit.fit.steps * fit.fit.batch * fit.crops.size_px**2 / 1e6
    stains = stain_settings(layout, settings, channel)
    labels = plan_label_plate(folder, settings=stains, reading=reading, execution=execution)
    return plan.and_also(labels, seconds=_FIT_SECONDS * pixels, units=1)


_COST = Cost(
    cpu_seconds=0.24,
    memory_mb=25.0,
    output_mb=0.3,
    unit_seconds=0.05,
    start_mb=300.0,
    start_seconds=3.0,
)
"""By a million pixels of a frame; linking and survival are little beside it."""

_FIT_SECONDS = 0.9
"""CPU time of a fit by a million pixels of crops, of the shipped recipe."""


def _scaled(layout: PlateLayout, model: PlateModel, settings: PlateRunSettings) -> PlateLayout:
    """Return the layout with the pixel size and the times that the user gave."""
    check_plate_times(settings.times, settings.interval_min)
    given = Spacing.given(model.spacing_um, settings.interval_min)
    layout = replace(layout, spacing=layout.spacing.replaced_by(given))
    if settings.times is not None:
        minutes = read_frame_times(settings.times)
        return replace(layout, minutes=minutes, spacing=layout.spacing.only("ZYX"))
    if settings.interval_min is None:
        return layout
    uneven = [f for f in layout.findings if f.rule == "uneven-times"]
    said = f"All frames are taken as {settings.interval_min:g} min apart, as --interval-min says."
    changed = [replace(f, reason=f"{f.reason} {said}") for f in uneven]
    others = [f for f in layout.findings if f not in uneven]
    return replace(layout, minutes={}, findings=(*others, *changed))


def _treatments(layout: PlateLayout, settings: PlateRunSettings) -> dict[str, Treatment]:
    """Return the map, and refuse before any work what survival would refuse after all of it."""
    check_response_frame(settings.response_frame, layout.frames[-1] + 1 if layout.frames else 0)
    if settings.map is None:
        return {}
    treatments = read_plate_map(settings.map)
    check_mapped(treatments, layout.wells, lacks="is on the plate")
    return treatments


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
    minutes = layout.minutes
    hours = hours_of_frames(minutes, interval, layout.frames[-1] + 1)
    wells = sorted({str(w) for w in fates["well"]})
    mapped = treatments or {w: Treatment(treatment=w) for w in wells}
    tables, findings = survival_tables(fates, mapped, asked, minutes=minutes)
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
    if hours is not None:
        tables["times"] = Table({"frame": np.arange(len(hours)), "time_h": np.array(hours)})
    for name, table in tables.items():
        if not len(table):
            continue
        for ending in ("parquet", "csv"):
            write_table(table, run.out / f"{name}.{ending}")
            run.wrote(f"{name}.{ending}")
    run.wrote(write_plate_run(run.out, layout, tables, findings))
    return findings
