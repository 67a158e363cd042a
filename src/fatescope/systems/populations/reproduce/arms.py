"""One unit of ``reproduce movies-2020``: a network on one set of labels, and a drop by loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Table, WorkUnit
from fatescope.engine.driver import Outcome, describe_files
from fatescope.storage import remove
from fatescope.systems.populations.reproduce.clock import BASELINES, HeldOut, baseline_tables
from fatescope.systems.populations.reproduce.data import LabelledMovie, load_movies, recorded_files
from fatescope.systems.populations.reproduce.faults import FAULTS, find_faults
from fatescope.systems.reproduction.engine import FITS
from fatescope.systems.reproduction.settings import resnet18

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import BoolArray, IntArray, Progress
    from fatescope.systems.populations.training.published import (
        CountsPlan,
        FittedCounts,
        LabelledFrames,
    )
    from fatescope.systems.reproduction.settings import MoviesRecipe

GUARD = 10
"""Frames of the recorded movie between those that are trained on and those that score."""
_SEEN = 0.6
_TEST = 1 / 3
_RANDOM_SHARE, _LATER_SHARE = 0.2, 0.1
"""Of the frames, those that validate in the reported run and in the later one."""
_MOST_A = 250  # cells of the letter A: the later run leaves frames with more out
FIRST, DROPPED, KEPT = "before", "after the drop", "as long, nothing dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsArm(WorkUnit):
    """One training: which labels, and with which settings of 2020."""

    key: str
    data: Path | None

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of the recorded movie."""
        return () if self.data is None else recorded_files(self.data)


REPORTED, LATER, CORRECTED = TRAINED = "reported", "later run", "true labels"


def counts_arms(data: Path | None) -> list[CountsArm]:
    """Return the trainings of the page, in its order, and what they are held against."""
    return [CountsArm(key=key, data=data) for key in (*TRAINED, BASELINES, FAULTS)]


def count_as_published(
    arm: CountsArm, *, out: Path, recipe: MoviesRecipe, progress: Progress | None = None
) -> Outcome:
    """Train, drop the frames with the highest loss, train on; and train on without dropping.

    Of `BASELINES` nothing is trained: clocks, and ``predict populations`` with its shipped model.
    Nor of `FAULTS`: rendered movies and tables are cleaned.

    Parameters
    ----------
    arm : CountsArm
    out : Path
        Checkpoints lie in ``fits/`` until the arm is done.
    recipe : MoviesRecipe
    progress : callable, optional
    """
    if arm.key == FAULTS:
        return Outcome(input={}, files=find_faults(out, seed=recipe.seed))
    if arm.key == BASELINES:
        held_out = [
            HeldOut(movie=m, rows=rows, path=arm.paths[0] if m.is_real else None)
            for m, rows in held_out_rows(_movies(arm.data, recipe))
        ]
        tables = baseline_tables(held_out, length=recipe.length, seed=recipe.seed)
        return Outcome(input=describe_files(arm.paths) if arm.paths else {}, tables=tables)
    from fatescope.systems.populations.training.published import fit_published_counts

    training, testing = split_movies(_movies(arm.data, recipe))
    is_true = arm.key == CORRECTED
    movies, labelled, movie_of = _labelled(training, recipe, is_true=is_true, arm=arm.key)
    largest = np.maximum(labelled.counts.max(axis=0), 1.0)
    rng = np.random.default_rng([recipe.seed, 5])
    fits = out / FITS / arm.key.replace(" ", "-")
    shared: dict[str, Any] = {
        "largest": largest,
        "weights": resnet18(recipe),
        "progress": progress,
    }

    def fit(rows: IntArray, name: str, start: FittedCounts | None) -> FittedCounts:
        share = _LATER_SHARE if arm.key == LATER else _RANDOM_SHARE
        chosen = _split(rows, movie_of, rng, share=None if is_true else share)
        return fit_published_counts(
            labelled.rows(rows[~chosen]),
            labelled.rows(rows[chosen]),
            _plan(recipe, arm.key, is_first=start is None),
            folder=fits / name,
            start=start,
            **shared,
        )

    every = np.arange(len(labelled))
    first = fit(every, "first", None)
    losses = first.losses(labelled)
    drop = recipe.later_drop if arm.key == LATER else recipe.drop
    n_dropped = max(1, round(drop * len(losses)))
    kept = np.sort(np.argsort(losses, kind="stable")[: len(losses) - n_dropped])
    stages = {
        FIRST: (first, every),
        DROPPED: (fit(kept, "dropped", first), kept),
        KEPT: (fit(every, "kept", first), every),
    }
    is_dropped = np.ones(len(losses), dtype=bool)
    is_dropped[kept] = False
    tables = {
        "scores": Table.concatenate(
            [
                _scores(arm.key, stage, fitted, labelled.rows(rows), testing)
                for stage, (fitted, rows) in stages.items()
            ]
        ),
        "course": Table.concatenate(
            [_course(arm.key, stage, fitted) for stage, (fitted, _) in stages.items()]
        ),
        "losses": Table(
            {
                "arm": np.full(len(losses), arm.key, dtype=object),
                "movie": np.array([movies[i].key for i in movie_of], dtype=object),
                "loss": losses,
                "dropped": is_dropped.astype(int),
            }
        ),
        "counts": _counts(arm.key, stages[DROPPED][0], testing),
    }
    remove(fits)
    return Outcome(input=describe_files(arm.paths) if arm.paths else {}, tables=tables)


