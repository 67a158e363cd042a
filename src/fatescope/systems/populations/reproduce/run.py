"""``fatescope reproduce movies-2020``: a table against its movie, the drop by loss, true labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.base import Table
from fatescope.systems.populations.reproduce.arms import count_as_published, counts_arms
from fatescope.systems.populations.reproduce.data import recorded_movie
from fatescope.systems.populations.reproduce.page import movies_page
from fatescope.systems.reproduction.engine import Reproduction, Request, Work, data_folder
from fatescope.systems.reproduction.origin import MOVIES
from fatescope.systems.reproduction.settings import MoviesRecipe

if TYPE_CHECKING:
    from pathlib import Path

_FRAME_SECONDS, _RENDERED_SECONDS = 0.14, 0.05
"""CPU seconds of a frame in ResNet18, forward and back, and of one that is rendered."""
_SIDE_PX = MoviesRecipe().side_px
"""Of a published frame, which the costs above were measured on."""
PREDICTED_FROM = 10
"""Frame of the first published prediction: the one at which they fit their own labels best."""


def _find(request: Request[MoviesRecipe]) -> Work[Path | None]:
    """Return the trainings; on rendered movies alone where there is no recorded one."""
    folder = None if request.quick else data_folder(request.data)
    return Work(units=counts_arms(folder), material=folder, recorded={"data": str(folder or "")})


def _costs(recipe: MoviesRecipe, *_: object) -> list[float]:
    """Return the CPU seconds of each training, and of what is held against them."""
    frames = recipe.batches * recipe.batch * (recipe.side_px / _SIDE_PX) ** 2
    epochs = [recipe.epochs + 2 * more for more in (recipe.more_epochs, recipe.later_epochs)]
    rendered = recipe.movies * recipe.length * _RENDERED_SECONDS
    trainings = [n * frames * _FRAME_SECONDS for n in (epochs[0], epochs[1], epochs[0])]
    others = [0.0] * (len(counts_arms(None)) - len(trainings))
    return [seconds + rendered for seconds in (*trainings, *others)]


def _write_joined(request: Request[MoviesRecipe], folder: Path | None) -> list[str]:
    """Write ``joined.csv``, where the recorded movie is."""
    if folder is None:
        return []
    write_table(joined_table(folder), request.out / "joined.csv")
    return ["joined.csv"]


def joined_table(folder: Path) -> Table:
    """Return the totals of the recorded movie: true, joined as published, predicted."""
    movie = recorded_movie(folder, side_px=_SIDE_PX)
    n = len(movie.frames)
    columns = {
        "frame": np.arange(n),
        "true": movie.true.sum(axis=1),
        "joined": movie.joined.sum(axis=1),
    }
    if movie.predicted is not None and n > PREDICTED_FROM:
        said = movie.predicted.sum(axis=1)[: n - PREDICTED_FROM]
        columns["predicted"] = np.full(n, np.nan)
        columns["predicted"][PREDICTED_FROM:][: len(said)] = said
    return Table(columns)


MOVIES_2020 = Reproduction(
    name="movies-2020",
    origin=MOVIES,
    needs=("torch", "albumentations", "segmentation_models_pytorch"),
    quick={
        "epochs": 6,
        "more_epochs": 1,
        "later_epochs": 2,
        "batches": 10,
        "batch": 8,
        "side_px": 128,
        "movies": 4,
        "length": 60,
        "every": 3,
    },
    quick_words="Quick run on rendered movies: it shows that all runs.",
    what="trainings",
    find=_find,
    do=count_as_published,
    costs=_costs,
    page=movies_page,
    also=_write_joined,
)
"""Data: a folder with the recorded movie, its table and the published counts, or one that holds
``devolearn_samples``."""
