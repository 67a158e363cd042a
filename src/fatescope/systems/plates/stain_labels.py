"""``fatescope plate labels``: classes of pixels and states of nuclei from the stains of a plate."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import (
    read_field,
    read_labels,
    read_table,
    write_table,
)
from fatescope.acquire.plates import PlateReading, apply_plate_map, read_plate, read_plate_map
from fatescope.base import Execution, Finding, InputError, Table
from fatescope.engine import Run
from fatescope.engine.driver import pending, work_through
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.plate import (
    CLASS_NAMES,
    UNCERTAIN,
    Limits,
    StainedNuclei,
    StainSettings,
    check_limits,
    paint_classes,
    states_of,
)
from fatescope.plate.stain_nuclei import gradient
from fatescope.systems.plates.stain_fields import (
    USUAL_PX,
    StainField,
    area_of,
    channels_of,
    diameter_of,
    limits_of,
    nuclei_file,
    nuclei_of,
    units_of,
    usual_diameter,
)
from fatescope.systems.plates.stain_page import LabelRule, LabelSteps, write_stain_labels
from fatescope.systems.plates.stain_stages import find_in_field, paint_field
from fatescope.systems.plates.units import middle_plane_findings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import PlateLayout, Progress
    from fatescope.engine import Summary

_COST = Cost(cpu_seconds=1.3, memory_mb=180.0, output_mb=2.2, unit_seconds=0.02)
"""By a million pixels of a frame, all channels together."""
_NETWORK_COST = replace(_COST, cpu_seconds=4.0, start_mb=300.0)
"""The same where a network draws the nuclei in both stains."""
_SOURCES = {
    "given": "given",
    "controls": "from the control wells",
    "two populations": "from two populations of nuclei",
    "one population": "one population of nuclei: nothing shines more than the rest",
    "threshold": "a threshold for each image; see counts",
}
_SHOWN = 4
"""Fields whose steps are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledStains:
    """Labels from stains, of one image held in memory.

    Parameters
    ----------
    classes : ndarray of uint8, shape (Y, X)
        See `CLASS_NAMES`; 255 is uncertain.
    nuclei : StainedNuclei
    states : ndarray, shape (n,)
        0 live, 1 uncertain, 2 dead.
    limits : Limits
        Between them a nucleus is uncertain.
    diameter_px : float
        Of a nucleus.
    """

    classes: NDArray[np.uint8]
    nuclei: StainedNuclei
    states: NDArray[np.int8]
    limits: Limits
    diameter_px: float


def label_stains(
    bright_field: NDArray[Any],
    nuclei: NDArray[Any],
    dead: NDArray[Any],
    *,
    settings: StainSettings | None = None,
) -> LabelledStains:
    """Label one image from its stains, in memory.

    Parameters
    ----------
    bright_field, nuclei, dead : ndarray, shape (Y, X)
        Counts of the three channels.
    settings : StainSettings, optional
        Names of channels, map and step are not used.

    Raises
    ------
    InputError
        If the images differ in shape or are no planes.

    Notes
    -----
    The limits are found on this image alone. Of a plate they are found on all of its nuclei
    (`label_plate`), which is much surer where few cells are dead.
    """
    settings = settings or StainSettings()
    shapes = {np.shape(i) for i in (bright_field, nuclei, dead)}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise InputError(
            f"bright_field, nuclei and dead must be planes of one shape; got {sorted(shapes)}."
        )
    diameter = settings.diameter_px or diameter_of(nuclei, settings) or USUAL_PX
    found, _ = nuclei_of(nuclei, dead, settings, diameter)
    limits = limits_of(settings, found.dead, found.floor)
    states = states_of(found.dead, limits)
    area = area_of(bright_field, settings, diameter)
    painted = paint_classes(
        found.labels, states, area, classes=settings.classes, nucleus_px=diameter
    )
    return LabelledStains(
        classes=painted, nuclei=found, states=states, limits=limits, diameter_px=diameter
    )


