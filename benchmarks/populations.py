"""Score `predict populations` on rendered test movies and on the held-out frames of a recorded one.

    python -m benchmarks.populations [--movies FOLDER]

FOLDER is what ``python -m benchmarks.population_movies FOLDER`` writes; its test movies are scored,
each with the growth of its own embryo left out. Of the recorded movie of the data folder, frames
from 130 on are scored: the network has seen frames up to 120, and the growth of that embryo is not
among the curves.
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

import numpy as np

import fatescope as fs
from fatescope.acquire import read_image
from fatescope.acquire.lineages import read_lineage
from fatescope.base.types import FloatArray, IntArray
from fatescope.lineage.growth import GROUPS, PopulationEstimate, count_by_frame, growth_of
from fatescope.numeric import BootstrapSettings, mean_interval
from fatescope.systems.lineages.reading import open_atlas
from fatescope.systems.populations.counts import infer_populations, shipped_growth
from fatescope.systems.populations.find import open_counter
from fatescope.systems.populations.frames import look_at_movie
from fatescope.systems.populations.inference import CountChances
from fatescope.systems.populations.settings import PopulationSettings

HELD_OUT_FROM = 130
LEAST_CELLS, MOST_CELLS = 4, 350


def estimate_of(movie: Path, table: Path | None, interval_min: float | None) -> PopulationEstimate:
    """Return the counts of a movie; the growth of its table is left out."""
    settings = PopulationSettings()
    predictor = open_counter(settings.model)
    seen = look_at_movie(read_image(movie), settings, predictor=predictor)
    curves = shipped_growth()
    if table is not None:
        curves = curves.apart_from(growth_of(open_atlas(), read_lineage(table))[0])
    output = predictor.description.output_as(CountChances)
    return infer_populations(seen, output, interval_min=interval_min, curves=curves)[1]


def score(found: PopulationEstimate, truth: IntArray) -> dict[str, float]:
    """Return errors and coverage of one movie; ``truth`` has a row for each frame, 0 if unknown."""
    total = truth[:, 0]
    wanted = (total >= LEAST_CELLS) & (total <= MOST_CELLS)
    kept = wanted & ~found.abstained[: len(truth)]
    count, low, high = (v[: len(truth)][kept] for v in (found.count, found.low, found.high))
    off, true = np.abs(count - truth[kept]), truth[kept]
    inside = (low <= true) & (true <= high)
    others = off[:, 2:].mean(axis=0)
    return {
        "frames": float(wanted.sum()),
        "counted": float(kept.sum() / wanted.sum()),
        "relative error, median": float(np.median(off[:, 0] / true[:, 0])),
        "error, cells": float(off[:, 0].mean()),
        "coverage of the total": float(inside[:, 0].sum() / wanted.sum()),
        "coverage, all founders": float(inside.mean()),
        "error of AB, share": float(off[:, 1].sum() / true[:, 1].sum()),
        f"error of the worst founder but AB ({GROUPS[2 + int(others.argmax())]})": float(
            others.max()
        ),
        "error of the worst founder but AB": float(others.max()),
    }


def rendered(folder: Path) -> None:
    """Print means over test movies, with 95 % intervals over movies."""
    with (folder / "movies.csv").open(newline="") as stream:
        names = [r["movie"] for r in csv.DictReader(stream) if r["split"] == "test"]
    rows = []
    for name in names:
        table = folder / "tables" / f"CD{name}.csv"
        found = estimate_of(folder / "movies" / f"{name}.mp4", table, None)
        truth = count_by_frame(read_lineage(table), np.arange(len(found.abstained)))
        rows.append(score(found, truth))
        print(name, {k: round(v, 3) for k, v in rows[-1].items() if "(" not in k}, flush=True)
    print(f"\n| {len(rows)} rendered test movies | mean (95 % interval) |\n|--|--|")
    for key in rows[0]:
        if "(" in key or key == "frames":
            continue
        mean, low, high = mean_interval(_column(rows, key), BootstrapSettings())
        print(f"| {key} | {mean:.3f} ({low:.3f} to {high:.3f}) |")


def recorded(folder: Path) -> None:
    """Print the scores of the later frames of the recorded movie."""
    lineage = fs.read_lineage(folder / "CD20071217_ceh-432x3.csv")
    for interval in (None, 1.0):
        found = estimate_of(folder / "embryo_timelapse.mov", None, interval)
        truth = count_by_frame(lineage, np.arange(len(found.abstained)))
        print(f"\n| recorded movie, interval {interval or 'found'} | all frames | from 130 on |")
        print("|--|--|--|")
        late = truth.copy()
        late[:HELD_OUT_FROM] = 0
        both = score(found, truth), score(found, late)
        for key in both[0]:
            if key in both[1]:
                print(f"| {key} | {both[0][key]:.3f} | {both[1][key]:.3f} |")


def _column(rows: list[dict[str, float]], key: str) -> FloatArray:
    return np.array([r[key] for r in rows])


def main() -> None:
    """Score what is there."""
    parser = argparse.ArgumentParser(prog="populations", description=__doc__)
    parser.add_argument("--movies", type=Path)
    asked = parser.parse_args()
    data = Path(os.environ.get("FATESCOPE_DATA", "../shared/data")) / "devolearn_samples"
    if asked.movies:
        rendered(asked.movies)
    if data.is_dir():
        recorded(data)


if __name__ == "__main__":
    main()