def split_movies(
    movies: Sequence[LabelledMovie],
) -> tuple[list[LabelledMovie], list[LabelledMovie]]:
    """Return movies to train on and to score: rendered ones whole, a recorded one by its time."""
    held_out = held_out_rows(movies)
    keys = {m.key for m, _ in held_out}
    training = [m for m in movies if m.key not in keys]
    for movie in (m for m in movies if m.is_real):
        training.insert(0, _part(movie, np.arange(_first_unseen(movie))))
    return training, [_part(movie, rows) for movie, rows in held_out]


def held_out_rows(movies: Sequence[LabelledMovie]) -> list[tuple[LabelledMovie, IntArray]]:
    """Return the movies of which frames score, whole, and those frames; recorded ones first."""
    rendered = [m for m in movies if not m.is_real]
    n_test = max(1, round(_TEST * len(rendered)))
    late = []
    for movie in (m for m in movies if m.is_real):
        known = movie.annotated
        late.append((movie, known[known >= _first_unseen(movie) + GUARD]))
    return [*late, *((m, np.arange(len(m.true))) for m in rendered[-n_test:])]


def _first_unseen(movie: LabelledMovie) -> int:
    """Return the frame of a recorded movie at which training ends."""
    known = movie.annotated
    return int(known[0] + _SEEN * len(known))


def _part(movie: LabelledMovie, rows: IntArray) -> LabelledMovie:
    return replace(
        movie, frames=movie.frames[rows], true=movie.true[rows], joined=movie.joined[rows]
    )


@lru_cache(maxsize=1)
def _movies(data: Path | None, recipe: MoviesRecipe) -> list[LabelledMovie]:
    movies, _ = load_movies(
        data,
        rendered=recipe.movies,
        length=recipe.length,
        seed=recipe.seed,
        side_px=recipe.side_px,
    )
    return movies


def _labelled(
    training: Sequence[LabelledMovie], recipe: MoviesRecipe, *, is_true: bool, arm: str
) -> tuple[list[LabelledMovie], LabelledFrames, IntArray]:
    """Return the frames to train on, with the counts of the arm, and the movie of each."""
    from fatescope.systems.populations.training.published import LabelledFrames

    frames, counts, of = [], [], []
    for i, movie in enumerate(training):
        labels = movie.true if is_true else movie.joined
        usable = np.isfinite(labels).all(axis=1)
        if arm == LATER:
            usable &= labels[:, 0] <= _MOST_A
        rows = np.flatnonzero(usable)[:: recipe.every]
        frames.append(movie.frames[rows])
        counts.append(labels[rows])
        of.append(np.full(len(rows), i))
    labelled = LabelledFrames(frames=np.concatenate(frames), counts=np.concatenate(counts))
    return list(training), labelled, np.concatenate(of)


def _split(
    rows: IntArray, movie_of: IntArray, rng: np.random.Generator, *, share: float | None
) -> BoolArray:
    """Choose validation frames: a random share, as published, or the last of the movies."""
    if share is None:
        return np.asarray(movie_of[rows] == movie_of.max())
    return np.asarray(rng.random(len(rows)) < share)


def _plan(recipe: MoviesRecipe, arm: str, *, is_first: bool) -> CountsPlan:
    from fatescope.systems.populations.training.published import CountsPlan

    later = arm == LATER
    again = recipe.later_epochs if later else recipe.more_epochs
    return CountsPlan(
        epochs=recipe.epochs if is_first else again,
        batches=recipe.batches,
        batch=recipe.batch,
        rate=1e-3 if is_first else 1e-4,
        halved_every=3 if is_first else 0,
        augmentation="later" if later and is_first else "reported",
        seed=recipe.seed + (0 if is_first else 1),
    )


def _scores(
    arm: str,
    stage: str,
    fitted: FittedCounts,
    trained: LabelledFrames,
    testing: Sequence[LabelledMovie],
) -> Table:
    """Return one row for each movie that scores, with the losses of the training beside it."""
    last = fitted.course[-1]
    rows = []
    for movie in testing:
        found, true = fitted.count(movie.frames), movie.true
        rows.append(
            {
                "arm": arm,
                "stage": stage,
                "movie": movie.key,
                "recorded": int(movie.is_real),
                "frames": len(true),
                "error_sum": float(np.abs(found.sum(axis=1) - true.sum(axis=1)).sum()),
                "trained_frames": len(trained),
                "training_loss": last["loss"],
                "validation_loss": last.get("validation_loss", np.nan),
            }
        )
    return Table.from_rows(rows)


def _course(arm: str, stage: str, fitted: FittedCounts) -> Table:
    n = len(fitted.course)
    return Table(
        {
            "arm": np.full(n, arm, dtype=object),
            "stage": np.full(n, stage, dtype=object),
            "epoch": np.arange(1, n + 1),
            "training_loss": np.array([row["loss"] for row in fitted.course]),
            "validation_loss": np.array(
                [row.get("validation_loss", np.nan) for row in fitted.course]
            ),
        }
    )


def _counts(arm: str, fitted: FittedCounts, testing: Sequence[LabelledMovie]) -> Table:
    """Return totals, true and found, of the frames that score."""
    parts = []
    for movie in testing:
        n = len(movie.true)
        parts.append(
            Table(
                {
                    "arm": np.full(n, arm, dtype=object),
                    "movie": np.full(n, movie.key, dtype=object),
                    "row": np.arange(n),
                    "true": movie.true.sum(axis=1),
                    "found": fitted.count(movie.frames).sum(axis=1),
                }
            )
        )
    return Table.concatenate(parts)
