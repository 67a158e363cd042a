"""Rendered movies of embryos as files, with the tables that come with them and the truth."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import label_tiles, write_labels, write_table
from fatescope.base import Spacing, Table
from fatescope.engine.driver import Outcome, describe_files
from fatescope.engine.plan import Cost, RunPlan, estimate
from fatescope.simulate.embryo import count_founders, vary_movie
from fatescope.simulate.embryo.faults import add_table_faults, fault_rows, faulty_frame, plan_faults
from fatescope.simulate.embryo.movie import MovieScene
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.simulate.embryo.truth import cell_times, epic_table, letter_counts
from fatescope.systems.simulation.rendered import Rendered, Scenes, read_or_draw, render_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Execution, Progress
    from fatescope.engine import Summary
    from fatescope.simulate.embryo.faults import PlannedFault

_COST = Cost(cpu_seconds=0.13, memory_mb=12.0, output_mb=0.02, unit_seconds=1.5, unit_mb=1.0)
"""By a million pixels of a movie."""
_LENGTH = 200
"""Frames of a movie whose length is not known before its lineage is drawn, for the plan."""
_BESIDE = 5_000
"""The seed of a neighbour is that of its movie and this."""


def write_embryo_movies(
    out: Path,
    settings: MovieSettings,
    lineage: LineageSettings,
    *,
    table: Path | None = None,
    seed: int,
    execution: Execution,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Render movies of embryos into a folder; memory holds one frame of each at a time.

    ``out`` gets ``movies/embryo_000.mp4`` and so on, ``tables/CDembryo_000.csv`` (positions, as
    EPIC writes them), ``counts/embryo_000.csv`` (cells by first letter), ``truth/labels/``
    (outlines as seen from above), ``truth/spots.csv``, ``truth/populations.csv``,
    ``truth/movies.csv``, ``truth/faults.csv`` and ``run.json``. The truth is that of the embryo:
    faults change movie, table and counts, never the truth. For the rest see
    `write_embryo_volumes`.
    """
    return render_files(
        "simulate movie",
        [Rendered(i, table) for i in range(settings.count)],
        _render_movie,
        Scenes(settings=settings, lineage=lineage, table=table, seed=seed),
        out=out,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def plan_embryo_movies(settings: MovieSettings, *, execution: Execution) -> RunPlan:
    """Say what `write_embryo_movies` would cost."""
    frame = settings.height * settings.width / 1e6
    return estimate(
        "simulate movie",
        [(frame * (settings.frames or _LENGTH), frame)] * settings.count,
        cost=_COST,
        what="movies",
        execution=execution,
    )


def movie_scene(
    settings: MovieSettings, lineage: LineageSettings, *, table: Path | None, seed: int
) -> MovieScene:
    """Return the embryo of one movie, with a neighbour if chance will have it."""
    lives = read_or_draw(lineage, table=table, seed=seed)
    has_neighbour = np.random.default_rng([seed, 30]).random() < settings.neighbour
    beside = read_or_draw(lineage, table=None, seed=seed + _BESIDE) if has_neighbour else None
    return MovieScene(lives, vary_movie(settings, seed=seed), beside=beside, seed=seed)


def _render_movie(unit: Rendered, *, out: Path, scenes: Scenes[MovieSettings]) -> Outcome:
    from fatescope.acquire.movies import write_frames

    begun, settings = time.monotonic(), scenes.settings
    own = scenes.seed * 10_000 + unit.embryo
    scene = movie_scene(settings, scenes.lineage, table=unit.table, seed=own)
    faults = _planned(scene, settings)
    files = [f"movies/{unit.key}.mp4"]
    write_frames(
        out / files[0],
        (faulty_frame(scene.render, k, faults) for k in range(scene.length)),
        frames_per_second=settings.frames_per_second,
        codec=settings.codec,
        kbit_s=settings.kbit_s,
    )
    files.append(f"truth/labels/{unit.key}.tif")
    shape = (scene.length, settings.height, settings.width)
    _, y, x = settings.voxel_um
    write_labels(
        out / files[1],
        _label_blocks(scene),
        shape=shape,
        axes="TYX",
        dtype=scene.labels(0).dtype,
        spacing=Spacing.of(source="file", T=scene.lives.interval_min, Y=y, X=x),
    )
    spots = scene.spots()
    written, wrong = _write_tables(out, unit.key, scene, spots)
    files += written
    frames = np.arange(scene.length)
    movie = np.full(len(spots), unit.key, dtype=object)
    return Outcome(
        input=describe_files(unit.paths) if unit.paths else {},
        tables={
            "truth/spots": spots.with_columns({"movie": movie}),
            "truth/populations": count_founders(scene.lives, frames.tolist(), movie=unit.key),
            "truth/movies": _facts(scene, unit.key),
            "truth/faults": Table.concatenate(
                [_of_file(fault_rows(faults), files[0]), _of_file(wrong, written[0])]
            ),
        },
        files=files,
        seconds={"simulate": time.monotonic() - begun},
    )


def _label_blocks(scene: MovieScene) -> Iterator[NDArray[Any]]:
    """Draw one frame at a time, cut as `write_labels` wants it."""
    for frame in range(scene.length):
        plane = scene.labels(frame)
        for part in label_tiles(plane.shape):
            yield plane[part]


def _planned(scene: MovieScene, settings: MovieSettings) -> list[PlannedFault]:
    return plan_faults(
        settings.faults,
        each=settings.faults_each,
        frames=scene.length,
        strength=settings.fault_strength,
        seed=scene.seed,
    )


def _write_tables(out: Path, key: str, scene: MovieScene, spots: Table) -> tuple[list[str], Table]:
    """Write positions and counts, faulty if wanted; return the files and the faults."""
    moments = {k: scene.moment(k) for k in np.unique(spots["frame"]).tolist()}
    reporter = np.concatenate([scene.reporter.at(m) for m in moments.values()])
    settings = scene.settings
    table = epic_table(spots, pixel_um=settings.voxel_um[1], reporter=reporter)
    table, wrong = add_table_faults(
        table,
        settings.table_faults,
        frames=scene.length,
        strength=settings.fault_strength,
        seed=scene.seed,
    )
    table = table.with_columns({"cellTime": cell_times(table["cell"], table["time"])})
    files = [f"tables/CD{key}.csv", f"counts/{key}.csv"]
    write_table(table, out / files[0])
    write_table(letter_counts(table), out / files[1])
    return files, wrong


def _of_file(rows: Table, file: str) -> Table:
    """Return faults with the file that they are in."""
    return rows.with_columns({"file": np.full(len(rows), file, dtype=object)})


def _facts(scene: MovieScene, key: str) -> Table:
    """Return one row about a movie as a whole."""
    lives = scene.lives
    ab = np.flatnonzero(lives.name == "ABa")
    begins = int(lives.first[ab[0]]) if len(ab) else None
    return Table(
        {
            "movie": np.array([key], dtype=object),
            "frames": np.array([scene.length]),
            "interval_min": np.array([lives.interval_min]),
            "first_frame": np.array([int(lives.first.min())]),
            "last_frame": np.array([int(lives.last.max())]),
            "ab_divides": np.array([begins], dtype=object),
            "neighbour": np.array([int(scene.neighbour is not None)]),
        }
    )
