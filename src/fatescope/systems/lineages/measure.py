"""``lineage measure``: the light of every nucleus of a lineage in every channel of its movie."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import find_images, read_image, write_table
from fatescope.acquire.lineages import LineageReading, write_lineage
from fatescope.acquire.lineages.scale import with_radius
from fatescope.base import (
    Execution,
    Finding,
    Image,
    InputError,
    Lineage,
    Progress,
    Table,
    WorkUnit,
    escape,
)
from fatescope.engine import Run
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.engine.in_memory import as_image
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.measurement import measure_spots
from fatescope.systems.lineages.measure_page import cell_rows, curve_rows, write_expression_page
from fatescope.systems.lineages.reading import one_table, read, record_reading, the_only
from fatescope.systems.lineages.settings import ExpressionSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.acquire import ImageFile
    from fatescope.acquire.lineages import LineageFile
    from fatescope.base.types import FloatArray
    from fatescope.engine import Summary
    from fatescope.engine.in_memory import ImageLike

_COST = Cost(cpu_seconds=0.1, memory_mb=30.0, output_mb=0.02, unit_seconds=0.03, unit_mb=0.01)
"""By a million voxels of all channels of a volume."""
_LIGHT = ("nucleus", "shell", "background", "corrected")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Volume(WorkUnit):
    """A time point of a movie with its rows of the table; a unit of `measure_lineages`."""

    movie: ImageFile
    table: LineageFile
    frame: int

    @property
    def key(self) -> str:
        return f"{self.table.key}_t{self.frame:04d}"

    @property
    def paths(self) -> tuple[Path, ...]:
        return (*self.movie.paths, *self.table.paths)

    def __str__(self) -> str:
        return f"{self.movie}, frame {self.frame}"


def measure_lineages(
    movie: Path | str,
    table: Path | str,
    *,
    out: Path | str,
    settings: ExpressionSettings | None = None,
    reading: LineageReading | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Measure every nucleus of a lineage in every channel; what ``lineage measure`` does.

    Parameters
    ----------
    movie : path
        Volumes or planes over time, with any channels; it is read one time point after the other.
    table : path
        The lineage of that movie in any format, in its pixels and frames.
    out : path
        Gets ``expression.csv`` (``table, frame, id, name, channel, nucleus, shell, background,
        corrected, n_px``), ``cells.csv``, ``curves.csv``, ``measured/``, ``findings.csv``,
        ``run.json`` and ``report.html``. The same call again continues by time point.
    settings : ExpressionSettings, optional
    reading : LineageReading, optional
    execution : Execution, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Raises
    ------
    InputError, FileFormatError, RunError
        When nothing can be done, such as without a scale, a radius, or a frame in common.

    Examples
    --------
    >>> measure_lineages("embryo.tif", "results/spots.csv", out="measured")  # doctest: +SKIP
    """
    settings, reading = settings or ExpressionSettings(), reading or LineageReading()
    units, image, lineage, odd = _volumes(movie, table, settings, reading)
    asked = {**settings.model_dump(mode="json"), **record_reading(reading)}
    with Run.open(out, command="lineage measure", settings=asked, fresh=fresh) as run:
        todo = pending(run, units)
        job = partial(
            _measure_volume,
            described=describe_files(units[0].paths) if todo else {},
            lineage=lineage,
            settings=settings,
            reading=reading,
        )
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        rows = run.rows("expression")
        findings = [*odd, *_left_out(lineage, image, rows)]
        if len(rows):
            key = units[0].table.key
            tables = {"cells": cell_rows(rows, lineage), "curves": curve_rows(rows, lineage)}
            for name, values in tables.items():
                write_table(values, run.out / f"{name}.csv")
                run.wrote(f"{name}.csv")
            run.wrote(*_write_measured(run.out, key, lineage, rows, run.rows("reporters")))
            run.finish(findings=findings)
            run.wrote(write_expression_page(run.out, tables, settings))
        return run.finish(findings=findings)


def plan_measure(
    movie: Path | str,
    table: Path | str,
    *,
    settings: ExpressionSettings | None = None,
    reading: LineageReading | None = None,
    execution: Execution,
) -> RunPlan:
    """Say what `measure_lineages` would do, without doing or writing anything.

    Raises
    ------
    InputError, FileFormatError
        If there is no movie, or no table, or they do not fit.
    """
    settings, reading = settings or ExpressionSettings(), reading or LineageReading()
    units, image, _, _ = _volumes(movie, table, settings, reading)
    size = float(np.prod([image.size(a) for a in "CZYX"])) / 1e6
    return estimate(
        "lineage measure",
        [(size, size)] * len(units),
        cost=_COST,
        what="volumes",
        execution=execution,
    )


