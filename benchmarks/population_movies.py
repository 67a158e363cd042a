"""Render the movies that the shipped model ``populations`` is trained, calibrated and tested on.

    python -m benchmarks.population_movies OUT [--movies 95]
    fatescope prepare pairs --movies OUT/movies --tables OUT/tables --out pairs
    fatescope train populations --data pairs --out fit

Writes ``OUT/movies/NAME.mp4``, ``OUT/tables/CDNAME.csv`` and ``OUT/movies.csv`` as
``prepare pairs --movies OUT/movies --tables OUT/tables`` wants them. Every second embryo is drawn
from the atlas, the others are the tables of the data folder, of which the movie of the data and two
that trace few branches are left out. Frames have half the resolution of a recording. Of a movie
for training every fifth frame is rendered; those for validation and test are whole. The frames of
the recorded movie up to 120, where the data folder has it, are for training too.
"""

from __future__ import annotations

import argparse
import csv
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fatescope.acquire import write_table
from fatescope.acquire.movies import write_frames
from fatescope.simulate.embryo import vary_movie
from fatescope.simulate.embryo.movie import MovieScene
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings
from fatescope.simulate.embryo.truth import epic_table, spots_of
from fatescope.systems.simulation.rendered import read_or_draw

LEFT_OUT = ("ceh-432x3", "nob1GFP", "nob-1GFP")
EVERY = 5
WHOLE = 24
"""The first so many, rendered whole: validation and test; no table is on two sides."""
MORE_VALIDATION, MORE_TEST = (200, 202, 204, 206), (212, 214, 216)
"""Whole too, and drawn from the atlas."""
RECORDED, LAST_RECORDED_TIME = "ceh432x3", 121


def part_of(number: int) -> str:
    """Return what a movie is for."""
    if number < WHOLE // 2 or number in MORE_VALIDATION:
        return "validation"
    return "test" if number < WHOLE or number in MORE_TEST else "train"


def look(number: int) -> tuple[MovieSettings, LineageSettings]:
    """Draw the look of a movie, more varied than recordings of one laboratory are."""
    rng = np.random.default_rng([7, number])

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    pixel = round(0.18 * between(0.84, 1.18), 4)
    movie = MovieSettings(
        height=2 * int(rng.integers(110, 134)),
        width=2 * int(rng.integers(160, 192)),
        voxel_um=(1.0, pixel, pixel),
        planes=int(rng.integers(25, 36)),
        photons=between(30, 250),
        brightness=between(100, 320),
        early=between(0.2, 1.0),
        nuclear_size=float(rng.uniform(0.86, 1.16)),
        nuclear_texture=0.06 * between(0.4, 3),
        blur_um=0.26 * between(0.8, 1.6),
        glow=between(0.1, 0.8),
        shade=float(rng.uniform(0.05, 0.6)),
        attenuation=between(0.005, 0.05),
        haze=0.001 * between(0.3, 30),
        neighbour=0.35,
        reporter="drawn" if number % 4 else "none",
        codec="mpeg4" if number % 5 else "h264",
        kbit_s=int(rng.integers(60, 180)),
    )
    interval = float(rng.choice([1.0, 1.25, 1.5], p=[0.35, 0.15, 0.5]))
    lineage = LineageSettings(minutes=float(rng.uniform(190, 258)), interval_min=interval)
    return movie, lineage


