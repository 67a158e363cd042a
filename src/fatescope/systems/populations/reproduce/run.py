"""``fatescope reproduce movies-2020``: a table against its movie, the drop by loss, true labels."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.base import Execution, Table, check_installed
from fatescope.engine import Run
from fatescope.engine.driver import pending, work_through
from fatescope.engine.execute import available_workers
from fatescope.storage import remove
from fatescope.systems.populations.reproduce.arms import FITS, arms, run_arm
from fatescope.systems.populations.reproduce.data import data_folder, recorded_movie
from fatescope.systems.populations.reproduce.page import write_movies_page
from fatescope.systems.reproduction.plan import plan_trainings
from fatescope.systems.reproduction.settings import MoviesRecipe

if TYPE_CHECKING:
    from fatescope.base import Progress
    from fatescope.engine import Summary
    from fatescope.engine.plan import RunPlan

_NEEDS = ("torch", "albumentations", "segmentation_models_pytorch")
_QUICK = {
    "epochs": 6,
    "more_epochs": 1,
    "later_epochs": 2,
    "batches": 10,
    "batch": 8,
    "side_px": 128,
    "movies": 4,
    "length": 60,
    "every": 3,
}
_FRAME_SECONDS, _RENDERED_SECONDS = 0.14, 0.05
"""CPU seconds of a frame in ResNet18, forward and back, and of one that is rendered."""
_SIDE_PX = MoviesRecipe().side_px
"""Of a published frame, which the costs above were measured on."""
PREDICTED_FROM = 10
"""Frame of the first published prediction: the one at which they fit their own labels best."""


def reproduce_movies(
    *,
    out: Path,
    recipe: MoviesRecipe,
    data: Path | None = None,
    quick: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Count cells as published, drop the frames with the highest loss, and ask what it was worth.

    Parameters
    ----------
    out : Path
        Gets ``report.html``, ``scores.csv``, ``course.csv``, ``losses.csv``, ``counts.csv`` and,
        where the recorded movie is, ``joined.csv``. The same call again continues.
    recipe : MoviesRecipe
    data : Path, optional
        Folder with the recorded movie, its table and the published counts, or one that holds
        ``devolearn_samples``. Without it rendered movies alone are trained on.
    quick : bool
        A short run on rendered movies: shows that everything runs, proves nothing.
    workers : int, optional
        Processes, one for each training; default: one for each core.
    progress, fresh
    """
    check_installed(*_NEEDS)
    if quick:
        recipe, data = recipe.replace(**_QUICK), None
    folder = None if quick else data_folder(data)
    settings = {**recipe.model_dump(mode="json"), "quick": quick, "data": str(folder or "")}
    with Run.open(out, command="reproduce movies-2020", settings=settings, fresh=fresh) as run:
        if fresh:
            remove(run.out / FITS)
        todo = pending(run, arms(folder))
        n = available_workers(workers, max(len(todo), 1))
        job = partial(
            run_arm, out=run.out.absolute(), recipe=recipe, progress=progress if n == 1 else None
        )
        work_through(run, todo, job, execution=Execution(workers=n), progress=progress)
        remove(run.out / FITS)
        summary = run.finish()
        if summary.units_done:
            if folder is not None:
                write_table(joined_table(folder), run.out / "joined.csv")
                run.wrote("joined.csv")
            write_movies_page(run.out, recipe, quick=quick)
            run.wrote("report.html")
    return summary


def plan_movies(
    *, recipe: MoviesRecipe, quick: bool = False, workers: int | None = None
) -> RunPlan:
    """Say what `reproduce_movies` would cost, from measured costs; nothing is opened or written."""
    if quick:
        recipe = recipe.replace(**_QUICK)
    frames = recipe.batches * recipe.batch * (recipe.side_px / _SIDE_PX) ** 2
    epochs = [recipe.epochs + 2 * more for more in (recipe.more_epochs, recipe.later_epochs)]
    rendered = recipe.movies * recipe.length * _RENDERED_SECONDS
    n_arms = len(arms(None))
    trainings = [n * frames * _FRAME_SECONDS for n in (epochs[0], epochs[1], epochs[0])]
    return plan_trainings(
        "reproduce movies-2020",
        [seconds + rendered for seconds in (*trainings, *[0.0] * (n_arms - len(trainings)))],
        what="trainings",
        workers=available_workers(workers, n_arms),
    )


def joined_table(folder: Path) -> Table:
    """Return the totals of the recorded movie: joined as published, predicted, and true."""
    movie = recorded_movie(folder, side_px=_SIDE_PX)
    n = len(movie.frames)
    predicted = np.full(n, np.nan)
    if movie.predicted is not None:
        last = min(n, PREDICTED_FROM + len(movie.predicted))
        predicted[PREDICTED_FROM:last] = movie.predicted.sum(axis=1)[: last - PREDICTED_FROM]
    return Table(
        {
            "frame": np.arange(n),
            "true": movie.true.sum(axis=1),
            "joined": movie.joined.sum(axis=1),
            "predicted": predicted,
        }
    )
