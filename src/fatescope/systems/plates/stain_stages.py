"""The two stages of ``plate labels`` for a field: nuclei are found, and classes painted."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import (
    check_left_out,
    check_pixels,
    gauged,
    read_field,
    read_labels,
    read_table,
    write_image,
    write_labels,
)
from fatescope.base import Finding, Table
from fatescope.engine.driver import Outcome, describe_files
from fatescope.plate import (
    DEAD,
    DOUBTFUL,
    LIVE,
    UNCERTAIN,
    Limits,
    StainedNuclei,
    StainSettings,
    paint_classes,
    states_of,
)
from fatescope.plate.stain_nuclei import gradient
from fatescope.systems.plates.stain_fields import (
    StainField,
    area_of,
    channels_of,
    nuclei_file,
    nuclei_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import PlateLayout

_SATURATED, _TOP = 0.2, 65_535
_BLURRED = 0.35
"""A frame is blurred if its edges are this share of what is usual on the plate."""


def find_in_field(
    unit: StainField, *, layout: PlateLayout, settings: StainSettings, diameter: float, out: Path
) -> Outcome:
    """Do one unit of the first stage: the nuclei of a field, and how bright they are."""
    begun = time.perf_counter()
    image = read_field(layout, unit.well, unit.field)
    frames = layout.frames[:: settings.step]
    labels, rows, per_frame = [], [], []
    for frame in frames:
        seen = channels_of(image, layout, settings, frame)
        found, thresholds = nuclei_of(seen["nuclei"], seen["dead"], settings, diameter)
        labels.append(found.labels)
        rows.append(_nuclei_rows(unit, frame, found))
        per_frame.append((found.floor, _edges(seen["bright"]), thresholds or (None, None)))
    stack = np.stack(labels)
    file = nuclei_file(unit)
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


def paint_field(
    unit: StainField,
    *,
    layout: PlateLayout,
    settings: StainSettings,
    diameter: float,
    out: Path,
    limits: Limits,
    usual_edges: float,
) -> Outcome:
    """Do one unit of the second stage: classes at the pixels of a field, and what is odd."""
    begun = time.perf_counter()
    image = gauged(replace(read_field(layout, unit.well, unit.field), name=str(unit)))
    nuclei = read_labels(out / nuclei_file(unit))
    brightness = _rows_by_frame(out, unit.stem)
    files: list[str] = []
    findings: list[Finding] = []
    rows: list[dict[str, Any]] = []
    for i, frame in enumerate(layout.frames[:: settings.step]):
        seen = channels_of(image, layout, settings, frame)
        labels = nuclei.read(**({"T": i} if "T" in nuclei.axes else {}))
        states = states_of(brightness.get(frame, np.zeros(0)), limits)
        area = area_of(seen["bright"], settings, diameter)
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
    known = {(f.frame, f.rule) for f in findings}  # with more severe limits, for training
    findings += check_left_out(image)
    findings += [f for f in check_pixels(image) if (f.frame, f.rule) not in known]
    return Outcome(
        tables={"counts": Table.from_rows(rows)},
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
    """Return why a frame is not for training, or that it holds no nucleus."""
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
