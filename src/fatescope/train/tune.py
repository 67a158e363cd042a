"""Trials of a recipe: short fits on a share of the training images, scored on validation units."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic

from fatescope.base import InputError, SettingsError
from fatescope.train.fit import Fitted, fit
from fatescope.train.one_fit import Report
from fatescope.train.recipe import parse_recipe
from fatescope.train.search_space import Value, changed
from fatescope.train.study import SCORE
from fatescope.train.task import Batch, Row
from fatescope.train.trainables import find_trainable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

    from fatescope.train.recipe_settings import Recipe
    from fatescope.train.task import Task
    from fatescope.train.tune_settings import TuneSettings


class ScoredTask(Generic[Batch]):
    """A task whose validation also gives `SCORE`: a number on validation units, never another.

    Parameters
    ----------
    task : Task
    score : str
        Of what ``task.validate`` returns. Numbers of training, such as the loss, are refused.
    """

    def __init__(self, task: Task[Batch], *, score: str) -> None:
        self._task, self._score = task, score

    @property
    def seed(self) -> int:
        """Seed of the task."""
        return self._task.seed

    def build(self) -> torch.nn.Module:
        """Return the network of the task."""
        return self._task.build()

    def batch(self, step: int, size: int) -> Batch:
        """Return the tensors of a step."""
        return self._task.batch(step, size)

    def loss(self, network: torch.nn.Module, batch: Batch) -> Mapping[str, torch.Tensor]:
        """Return the loss of the task."""
        return self._task.loss(network, batch)

    def validate(self, network: torch.nn.Module) -> Row:
        """Return the scores of the task, and the chosen one once more.

        Raises
        ------
        InputError
            If there are no validation units.
        SettingsError
            If the score is not measured on them.
        """
        row = self._task.validate(network)
        if not row:
            raise InputError(
                "there are no validation units, which choose among trials. Divide the images again "
                "with a larger --validation."
            )
        if self._score not in row:
            raise SettingsError(
                f"--score {self._score}: not measured on validation units. Take one of: "
                f"{', '.join(row)}."
            )
        return {**row, SCORE: row[self._score]}


def trial_stage(
    recipe: Mapping[str, Any], changes: Mapping[str, Value], *, n_samples: int, epochs: int
) -> Recipe:
    """Return the first stage of a recipe as a trial fits it.

    Parameters
    ----------
    recipe : mapping
        As TOML holds it.
    changes : mapping
        Values of the settings that are searched.
    n_samples : int
        Training images of the share: an epoch is ``ceil(n_samples / batch)`` steps.
    epochs : int
    """
    asked = parse_recipe(changed(recipe, changes))
    stage = find_trainable(asked.task).inherit(asked, None)
    steps = math.ceil(n_samples / stage.fit.batch)
    return stage.for_trial(
        stage.fit.replace(steps=epochs * steps, steps_per_epoch=steps, validate_every=1)
    )


def fit_recipe_trial(
    changes: Mapping[str, Value],
    folder: Path,
    report: Report,
    *,
    recipe: Mapping[str, Any],
    data: Path,
    n_samples: int,
    settings: TuneSettings,
) -> Fitted:
    """Fit one trial of a recipe; a `FitTrial` once all but the first three are given.

    Parameters
    ----------
    data : Path
        Folder whose ``samples.csv`` holds the share of the training images, and the validation
        images.
    """
    stage = trial_stage(recipe, changes, n_samples=n_samples, epochs=settings.epochs)
    trainable = find_trainable(stage.task)
    score = settings.score or trainable.metric
    task = ScoredTask(trainable.build_task(stage, data=data), score=score)
    return fit(task, stage.fit, folder=folder, report=report)