def measure_lineage(
    movie: ImageLike,
    lineage: Lineage,
    *,
    axes: str | None = None,
    spacing_um: Sequence[float] | None = None,
    settings: ExpressionSettings | None = None,
) -> Table:
    """Measure every nucleus of a lineage in every channel of its movie; nothing is written.

    Parameters
    ----------
    movie : Image, array-like or path
    lineage : Lineage
        In pixels and frames of the movie.
    axes, spacing_um
        See `as_image`.
    settings : ExpressionSettings, optional

    Returns
    -------
    Table
        The rows of ``expression.csv``, NaN where something cannot be measured.

    Raises
    ------
    InputError
        If scale or radius are unknown, or no frame is in both.

    Examples
    --------
    >>> measure_lineage("embryo.tif", fs.read_lineage("spots.csv"))["corrected"]  # doctest: +SKIP
    """
    settings = settings or ExpressionSettings()
    image = as_image(movie, axes=axes, spacing_um=spacing_um)
    placed = _on_grid(lineage, image, settings)
    key = Path(str(lineage.metadata.get("source", "lineage"))).stem
    frames = np.unique(placed.frame).tolist()
    parts = [_expression(image, placed, int(t), key, settings)["expression"] for t in frames]
    return Table.concatenate(parts)


def _volumes(
    movie: Path | str, table: Path | str, settings: ExpressionSettings, reading: LineageReading
) -> tuple[list[_Volume], Image, Lineage, list[Finding]]:
    """Return the time points of a table, its movie, its lineage on that, and what was odd."""
    movies = find_images([movie], sequence=settings.sequence)
    several = "images. Give one movie, or --sequence if they are its time points."
    images, lineages = the_only(movies, movie, several), one_table(table)
    got = read(lineages, reading)
    image = _opened(images, settings, reading)
    lineage = _on_grid(got.lineage, image, settings)
    frames = np.unique(lineage.frame).tolist()
    units = [_Volume(movie=images, table=lineages, frame=int(t)) for t in frames]
    return units, image, lineage, got.findings


def _opened(file: ImageFile, settings: ExpressionSettings, reading: LineageReading) -> Image:
    image = read_image(file, axes=settings.axes)
    return image.with_scale(spacing_um=reading.spacing_um, interval_min=reading.interval_min)


def _on_grid(lineage: Lineage, image: Image, settings: ExpressionSettings) -> Lineage:
    """Return a lineage with the scale of its movie and with radii, or say what is missing."""
    scaled = with_radius(replace(lineage, spacing=lineage.spacing.replaced_by(image.spacing)))
    name = escape(image.name)
    steps = scaled.spacing.um("ZYX" if "Z" in image.axes else "YX")
    if steps is None:
        raise InputError(
            f"{name}: neither the movie nor the table says how far pixels and planes are apart. "
            "Give --spacing-um Z,Y,X."
        )
    if not len(scaled) or not ((scaled.frame >= 0) & (scaled.frame < image.size("T"))).any():
        raise InputError(
            f"{name}: has {image.size('T')} frames, and the table has no nucleus in any of them. "
            "Give the movie that the table was made from."
        )
    if settings.radius_um is not None:
        radius = np.full(len(scaled), settings.radius_um / steps[-1])
        scaled = replace(scaled, radius_px=radius)
    if not np.isfinite(scaled.radius_px).any():
        raise InputError("the table says no radius of its nuclei. Give --radius-um.")
    return scaled


def _measure_volume(
    unit: _Volume,
    *,
    described: Mapping[str, Any],
    lineage: Lineage,
    settings: ExpressionSettings,
    reading: LineageReading,
) -> Outcome:
    begun = time.perf_counter()
    image = _opened(unit.movie, settings, reading)
    return Outcome(
        input=described,
        tables=_expression(image, lineage, unit.frame, unit.table.key, settings),
        seconds={"measure": time.perf_counter() - begun},
    )


def _expression(
    image: Image, lineage: Lineage, frame: int, key: str, settings: ExpressionSettings
) -> dict[str, Table]:
    """Measure one time point: rows of expression.csv, and EPIC's columns where they are wanted."""
    row = np.flatnonzero(lineage.frame == frame)
    channels = image.channels or tuple(map(str, range(image.size("C"))))
    c, n = len(channels), len(row)
    light = {name: np.full((c, n), np.nan) for name in (*_LIGHT, "ring", "global")}
    n_px = np.zeros(n, dtype=np.int64)
    if 0 <= frame < image.size("T"):
        light, n_px = _light(image, lineage, row, frame, settings)
    ids = lineage.extra["id"] if "id" in lineage.extra else np.arange(len(lineage))
    columns: dict[str, np.ndarray] = {
        "table": np.full(c * n, key, dtype=object),
        "frame": np.full(c * n, frame),
        "id": np.tile(ids[row], c),
        "name": np.tile(lineage.name[row], c),
        "channel": np.repeat(np.array(channels, dtype=object), n),
    }
    measured = {name: np.round(light[name], 4).ravel() for name in _LIGHT}
    tables = {"expression": Table({**columns, **measured, "n_px": np.tile(n_px, c)})}
    if settings.columns == "epic":
        raw = light["nucleus"]
        older = {
            "none": raw,
            "global": raw - light["global"],
            "local": raw - light["shell"],
            "blot": raw - light["ring"],
        }
        rounded = {name: np.round(v, 2).ravel() for name, v in older.items()}
        tables["reporters"] = Table({**columns, **rounded})
    return tables


