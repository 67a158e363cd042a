"""``fatescope plate stitch``: the fields of every well to one image."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import check_film, check_left_out, gauged, read_table, write_image
from fatescope.acquire.plates import (
    POSITIONS,
    PlateReading,
    read_field,
    read_plate,
    stage_position_um,
)
from fatescope.base import Execution, Finding, InputError, Table, WorkUnit
from fatescope.base.wells import parse_well
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.plate import (
    StitchSettings,
    blend_fields,
    canvas_shape,
    choose_fields,
    estimate_flat_field,
    even_light,
    grid_places,
    grid_size,
    measure_drift,
    nominal_positions,
    place_by_stage,
    place_fields,
)
from fatescope.systems.plates.stitching_page import write_seams, write_stitching

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, Image, PlateLayout, Progress
    from fatescope.engine import Summary
    from fatescope.plate import Placement


_COST = Cost(cpu_seconds=0.14, memory_mb=60.0, output_mb=1.3, unit_seconds=0.2)
"""By a million pixels of all fields, channels and frames of a well; memory by one plane of it."""

Stage = dict[tuple[str, str], tuple[float, float]]
"""Well (empty: every well) and field, and y and x of its upper left pixel, px."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WellUnit(WorkUnit):
    """One well of a plate: what is stitched or not stitched as a whole."""

    key: str
    paths: tuple[Path, ...]