def label_plate(
    folder: Path | str,
    *,
    out: Path | str,
    settings: StainSettings | None = None,
    reading: PlateReading | None = None,
    execution: Execution | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Label the stained wells of a plate.

    Parameters
    ----------
    folder : path
        Of the plate; see `read_plate`. Wells that lack one of the three channels are passed over.
    out : path
        Takes ``images`` (bright field) and ``labels`` (classes), one file a field and frame,
        ``index.csv``, which makes the folder an input of ``prepare``, ``nuclei`` (outlines, one
        file a field), the tables ``nuclei`` and ``counts``, and ``report.html``.
    settings : StainSettings, optional
    reading : PlateReading, optional
    execution, progress, fresh

    Returns
    -------
    Summary

    Raises
    ------
    InputError, FileFormatError
        If the folder is no plate, or no well has all three channels.
    """
    settings, reading = settings or StainSettings(), reading or PlateReading()
    execution = execution or Execution()
    layout, passed = _stained(folder, settings, reading)
    asked = {**settings.model_dump(mode="json"), **reading.model_dump(mode="json")}
    given = check_limits(settings.low_counts, settings.high_counts)
    units = units_of(layout)
    with Run.open(out, command="plate labels", settings=asked, fresh=fresh) as run:
        if "diameter_px" not in run.decided():
            run.decide(
                "diameter_px", settings.diameter_px or usual_diameter(layout, units, settings)
            )
        diameter = float(run.decided()["diameter_px"])
        common: dict[str, Any] = {
            "layout": layout, "settings": settings, "diameter": diameter, "out": run.out
        }  # fmt: skip
        work_through(
            run,
            pending(run, units),
            partial(find_in_field, **common),
            execution=execution,
            progress=progress,
        )
        summary = run.finish(findings=passed)
        if not summary.units_done:
            return summary
        if "limits" not in run.decided():
            run.decide("limits", asdict(given or _plate_limits(run.out, layout, settings)))
        limits = Limits(**run.decided()["limits"])
        if limits.source == "one population":
            passed = [*passed, _one_population(layout, limits)]
        usual = float(np.median(read_table(run.out / "frames.csv")["edges"].astype(float)))
        stage = run.stage("classes")
        painting = [replace(u, stage="classes") for u in units
                    if (run.out / nuclei_file(u)).exists()]  # fmt: skip
        work_through(
            stage,
            pending(stage, painting),
            partial(paint_field, **common, limits=limits, usual_edges=usual),
            execution=execution,
            progress=progress,
        )
        summary = run.finish(findings=passed)
        if (run.out / "counts.csv").exists():
            rule = LabelRule(
                low=limits.low,
                high=limits.high,
                source=_SOURCES[limits.source],
                diameter_px=diameter,
                class_names=CLASS_NAMES[settings.classes],
            )
            steps = _steps(run.out, layout, units, settings, diameter)
            run.wrote(_write_index(run.out), write_stain_labels(run.out, rule, steps))
        return summary


def plan_label_plate(
    folder: Path | str,
    *,
    settings: StainSettings,
    reading: PlateReading,
    execution: Execution,
) -> RunPlan:
    """Say what `label_plate` would cost.

    Raises
    ------
    InputError, FileFormatError
        As `label_plate`.
    """
    layout, _ = _stained(folder, settings, reading)
    units = units_of(layout)
    image = read_field(layout, units[0].well, units[0].field)
    plane = image.size("Y") * image.size("X") / 1e6
    frames = len(layout.frames[:: settings.step])
    sizes = [(plane * frames, plane)] * len(units)
    drawn = settings.rule == "nuclei" and settings.outlines == "network"
    cost = _NETWORK_COST if drawn else _COST
    return estimate("plate labels", sizes, cost=cost, what="fields", execution=execution)


def _stained(
    folder: Path | str, settings: StainSettings, reading: PlateReading
) -> tuple[PlateLayout, list[Finding]]:
    """Return the plate with its stained wells alone, and what is said about the others."""
    layout = read_plate(Path(folder).absolute(), reading)
    if settings.map is not None:
        layout = apply_plate_map(layout, read_plate_map(settings.map))
    wanted = {layout.channel(n) for n in (settings.nuclei, settings.dead, settings.bright_field)}
    here = {
        well: fields
        for well, fields in layout.images.items()
        if wanted <= {c for files in fields.values() for f in files for c in f.channels}
    }
    if not here:
        raise InputError(
            f"{layout.name}: no well has all of {', '.join(sorted(wanted))}. Name the channels "
            "with --nuclei, --dead and --bright-field."
        )
    findings = [*layout.findings, *middle_plane_findings(layout)]
    if n := len(layout.wells) - len(here):
        findings.append(
            Finding(
                file=layout.name,
                rule="unstained-wells",
                severity="info",
                value=float(n),
                limit=0.0,
                reason=f"{n} of {len(layout.wells)} wells lack a stain and are passed over.",
            )
        )
    return replace(layout, images=here), findings


def _one_population(layout: PlateLayout, limits: Limits) -> Finding:
    return Finding(
        file=layout.name,
        rule="one-population",
        severity="warning",
        value=round(limits.low, 3),
        limit=round(limits.high, 3),
        reason=(
            "No group of nuclei shines more than the rest in the channel of the dead, so all are "
            "taken as living. Give a plate map with control wells (--map), or limits of your own "
            "(--low-counts, --high-counts)."
        ),
    )


def _plate_limits(out: Path, layout: PlateLayout, settings: StainSettings) -> Limits:
    """Return the limits from all nuclei of a plate, by control wells where there are some."""
    table = read_table(out / "nuclei.csv")
    frames = read_table(out / "frames.csv")
    floor = float(np.median(frames["floor"].astype(float)))
    brightness = table["dead"].astype(float) if len(table) else np.zeros(0)
    control = {w: t.control for w, t in layout.treatments.items()}
    of = np.array([control.get(str(w), "") for w in table["well"]], dtype=object)
    groups = {k: brightness[of == k] if len(brightness) else brightness
              for k in ("negative", "positive")}  # fmt: skip
    return limits_of(settings, brightness, floor, groups["negative"], groups["positive"])


def _steps(
    out: Path,
    layout: PlateLayout,
    units: list[StainField],
    settings: StainSettings,
    diameter: float,
) -> list[LabelSteps]:
    """Return the steps of a few frames: from early to late ones, from well to well."""
    frames = layout.frames[:: settings.step]
    shown = []
    for i, unit in enumerate(units[:: max(1, len(units) // _SHOWN)][:_SHOWN]):
        at = round(i * (len(frames) - 1) / max(_SHOWN - 1, 1))
        name = f"{unit.stem}_t{frames[at]:03d}"
        if not (out / f"labels/{name}.tif").exists():
            continue
        seen = channels_of(read_field(layout, unit.well, unit.field), layout, settings, frames[at])
        nuclei = read_labels(out / nuclei_file(unit))
        area = area_of(seen["bright"], settings, diameter)
        shown.append(
            LabelSteps(
                title=f"{unit.well}, field {unit.field}, frame {frames[at]}",
                planes={
                    "bright field": seen["bright"],
                    "its gradient": gradient(seen["bright"]),
                    "cell area": area.astype(np.uint8),
                    settings.nuclei: seen["nuclei"],
                    settings.dead: seen["dead"],
                    "nuclei": (nuclei.read(**({"T": at} if "T" in nuclei.axes else {})) > 0).astype(
                        np.uint8
                    ),
                },
                classes=read_labels(out / f"labels/{name}.tif").read().astype(np.uint8),
            )
        )
    return shown


def _write_index(out: Path) -> str:
    """Write the manifest that ``prepare`` reads; frames without nuclei are background, and said."""
    counts = read_table(out / "counts.csv")
    wells, fields = (counts[c].astype(str) for c in ("well", "field"))
    frames = counts["frame"].astype(int)
    names = np.array(
        [f"{w}_s{f}_t{t:03d}" for w, f, t in zip(wells, fields, frames, strict=True)], dtype=object
    )
    n = len(names)
    write_table(
        Table(
            {
                "name": names,
                "unit": wells.astype(object),
                "well": wells.astype(object),
                "field": fields.astype(object),
                "frame": frames,
                "image": np.array([f"images/{v}.tif" for v in names], dtype=object),
                "labels": np.array([f"labels/{v}.tif" for v in names], dtype=object),
                "role": np.full(n, "classes", dtype=object),
                "unsure_label": np.full(n, UNCERTAIN),
            }
        ),
        out / "index.csv",
    )
    return "index.csv"