def _light(
    image: Image, lineage: Lineage, row: np.ndarray, frame: int, settings: ExpressionSettings
) -> tuple[dict[str, FloatArray], np.ndarray]:
    pixels = image.read(T=frame)
    pixels = pixels.reshape([image.size(a) for a in "CZYX"])
    solid = "Z" in image.axes
    steps = lineage.spacing.um("ZYX" if solid else "YX") or (1.0,)
    steps = steps if solid else (steps[-1], *steps)
    centre = lineage.position[row] * (1.0, 1.0, 1.0) if solid else _flat(lineage.position[row])
    found = measure_spots(
        pixels,
        centre,
        lineage.radius_px[row] * steps[-1],
        steps,
        core=settings.core,
        inner=settings.ring_from,
        outer=max(settings.ring_to, settings.ring_from),
    )
    outside = np.where(np.isfinite(found.nucleus), found.outside[:, None], np.nan)
    taken = {"ring": found.ring, "global": outside, "none": np.zeros_like(outside)}
    background = np.where(np.isfinite(found.nucleus), taken[settings.background], np.nan)
    depth = centre[:, 0] if settings.depth_from == "first" else len(pixels[0]) - 1 - centre[:, 0]
    passed = np.exp(-settings.depth_loss * depth * steps[0])
    light = {
        "nucleus": found.nucleus,
        "shell": found.shell,
        "background": background,
        "corrected": (found.nucleus - background) / passed,
        "ring": found.ring,
        "global": outside,
    }
    return light, found.n_px


def _flat(position: FloatArray) -> FloatArray:
    return np.asarray(position * (0.0, 1.0, 1.0))


def _left_out(lineage: Lineage, image: Image, rows: Table) -> list[Finding]:
    """Say what could not be measured, and of what the table knows nothing."""
    shape = np.array([image.size(a) for a in "ZYX"])
    at = np.round(lineage.position if "Z" in image.axes else _flat(lineage.position))
    in_time = (lineage.frame >= 0) & (lineage.frame < image.size("T"))
    beside = in_time & ~((at >= 0) & (at < shape)).all(axis=1)
    no_radius = in_time & ~beside & ~np.isfinite(lineage.radius_px)
    empty = np.setdiff1d(np.arange(image.size("T")), lineage.frame)
    bare = 0
    if len(rows):
        known = np.isfinite(rows["nucleus"]) & ~np.isfinite(rows["corrected"])
        bare = int(known.sum())
    said = (
        ((~in_time).sum(), "nuclei lie in frames that the movie does not have; they are empty"),
        (beside.sum(), "nuclei lie outside the image; they are empty"),
        (no_radius.sum(), "nuclei have no radius; they are empty. Give --radius-um"),
        (bare, "measurements have no background: neighbours or the edge leave no ring"),
    )
    found = [
        Finding(
            file=image.name,
            rule="left-out",
            severity="warning",
            value=float(n),
            reason=f"{n} {what}.",
        )
        for n, what in said
        if n
    ]
    if len(empty):
        reason = f"{len(empty)} frames of the movie have no nucleus in the table."
        found.append(Finding(file=image.name, rule="left-out", severity="info", reason=reason))
    return found


def _write_measured(
    out: Path, key: str, lineage: Lineage, rows: Table, reporters: Table
) -> list[Path]:
    """Write the lineage with its brightness as columns, for `lineage compare` and older scripts."""
    folder = out / "measured"
    (folder / key).parent.mkdir(parents=True, exist_ok=True)
    # Rows stand in expression.csv by frame, and within a frame and channel as in the table.
    order = np.argsort(lineage.frame, kind="stable")
    channels = list(dict.fromkeys(rows["channel"].tolist()))

    def column(table: Table, channel: str, name: str) -> np.ndarray:
        values = np.full(len(lineage), np.nan)
        mine = table.rows(table["channel"] == channel)
        frames = np.unique(mine["frame"].astype(np.int64))
        values[order[np.isin(lineage.frame[order], frames)]] = mine[name].astype(float)
        return values

    if not len(reporters):
        extra = {f"expression_{c}": column(rows, c, "corrected") for c in channels}
        whole = replace(lineage, extra=lineage.extra.with_columns(extra))
        return [write_lineage(whole, folder / f"{key}.csv", format="csv")]
    written = []
    for channel in channels:
        names = ("none", "global", "local", "blot")
        extra = {name: column(reporters, channel, name) for name in names}
        metadata = {k: v for k, v in lineage.metadata.items() if k != "columns"}
        whole = replace(lineage, extra=Table(extra), metadata=metadata)
        path = folder / f"CD{key}_{channel}.csv"
        written.append(write_lineage(whole, path, format="epic"))
    return written