def stitch_plate(
    folder: Path | str,
    *,
    out: Path | str,
    settings: StitchSettings | None = None,
    reading: PlateReading | None = None,
    execution: Execution | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Stitch the fields of each well of a plate.

    Parameters
    ----------
    folder : path
        Of the plate, or a file of positions; see `read_plate`.
    out : path
        Takes ``images/`` with one OME-TIFF a well, ``seams/``, the tables ``positions``,
        ``edges`` and ``drift``, and ``report.html``.
    settings : StitchSettings, optional
    reading : PlateReading, optional
    execution, progress, fresh

    Raises
    ------
    InputError, FileFormatError
        If the folder is no plate.
    """
    settings, reading = settings or StitchSettings(), reading or PlateReading()
    layout = read_plate(Path(folder).absolute(), reading)
    stage = {} if settings.positions is None else read_stage(settings.positions)
    units = [
        WellUnit(key=w, paths=tuple(dict.fromkeys(i.path for f in fields.values() for i in f)))
        for w, fields in layout.images.items()
    ]
    asked = {**settings.model_dump(mode="json"), **reading.model_dump(mode="json")}
    with Run.open(out, command="plate stitch", settings=asked, fresh=fresh) as run:
        job = partial(stitch_well, layout=layout, stage=stage, out=run.out, settings=settings)
        todo = pending(run, units)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        summary = run.finish(findings=layout.findings)
        if summary.units_done:
            run.wrote(write_stitching(run.out))
            return run.finish(findings=layout.findings)
        return summary


def plan_stitch_plate(
    folder: Path | str,
    *,
    reading: PlateReading | None = None,
    execution: Execution | None = None,
) -> RunPlan:
    """Say what `stitch_plate` would cost, without doing or writing anything.

    Raises
    ------
    InputError, FileFormatError
        As `stitch_plate`.
    """
    layout = read_plate(Path(folder).absolute(), reading or PlateReading())
    well = next(iter(layout.images))
    image = read_field(layout, well, next(iter(layout.images[well])))
    plane = image.size("Y") * image.size("X") / 1e6
    sizes = []
    for fields in layout.images.values():
        seen = {(n, c, t) for n, files in fields.items() for f in files
                for c in f.channels for t in f.frames}  # fmt: skip
        sizes.append((plane * len(seen), plane * len(fields)))
    return estimate(
        "plate stitch", sizes, cost=_COST, what="wells", execution=execution or Execution()
    )


def read_stage(path: Path) -> Stage:
    """Read where the stage stood, in px: columns ``field, y_px, x_px`` and optionally ``well``.

    Raises `InputError` if a column is missing. Raises `FileFormatError` if the table cannot be
    read.
    """
    table = read_table(path)
    wells = table["well"] if "well" in table else np.full(len(table), "", dtype=object)
    names = [
        (parse_well(str(w)) if w else "", _plain(str(f)))
        for w, f in zip(wells, table["field"], strict=True)
    ]
    places = np.column_stack([table["y_px"], table["x_px"]]).astype(np.float64)
    return {n: (float(y), float(x)) for n, (y, x) in zip(names, places, strict=True)}


def _plain(field: str) -> str:
    """Return the name of a field without leading zeros, which tables lose."""
    return str(int(field)) if field.isdecimal() else field


def stitch_well(
    unit: WellUnit, *, layout: PlateLayout, stage: Stage, out: Path, settings: StitchSettings
) -> Outcome:
    """Do one unit: place the fields of a well, write its image, and say how sure each place is."""
    begun = time.perf_counter()
    well = unit.key
    images = {f: gauged(read_field(layout, well, f)) for f in layout.images[well]}
    fields = list(images)
    prior = prior_positions(layout, well, stage, settings)
    channels = layout.channels
    wanted = channels[0] if settings.channel is None else layout.channel(settings.channel)
    reader = _Reader(layout, well, images)
    first = layout.frames[0]
    plane = layout.planes[len(layout.planes) // 2] if layout.planes else 0
    seen = reader.read(first, wanted, plane)
    if len(seen) != len(fields):
        lost = next(f for f in fields if f not in seen)
        raise InputError(f"well {well}, field {lost}: channel {wanted} has no first frame.")
    flats = {c: _flat(reader.read(first, c, plane), settings) for c in channels}
    even = [_even(seen[f], flats[wanted], settings) for f in fields]
    placement = _placed(layout, stage)(even, prior, settings)
    chosen = [fields[i] for i in choose_fields(even, settings.drift_fields)]
    drift = _drift(reader, chosen, wanted, plane, layout.frames)
    shape = even[0].shape[0], even[0].shape[1]
    canvas = canvas_shape(placement.positions, shape)
    path = out / "images" / f"{well}.tif"
    _write(path, reader, placement, drift, flats, canvas, settings)
    seams = out / "seams" / f"{well}.png"
    write_seams(seams, *_halves(even, placement, prior, shape, canvas))
    return Outcome(
        input=describe_files(unit.paths),
        tables={
            "positions": positions_table(well, fields, placement),
            "edges": edges_table(well, fields, placement),
            "drift": _drift_table(well, layout.frames, drift),
        },
        findings=[
            *(f for image in images.values() for f in check_left_out(image)),
            *placement_findings(well, fields, placement),
            *(finding for image in images.values() for finding in check_film(image)),
        ],
        files=[path, seams],
        seconds={"stitch": time.perf_counter() - begun},
    )


def place_well(
    layout: PlateLayout, well: str, *, channel: str, stage: Stage, settings: StitchSettings
) -> tuple[list[str], Placement]:
    """Say where the fields of a well lie, from the first frame of a channel; nothing is written.

    Raises `InputError` if a field has no such frame, or a table of positions lacks a field.
    """
    images = {f: read_field(layout, well, f) for f in layout.images[well]}
    plane = layout.planes[len(layout.planes) // 2] if layout.planes else 0
    seen = _Reader(layout, well, images).read(layout.frames[0], channel, plane)
    lost = [f for f in images if f not in seen]
    if lost:
        raise InputError(f"well {well}, field {lost[0]}: channel {channel} has no first frame.")
    flat = _flat(seen, settings)
    even = [_even(seen[f], flat, settings) for f in images]
    prior = prior_positions(layout, well, stage, settings)
    return list(images), _placed(layout, stage)(even, prior, settings)


def _placed(
    layout: PlateLayout, stage: Stage
) -> Callable[[Sequence[NDArray[Any]], FloatArray, StitchSettings], Placement]:
    """Return how fields are placed: a recorded stage may be turned against the camera."""
    return place_by_stage if layout.format == POSITIONS and not stage else place_fields


def prior_positions(
    layout: PlateLayout, well: str, stage: Stage, settings: StitchSettings
) -> FloatArray:
    """Return where the stage has the fields of a well, in px.

    As the user's table says, else as the plate records it, else by the grid, which is that of the
    plate: a well that lacks fields keeps its places empty.

    Raises `InputError` if the user's table lacks a field, or the fields fill no grid.
    """
    fields = list(layout.images[well])
    if stage:
        given = [stage.get((well, _plain(f)), stage.get(("", _plain(f)))) for f in fields]
        lost = [f for f, place in zip(fields, given, strict=True) if place is None]
        if lost:
            raise InputError(
                f"{settings.positions}: has no position of well {well}, field {lost[0]}. Add it."
            )
        return np.array([place for place in given if place is not None])
    step = {a: layout.spacing.steps.get(a) for a in "YX"}
    recorded = [stage_position_um(layout, well, f) for f in fields]
    if all(s is not None for s in recorded) and all(s is not None for s in step.values()):
        size = np.array([s.value for s in step.values() if s is not None])
        places = np.array([s for s in recorded if s is not None]) / size
        if len(fields) == 1 or np.ptp(places, axis=0).max() > 1:
            return np.asarray(places - places.min(axis=0))
    most = max(layout.images.values(), key=len)
    names = list(most) if set(fields) <= set(most) else fields
    rows, columns = grid_size(len(names), rows=settings.rows, columns=settings.columns)
    grid = grid_places(rows, columns, order=settings.order)[[names.index(f) for f in fields]]
    image = read_field(layout, well, fields[0])
    shape = image.size("Y"), image.size("X")
    return nominal_positions(grid, shape=shape, overlap=settings.overlap)


class _Reader:
    """The fields of a well, plane by plane; what the disk lacks is left out."""

    def __init__(self, layout: PlateLayout, well: str, images: dict[str, Image]) -> None:
        self.layout, self.well, self.images = layout, well, images

    def read(
        self, frame: int, channel: str, plane: int, fields: Sequence[str] = ()
    ) -> dict[str, NDArray[Any]]:
        found = {}
        for name in fields or self.images:
            image = self.images[name]
            z = plane if self.layout.planes else -1
            at = {"frame": frame, "channel": channel, "plane": z}
            if self.layout.find(self.well, name, **at) is not None:  # type: ignore[arg-type]
                c = image.channels.index(channel) if image.channels else 0
                found[name] = image.read(T=frame, C=c, Z=max(z, 0))
        return found


def _flat(fields: dict[str, NDArray[Any]], settings: StitchSettings) -> FloatArray | None:
    if not fields:
        return None
    return estimate_flat_field(fields.values(), offset_counts=settings.offset_counts)


def _even(field: NDArray[Any], flat: FloatArray | None, settings: StitchSettings) -> NDArray[Any]:
    if flat is None:
        return field
    return even_light(field, flat, offset_counts=settings.offset_counts)


def _drift(
    reader: _Reader, fields: Sequence[str], channel: str, plane: int, frames: Sequence[int]
) -> FloatArray:
    """Return the drift of each frame since the first one that is there, shape (frames, 2)."""
    total, rows = np.zeros(2), [np.zeros(2)]
    before = reader.read(frames[0], channel, plane, fields)
    for frame in frames[1:]:
        after = reader.read(frame, channel, plane, fields)
        both = [f for f in after if f in before]
        if both:
            total = total + measure_drift([before[f] for f in both], [after[f] for f in both])
        before = after or before
        rows.append(total)
    return np.array(rows)


def _write(
    path: Path,
    reader: _Reader,
    placement: Placement,
    drift: FloatArray,
    flats: dict[str, FloatArray | None],
    canvas: tuple[int, int],
    settings: StitchSettings,
) -> None:
    layout, names = reader.layout, list(reader.images)
    some = next(iter(reader.images.values()))
    kind = np.dtype(some.dtype) if some.dtype in (np.uint8, np.uint16) else np.dtype(np.float32)
    planes = layout.planes or (0,)

    def every() -> Iterator[NDArray[Any]]:
        for moved, frame in zip(drift, layout.frames, strict=True):
            for channel in layout.channels:
                for plane in planes:
                    there = reader.read(frame, channel, plane)
                    rows = [i for i, n in enumerate(names) if n in there]
                    yield blend_fields(
                        (_even(there[names[i]], flats[channel], settings) for i in rows),
                        placement.positions[rows] - moved,
                        canvas,
                        dtype=kind,
                    )

    sizes = {"T": len(layout.frames), "C": len(layout.channels), "Z": len(planes)}
    axes = "".join(a for a, n in sizes.items() if n > 1) + "YX"
    write_image(
        path,
        every(),
        shape=(*(n for n in sizes.values() if n > 1), *canvas),
        axes=axes,
        dtype=kind,
        spacing=layout.spacing.only(axes),
        channels=layout.channels if len(layout.channels) > 1 else (),
    )


def _halves(
    even: Sequence[NDArray[Any]],
    placement: Placement,
    prior: FloatArray,
    shape: tuple[int, int],
    canvas: tuple[int, int],
) -> list[NDArray[Any]]:
    """Return the image of every second field, as on a chessboard, and that of the others."""
    colour = np.rint(2 * prior / np.array(shape)).astype(int)
    rows = [np.unique(colour[:, axis], return_inverse=True)[1] for axis in range(2)]
    odd = (rows[0] + rows[1]) % 2 == 1
    return [
        blend_fields(
            [f for f, mine in zip(even, half, strict=True) if mine],
            placement.positions[half],
            canvas,
            dtype=np.dtype(np.float32),
        )
        for half in (~odd, odd)
    ]


def positions_table(well: str, fields: Sequence[str], placement: Placement) -> Table:
    """Return ``well, field, y_px, x_px, placed``."""
    return Table(
        {
            "well": np.full(len(fields), well, dtype=object),
            "field": np.array(fields, dtype=object),
            "y_px": placement.positions[:, 0].round(3),
            "x_px": placement.positions[:, 1].round(3),
            "placed": placement.placed.astype(np.int64),
        }
    )


def edges_table(well: str, fields: Sequence[str], placement: Placement) -> Table:
    """Return ``well, a, b, dy, dx, quality, residual_px, used``."""
    names = np.array(fields, dtype=object)
    return Table(
        {
            "well": np.full(len(placement.pairs), well, dtype=object),
            "a": names[placement.pairs[:, 0]],
            "b": names[placement.pairs[:, 1]],
            "dy": placement.shifts[:, 0].round(3),
            "dx": placement.shifts[:, 1].round(3),
            "quality": placement.quality.round(4),
            "residual_px": placement.residual_px.round(3),
            "used": placement.used.astype(np.int64),
        }
    )


def _drift_table(well: str, frames: Sequence[int], drift: FloatArray) -> Table:
    return Table(
        {
            "well": np.full(len(frames), well, dtype=object),
            "frame": np.array(frames, dtype=np.int64),
            "dy": drift[:, 0].round(3),
            "dx": drift[:, 1].round(3),
        }
    )


def placement_findings(well: str, fields: Sequence[str], placement: Placement) -> list[Finding]:
    """Name the fields of a well that no overlap ties to the others."""
    lost = [f for f, placed in zip(fields, placement.placed, strict=True) if not placed]
    if not lost or len(fields) == 1:
        return []
    named = ", ".join(lost[:8]) + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")
    return [
        Finding(
            file=well,
            rule="unplaced",
            severity="warning",
            value=float(len(lost)),
            limit=0.0,
            reason=(
                f"{len(lost)} of {len(fields)} fields ({named}) have no overlap that ties them to "
                "the others; they lie where the stage says. Cells at their seams may be doubled."
            ),
        )
    ]
