"""Rendered embryos as files: volumes at chosen stages, with their truth beside them."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_image, write_labels
from fatescope.base import InputError, Spacing
from fatescope.engine.driver import Outcome, describe_files
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.simulate.embryo import EmbryoScene, count_founders, vary_volume
from fatescope.simulate.embryo.settings import LineageSettings, VolumeSettings
from fatescope.systems.simulation.rendered import Rendered, Scenes, read_or_draw, render_files

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import Execution, Progress
    from fatescope.engine import Summary
    from fatescope.simulate.embryo import Lives

_COST = Cost(cpu_seconds=0.12, memory_mb=45.0, output_mb=0.6, unit_seconds=0.3, unit_mb=0.05)
"""By a million voxels of one channel."""


def write_embryo_volumes(
    out: Path,
    settings: VolumeSettings,
    lineage: LineageSettings,
    *,
    table: Path | None = None,
    seed: int,
    execution: Execution,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Render volumes of embryos into a folder, one file at a time.

    ``out`` gets ``images/embryo_000_t0000.tif`` and so on (OME-TIFF, CZYX, 8 bit),
    ``truth/labels/`` with a folder for each channel (``nuclei``; ``membrane``: whole cells) and
    the same names, ``truth/spots.csv``, ``truth/populations.csv`` and ``run.json``. The same seed
    and settings give the same bytes; a larger ``count`` adds embryos. ``lineage`` is of embryos
    drawn from the atlas, not of a ``table``. A stage that the lineage does not reach costs its
    volume, and nothing else.
    """
    return render_files(
        "simulate embryo",
        _volumes(settings, table),
        _render_volume,
        Scenes(settings=settings, lineage=lineage, table=table, seed=seed),
        out=out,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def plan_embryo_volumes(settings: VolumeSettings, *, execution: Execution) -> RunPlan:
    """Say what `write_embryo_volumes` would cost."""
    megavoxels = settings.planes * settings.height * settings.width / 1e6
    size = megavoxels * len(settings.channels)
    n = settings.count * len(settings.frames or settings.cells)
    return estimate(
        "simulate embryo",
        [(size, megavoxels)] * n,
        cost=_COST,
        what="volumes",
        execution=execution,
    )


def _volumes(settings: VolumeSettings, table: Path | None) -> list[Rendered]:
    stages = range(len(settings.frames or settings.cells))
    return [Rendered(e, table, stage=s) for e in range(settings.count) for s in stages]


@lru_cache(maxsize=1)
def _scene(
    embryo: int,
    table: Path | None,
    settings: VolumeSettings,
    lineage: LineageSettings,
    seed: int,
) -> EmbryoScene:
    own = seed * 10_000 + embryo
    lives = read_or_draw(lineage, table=table, seed=own)
    return EmbryoScene(lives, vary_volume(settings, seed=own), seed=own)


def _render_volume(unit: Rendered, *, out: Path, scenes: Scenes[VolumeSettings]) -> Outcome:
    begun, stage, settings = time.monotonic(), unit.stage or 0, scenes.settings
    scene = _scene(unit.embryo, unit.table, settings, scenes.lineage, scenes.seed)
    upto = stage + 1
    frames = list(settings.frames[:upto])
    frames = frames or [_frame_with(scene.lives, n) for n in settings.cells[:upto]]
    _check_frame(scene.lives, frames[stage])
    files = _write_volume(out, unit.key, scene, frames[stage])
    spots = scene.spots(frames)
    spots = spots.rows(spots["frame"] == stage)
    image = np.full(len(spots), unit.key, dtype=object)
    founders = count_founders(scene.lives, frames, movie=unit.movie)
    return Outcome(
        input=describe_files(unit.paths) if unit.paths else {},
        tables={
            "truth/spots": spots.with_columns({"image": image}),
            "truth/populations": founders.rows(founders["frame"] == stage),
        },
        files=files,
        seconds={"simulate": time.monotonic() - begun},
    )


def _frame_with(lives: Lives, cells: int) -> int:
    """Return the first frame with at least so many cells."""
    frames, count = lives.count()
    enough = np.flatnonzero(count >= cells)
    if not len(enough):
        raise InputError(
            f"no frame of the lineage has {cells} cells: it ends with {count.max()}. "
            "Ask for an earlier stage with --cells, or a longer recording with --minutes."
        )
    return int(frames[enough[0]])


def _check_frame(lives: Lives, frame: int) -> None:
    frames = lives.count()[0]
    if not frames[0] <= frame <= frames[-1]:
        raise InputError(
            f"frame {frame} is not in the lineage, which has {frames[0]} to {frames[-1]}. "
            "Choose others with --frames."
        )


def _write_volume(out: Path, key: str, scene: EmbryoScene, frame: int) -> list[str]:
    """Write the image and its labels; return their paths."""
    volume = scene.render(frame)
    z, y, x = scene.settings.voxel_um
    spacing = Spacing.of(source="file", Z=z, Y=y, X=x)
    files = [f"images/{key}.tif"]
    write_image(
        out / files[0],
        (plane for channel in volume.pixels for plane in channel),
        shape=volume.pixels.shape,
        axes="CZYX",
        dtype=np.uint8,
        spacing=spacing,
        channels=scene.settings.channels,
    )
    for channel, labels in volume.labels.items():
        files.append(f"truth/labels/{channel}/{key}.tif")
        write_labels(
            out / files[-1],
            labels,
            shape=labels.shape,
            axes="ZYX",
            dtype=labels.dtype,
            spacing=spacing,
        )
    return files
