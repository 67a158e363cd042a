"""The two runs of 2020 on one table each: the one that the post reports, and a later one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.compact import (
    COMPACT_NAMES,
    compact_classes,
    compact_labels,
    published_features,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Lineage, Progress
    from fatescope.base.types import IntArray
    from fatescope.systems.lineages.reproduce.data import TrainingEmbryo
    from fatescope.systems.lineages.training.compact_names import PublishedFit, PublishedRun
    from fatescope.systems.lineages.training.names import Schedule
    from fatescope.systems.reproduction.settings import NamesRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class RunAgain:
    """A run of 2020, repeated."""

    run: PublishedRun
    table: str
    lineage: Lineage
    same_table: bool  # the table of 2020 itself, or one like it
    fit: PublishedFit
    label_counts: IntArray  # rows of each of the run's names, before sampling

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return compact_classes(self.run.letters)

    @property
    def rows_per_name(self) -> int:
        """Rows of each name after sampling."""
        return self.fit.rows_after_sampling // max(int((self.label_counts > 0).sum()), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRuns:
    """The reported run, the same with the schedule on the loss, and the later run."""

    reported: RunAgain
    on_loss: PublishedFit
    later: RunAgain


def run_published(
    embryos: Sequence[TrainingEmbryo],
    recipe: NamesRecipe,
    folder: Path,
    progress: Progress | None,
) -> PublishedRuns:
    """Repeat both runs, each on its table if that is among the embryos.

    Parameters
    ----------
    embryos : sequence of TrainingEmbryo
        None of the test set: the reported network is scored on that.
    recipe : NamesRecipe
    folder : Path
        Takes a folder of checkpoints for each run.
    progress : callable, optional
    """
    from fatescope.systems.lineages.training.compact_names import LATER, REPORTED

    schedules: tuple[Schedule, ...] = ("constant", "loss")
    reported, on_loss = (
        _again(
            embryos,
            REPORTED,
            recipe.epochs,
            recipe,
            folder / f"reported-{schedule}",
            progress,
            schedule=schedule,
        )
        for schedule in schedules
    )
    return PublishedRuns(
        reported=reported,
        on_loss=on_loss.fit,
        later=_again(
            embryos,
            LATER,
            recipe.later_epochs,
            recipe,
            folder / "later",
            progress,
            most_nuclei=recipe.crop_nuclei,
        ),
    )


def published_table(embryos: Sequence[TrainingEmbryo], wanted: str) -> TrainingEmbryo:
    """Return the embryo that is called ``wanted``, else one that has just the 32 names."""

    def fit(e: TrainingEmbryo) -> tuple[bool, int, str]:
        present = len(set(compact_labels(e.lineage.name).tolist()) - {-1})
        return wanted not in e.key, abs(len(COMPACT_NAMES) - present), e.key

    return min(embryos, key=fit)


def _again(
    embryos: Sequence[TrainingEmbryo],
    run: PublishedRun,
    epochs: int,
    recipe: NamesRecipe,
    folder: Path,
    progress: Progress | None,
    *,
    schedule: Schedule = "constant",
    most_nuclei: int | None = None,
) -> RunAgain:
    from fatescope.systems.lineages.training.compact_names import fit_as_published

    embryo = published_table(embryos, run.table)
    lineage = embryo.lineage
    names = compact_classes(run.letters)
    labels = compact_labels(lineage.name, letters=run.letters)
    used = labels >= 0
    if most_nuclei is not None:
        frame = lineage.frame - lineage.frame.min()
        used &= np.bincount(frame)[frame] <= most_nuclei
    fit = fit_as_published(
        published_features(lineage, run.columns)[used],
        labels[used],
        run=run,
        n_classes=len(COMPACT_NAMES),
        epochs=epochs,
        seed=recipe.seed,
        folder=folder,
        schedule=schedule,
        progress=progress,
    )
    return RunAgain(
        run=run,
        table=embryo.key,
        lineage=lineage,
        same_table=run.table in embryo.key,
        fit=fit,
        label_counts=np.bincount(labels[used], minlength=len(names)),
    )