def table_of(number: int, tables: list[Path]) -> Path | None:
    """Return the table of a movie with an odd number; none is on two sides."""
    if number % 2 == 0:
        return None
    held_out = WHOLE // 2
    if number < WHOLE:
        return tables[number // 2]
    return tables[held_out + (number // 2 - held_out) % (len(tables) - held_out)]


def scene_of(number: int, tables: list[Path]) -> MovieScene:
    """Return the embryo of a movie, half of the time with a table."""
    settings, lineage = look(number)
    table = table_of(number, tables)
    lives = read_or_draw(lineage, table=table, seed=number)
    beside = None
    if np.random.default_rng([8, number]).random() < settings.neighbour:
        beside = read_or_draw(lineage, table=None, seed=number + 5_000)
    return MovieScene(lives, vary_movie(settings, seed=number), beside=beside, seed=number)


def render(number: int, tables: list[Path], out: Path) -> dict[str, Any]:
    """Write one movie and its table; return a row of ``movies.csv``."""
    name = f"m{number:03d}"
    movie, scene = out / "movies" / f"{name}.mp4", scene_of(number, tables)
    step = EVERY if part_of(number) == "train" else 1
    frames = list(range(number % step, scene.length, step))
    write_frames(
        movie,
        (scene.render(k) for k in frames),
        frames_per_second=7,
        codec=scene.settings.codec,
        kbit_s=scene.settings.kbit_s,
    )
    known = [k for k in frames if scene.lives.knows(k)]
    spots = spots_of(scene.lives, known, grid=scene.grid)
    radius = scene.settings.nuclear_size * spots["radius_um"]
    place = np.searchsorted(frames, known)
    spots = spots.with_columns({"frame": place[spots["frame"]], "radius_um": radius})
    dark = np.zeros(len(spots))
    table = epic_table(spots, pixel_um=scene.settings.voxel_um[1], reporter=dark)
    write_table(table, out / "tables" / f"CD{name}.csv")
    return {
        "movie": name,
        "kind": "rendered",
        "split": part_of(number),
        "neighbour": int(scene.neighbour is not None),
        "interval_min": scene.lives.interval_min * step,
        "pixel_um": scene.settings.voxel_um[1],
        "table": source.name if (source := table_of(number, tables)) else "",
        "frames": len(frames),
    }


def _order(movies: int) -> list[int]:
    """Return all numbers, so that what is there first can be trained and calibrated on."""
    first = [*range(WHOLE, min(movies, 90)), *range(WHOLE // 2)]
    rest = [n for n in range(movies) if n not in first]
    return [*first, *rest, *MORE_VALIDATION, *MORE_TEST]


def add_recorded(data: Path, out: Path) -> dict[str, Any]:
    """Copy the recorded movie and the early part of its table; return its row."""
    shutil.copyfile(data / "embryo_timelapse.mov", out / "movies" / f"{RECORDED}.mov")
    with (data / "CD20071217_ceh-432x3.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    early = [r for r in rows if int(r["time"]) <= LAST_RECORDED_TIME]
    write_rows(out / "tables" / f"CD{RECORDED}.csv", early)
    return {"movie": RECORDED, "kind": "recorded", "split": "train", "neighbour": 0}


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table; what a row lacks is empty."""
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Render what is not there yet."""
    parser = argparse.ArgumentParser(prog="population_movies", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--movies", type=int, default=95)
    asked = parser.parse_args()
    data = Path(os.environ.get("FATESCOPE_DATA", "../shared/data")) / "epic_tables"
    tables = [
        p for p in sorted(data.glob("CD*.csv.gz")) if not any(word in p.name for word in LEFT_OUT)
    ]
    rows: list[dict[str, Any]] = []
    for folder in ("movies", "tables", "rows"):
        (asked.out / folder).mkdir(parents=True, exist_ok=True)
    for number in _order(asked.movies):
        kept = asked.out / "rows" / f"{number:03d}.csv"
        if not kept.exists():
            begun = time.process_time()
            row = render(number, tables, asked.out)
            write_rows(kept, [row])
            print(row["movie"], row["frames"], f"{time.process_time() - begun:.1f} s", flush=True)
        with kept.open(newline="") as stream:
            rows += list(csv.DictReader(stream))
    if (recorded := data.parent / "devolearn_samples").is_dir():
        rows.append(add_recorded(recorded, asked.out))
    write_rows(asked.out / "movies.csv", rows)


if __name__ == "__main__":
    main()
