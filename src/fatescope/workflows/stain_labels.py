"""``fatescope plate labels``: classes of pixels and states of nuclei from the stains of a plate."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import (
    read_field,
    read_labels,
    read_table,
    write_image,
    write_labels,
    write_table,
)
from fatescope.acquire.plates import PlateReading, apply_plate_map, read_plate, read_plate_map
from fatescope.base import Execution, FatescopeError, Finding, InputError, Table
from fatescope.plate import (
    CLASS_NAMES,
    DEAD,
    DOUBTFUL,
    LIVE,
    UNCERTAIN,
    Limits,
    StainedNuclei,
    StainSettings,
    block_threshold,
    cell_area,
    check_limits,
    find_limits,
    find_nuclei,
    measure_diameter,
    paint_classes,
    published_area,
    published_threshold,
    states_of,
    threshold_nuclei,
)
from fatescope.plate.stain_nuclei import gradient
from fatescope.report.stain_labels import LabelRule, LabelSteps, write_stain_labels
from fatescope.run import Run
from fatescope.workflows.driver import Outcome, describe_files, pending, work_through
from fatescope.workflows.plan import Cost, RunPlan, estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import Image, PlateLayout, Progress
    from fatescope.run import Summary

_COST = Cost(cpu_seconds=1.3, memory_mb=180.0, output_mb=2.2, unit_seconds=0.02)
"""By a million pixels of a frame, all channels together."""
_SAMPLES = 12
"""Fields that are looked at for the diameter of nuclei."""
_USUAL_PX = 10.0
_PUBLISHED_BLOCK = 50
_LEAST_AREA = 0.2
"""Smaller pieces, beside the square of a diameter, are specks."""
_SATURATED, _TOP = 0.2, 65_535
_BLURRED = 0.35
"""A frame is blurred if its edges are this share of what is usual on the plate."""
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
class StainField:
    """One field of a stained well, in one of the two stages."""

    well: str
    field: str
    paths: tuple[Path, ...]
    stage: str = ""

    @property
    def stem(self) -> str:
        """Name of its files."""
        return f"{self.well}_s{self.field}"

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return f"{self.stem} {self.stage}".strip()

    def absolute(self) -> StainField:
        """Return the same field for a worker that stands in another folder."""
        return replace(self, paths=tuple(p.absolute() for p in self.paths))

    def __str__(self) -> str:
        return self.stem


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
    diameter = settings.diameter_px or measure_diameter(nuclei) or _USUAL_PX
    found, _ = _nuclei(nuclei, dead, settings, diameter)
    limits = _limits_of(settings, found.dead, found.floor)
    states = states_of(found.dead, limits)
    area = _area(bright_field, settings, diameter)
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
    units = _units(layout)
    with Run.open(out, command="plate labels", settings=asked, fresh=fresh) as run:
        if "diameter_px" not in run.decided():
            run.decide("diameter_px", settings.diameter_px or _diameter(layout, units, settings))
        diameter = float(run.decided()["diameter_px"])
        common: dict[str, Any] = {
            "layout": layout, "settings": settings, "diameter": diameter, "out": run.out
        }  # fmt: skip
        work_through(
            run,
            pending(run, units),
            partial(_find_in_field, **common),
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
                    if (run.out / _nuclei_file(u)).exists()]  # fmt: skip
        work_through(
            stage,
            pending(stage, painting),
            partial(_paint_field, **common, limits=limits, usual_edges=usual),
            execution=execution,
            progress=progress,
        )
        summary = run.finish(findings=passed, workers=execution.workers or 1)
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
    units = _units(layout)
    image = read_field(layout, units[0].well, units[0].field)
    plane = image.size("Y") * image.size("X") / 1e6
    frames = len(layout.frames[:: settings.step])
    sizes = [(plane * frames, plane)] * len(units)
    return estimate("plate labels", sizes, cost=_COST, what="fields", execution=execution)


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
    findings = list(layout.findings)
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


def _units(layout: PlateLayout) -> list[StainField]:
    return [
        StainField(well=w, field=f, paths=tuple(dict.fromkeys(i.path for i in files)))
        for w, fields in layout.images.items()
        for f, files in fields.items()
    ]


def _channels(
    image: Image, layout: PlateLayout, settings: StainSettings, frame: int
) -> dict[str, NDArray[Any]]:
    """Return the three channels of one frame."""
    names = {"nuclei": settings.nuclei, "dead": settings.dead, "bright": settings.bright_field}
    at = {"T": frame} if "T" in image.axes else {}
    z = {"Z": image.size("Z") // 2} if "Z" in image.axes else {}
    return {
        role: image.read(**at, **z, C=image.channels.index(layout.channel(name)))
        for role, name in names.items()
    }


def _diameter(layout: PlateLayout, units: list[StainField], settings: StainSettings) -> float:
    """Return the diameter of nuclei on a plate: the median of fields spread over it."""
    found = []
    for unit in units[:: max(1, len(units) // _SAMPLES)]:
        try:
            image = read_field(layout, unit.well, unit.field)
            found.append(measure_diameter(_channels(image, layout, settings, 0)["nuclei"]))
        except (FatescopeError, OSError):
            continue  # an unreadable field is named when it is its turn
    known = [d for d in found if d is not None]
    return round(float(np.median(known)), 2) if known else _USUAL_PX


def _nuclei(
    nuclei: NDArray[Any], dead: NDArray[Any], settings: StainSettings, diameter: float
) -> tuple[StainedNuclei, tuple[float, float] | None]:
    """Return the nuclei of an image, and its thresholds where the rule has any."""
    if settings.rule == "nuclei":
        return find_nuclei(nuclei, dead, diameter_px=diameter), None
    factor, offset = settings.factor, settings.offset_counts
    if settings.rule == "published":
        block = settings.block_px or _PUBLISHED_BLOCK
        each = [published_threshold(i, block_px=block, factor=factor) for i in (nuclei, dead)]
    else:
        block = settings.block_px or max(4, round(diameter))
        each = [
            block_threshold(i, block_px=block, factor=factor, offset_counts=offset)
            for i in (nuclei, dead)
        ]
    both = (each[0], each[1])
    least = 0.0 if settings.rule == "published" else _LEAST_AREA * diameter**2
    return threshold_nuclei(nuclei, dead, both, least_px=least), both


def _area(
    bright_field: NDArray[Any], settings: StainSettings, diameter: float
) -> NDArray[np.bool_]:
    if settings.rule == "published":
        block = settings.block_px or _PUBLISHED_BLOCK
        return published_area(bright_field, block_px=block, factor=settings.factor)
    return cell_area(bright_field, nucleus_px=diameter)


def _limits_of(
    settings: StainSettings,
    brightness: NDArray[Any],
    floor: float,
    negative: NDArray[Any] | None = None,
    positive: NDArray[Any] | None = None,
) -> Limits:
    given = check_limits(settings.low_counts, settings.high_counts)
    if given is not None:
        return given
    if settings.rule != "nuclei":
        return Limits(low=0.0, high=0.0, source="threshold")
    return find_limits(brightness, floor=floor, negative=negative, positive=positive)


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
    return _limits_of(settings, brightness, floor, groups["negative"], groups["positive"])


def _nuclei_file(unit: StainField) -> str:
    return f"nuclei/{unit.stem}_nuclei.tif"


def _find_in_field(
    unit: StainField, *, layout: PlateLayout, settings: StainSettings, diameter: float, out: Path
) -> Outcome:
    begun = time.perf_counter()
    image = read_field(layout, unit.well, unit.field)
    frames = layout.frames[:: settings.step]
    labels, rows, per_frame = [], [], []
    for frame in frames:
        seen = _channels(image, layout, settings, frame)
        found, thresholds = _nuclei(seen["nuclei"], seen["dead"], settings, diameter)
        labels.append(found.labels)
        rows.append(_nuclei_rows(unit, frame, found))
        per_frame.append((found.floor, _edges(seen["bright"]), thresholds or (None, None)))
    stack = np.stack(labels)
    file = _nuclei_file(unit)
    write_labels(
        out / file,
        stack,
        shape=stack.shape,
        axes="TYX",
        dtype=np.uint16 if stack.max(initial=0) < _TOP else np.uint32,
        spacing=layout.spacing.only("TYX"),
    )
    n = len(frames)
    about = Table(
        {
            **_place(unit, n),
            "frame": np.array(frames),
            "floor": np.array([f for f, _, _ in per_frame]),
            "edges": np.array([e for _, e, _ in per_frame]),
            "nuclei_threshold": np.array([t[0] for *_, t in per_frame], dtype=object),
            "dead_threshold": np.array([t[1] for *_, t in per_frame], dtype=object),
        }
    )
    return Outcome(
        input=describe_files(unit.paths),
        tables={"nuclei": Table.concatenate(rows), "frames": about},
        files=[file],
        seconds={"find": time.perf_counter() - begun},
    )


def _place(unit: StainField, n: int) -> dict[str, NDArray[Any]]:
    return {
        "well": np.full(n, unit.well, dtype=object),
        "field": np.full(n, unit.field, dtype=object),
    }


def _nuclei_rows(unit: StainField, frame: int, found: StainedNuclei) -> Table:
    n = len(found)
    return Table(
        {
            **_place(unit, n),
            "frame": np.full(n, frame),
            "label": np.arange(1, n + 1),
            "y": np.round(found.y, 2),
            "x": np.round(found.x, 2),
            "area_px": found.area,
            "hoechst": np.round(found.hoechst, 2),
            "dead": np.round(found.dead, 4),
        }
    )


def _edges(bright_field: NDArray[Any]) -> float:
    """Return how much stronger the strongest edges are than the usual one; 0 of an even image."""
    magnitude = gradient(bright_field)
    usual = float(np.median(magnitude))
    return float(np.percentile(magnitude, 99)) / usual if usual > 0 else 0.0


@lru_cache(maxsize=1)
def _rows_by_frame(out: Path, stem: str) -> dict[int, NDArray[Any]]:
    """Return the brightness of the nuclei of each frame of a field."""
    table = read_table(out / "nuclei.parquet")
    named = np.array([f"{w}_s{f}" for w, f in zip(table["well"], table["field"], strict=True)])
    mine = table.rows(named == stem) if len(table) else table
    frames = mine["frame"].astype(int) if len(mine) else np.zeros(0, int)
    return {int(k): mine["dead"].astype(float)[frames == k] for k in np.unique(frames)}


def _paint_field(
    unit: StainField,
    *,
    layout: PlateLayout,
    settings: StainSettings,
    diameter: float,
    out: Path,
    limits: Limits,
    usual_edges: float,
) -> Outcome:
    begun = time.perf_counter()
    image = read_field(layout, unit.well, unit.field)
    nuclei = read_labels(out / _nuclei_file(unit))
    brightness = _rows_by_frame(out, unit.stem)
    files: list[str] = []
    findings: list[Finding] = []
    rows: list[dict[str, Any]] = []
    for i, frame in enumerate(layout.frames[:: settings.step]):
        seen = _channels(image, layout, settings, frame)
        labels = nuclei.read(**({"T": i} if "T" in nuclei.axes else {}))
        states = states_of(brightness.get(frame, np.zeros(0)), limits)
        area = _area(seen["bright"], settings, diameter)
        painted = paint_classes(labels, states, area, classes=settings.classes, nucleus_px=diameter)
        fault = _fault(unit, frame, seen, len(states), usual_edges)
        if fault is not None:
            findings.append(fault)
            if fault.rule != "no-nuclei":
                painted[:] = UNCERTAIN
        name = f"{unit.stem}_t{frame:03d}"
        files += [f"images/{name}.tif", f"labels/{name}.tif"]
        bright = seen["bright"]
        write_image(
            out / files[-2], [bright], shape=bright.shape, axes="YX", dtype=bright.dtype,
            spacing=layout.spacing.only("YX"),
        )  # fmt: skip
        write_labels(
            out / files[-1], painted, shape=painted.shape, axes="YX", dtype=np.uint8,
            spacing=layout.spacing.only("YX"),
        )  # fmt: skip
        rows.append(
            {
                "well": unit.well,
                "field": unit.field,
                "frame": frame,
                "n_cells": len(states),
                "n_live": int((states == LIVE).sum()),
                "n_dead": int((states == DEAD).sum()),
                "n_uncertain": int((states == DOUBTFUL).sum()),
                "low_counts": round(limits.low, 3),
                "high_counts": round(limits.high, 3),
                "area_share": round(float(area.mean()), 4),
                "uncertain_share": round(float((painted == UNCERTAIN).mean()), 4),
                "state": fault.rule if fault is not None else "labelled",
            }
        )
    return Outcome(
        tables={"counts": Table.from_rows(rows, list(rows[0]))},
        findings=findings,
        files=files,
        seconds={"paint": time.perf_counter() - begun},
    )


def _fault(
    unit: StainField,
    frame: int,
    seen: dict[str, NDArray[Any]],
    n: int,
    usual_edges: float,
) -> Finding | None:
    """Return why a frame is not to be learnt from, or that it holds no nucleus."""
    bright = seen["bright"]

    def found(rule: str, value: float, limit: float, reason: str) -> Finding:
        return Finding(
            file=str(unit), frame=frame, rule=rule, severity="warning", value=round(value, 4),
            limit=limit, reason=reason,
        )  # fmt: skip

    if any(float(np.ptp(p)) == 0 for p in seen.values()):
        return found("constant", 0.0, 0.0, f"frame {frame} has a channel of one value; all of "
                     "it is uncertain.")  # fmt: skip
    full = max(float((p >= np.iinfo(p.dtype).max).mean()) if p.dtype.kind == "u" else 0.0
               for p in seen.values())  # fmt: skip
    if full > _SATURATED:
        return found("saturated", full, _SATURATED, f"frame {frame} is saturated in "
                     f"{full:.0%} of a channel; all of it is uncertain.")  # fmt: skip
    edges = _edges(bright) / max(usual_edges, 1e-9)
    if n and edges < _BLURRED:
        return found("blurred", edges, _BLURRED, f"frame {frame} has edges of {edges:.0%} of "
                     "what is usual (out of focus); all of it is uncertain.")  # fmt: skip
    if not n:
        return found("no-nuclei", 0.0, 1.0, f"frame {frame} shows no nucleus.")
    return None


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
        seen = _channels(read_field(layout, unit.well, unit.field), layout, settings, frames[at])
        nuclei = read_labels(out / _nuclei_file(unit))
        area = _area(seen["bright"], settings, diameter)
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
