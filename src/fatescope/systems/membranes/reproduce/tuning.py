"""The tuning of 2021, as it ran and as it was meant: one unit of ``reproduce membranes-2021``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.base import WorkUnit
from fatescope.engine.driver import Outcome, describe_files
from fatescope.storage import remove
from fatescope.systems.membranes.reproduce.arms import MembraneArm, planes_of_arm, typed_table
from fatescope.systems.membranes.reproduce.fits import published_settings
from fatescope.systems.reproduction.engine import FITS
from fatescope.train.start import load_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.systems.membranes.training.published import MaskedPlane
    from fatescope.systems.reproduction.settings import MembranesRecipe
    from fatescope.train.fit import Fitted
    from fatescope.train.one_fit import Report
    from fatescope.train.search_space import Value

FIXED_BATCH = 64
"""Of the loader that every trial of 2021 went through, whatever batch it was to try."""
_LEAST_BATCH = 2  # of which batch norm can take a variance
RATES, BATCHES = (0.0005, 0.01), (8, 64)  # as searched in 2021


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning(WorkUnit):
    """A tuning: ``published`` trains on the validation rows and returns the IoU of that pass."""

    kind: Literal["published", "corrected"]
    arm: MembraneArm

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return f"tuning-{self.kind}"

    @property
    def paths(self) -> list[Path]:
        """The files that decide what comes out."""
        return self.arm.paths


def run_tuning(
    unit: Tuning, *, out: Path, recipe: MembranesRecipe, progress: Progress | None = None
) -> Outcome:
    """Run the trials of one tuning; a killed one goes on with those that are not done."""
    from fatescope.train import StudyPlan, TuneSettings, open_study, run_trials, trial_rows
    from fatescope.train.search_space import Range

    folder = out / FITS / unit.key
    folder.mkdir(parents=True, exist_ok=True)
    training, validation = planes_of_arm(unit.arm, seed=recipe.seed)
    plan = StudyPlan(
        storage=f"sqlite:///{(folder / 'study.sqlite').resolve()}",
        name=unit.key,
        space={
            "rate": Range(low=RATES[0], high=RATES[1], is_whole=False, is_log=False),
            "batch": Range(low=BATCHES[0], high=BATCHES[1], is_whole=True, is_log=False),
        },
        settings=TuneSettings(trials=recipe.trials, score="iou", prune="none", seed=recipe.seed),
        stale_after_s=600,
    )
    study = open_study(plan)
    few = _share(validation if unit.kind == "published" else training, recipe)
    trial = partial(
        _fit,
        kind=unit.kind,
        few=few,
        validation=validation,
        recipe=recipe,
        start=load_start(out / FITS),
    )
    run_trials(plan, trial, folder=folder / "trials", tell=progress)
    rows = [r for r in trial_rows(study) if r["state"] == "complete"]
    table = typed_table(
        [
            {
                "tuning": unit.kind,
                "trial": int(r["trial"]),
                "rate": float(r["rate"]),
                "batch": int(r["batch"]),
                "iou": float(r["score"]),
            }
            for r in rows
        ]
    )
    remove(folder)
    return Outcome(input=describe_files(unit.paths), tables={"trials": table})


def _share(rows: Sequence[MaskedPlane], recipe: MembranesRecipe) -> list[MaskedPlane]:
    """Return evenly spread rows: the share that a trial sees."""
    n = max(1, round(recipe.share * len(rows)))
    return [rows[i] for i in np.linspace(0, len(rows) - 1, n).round().astype(int)]


def _fit(
    changes: Mapping[str, Value],
    folder: Path,
    report: Report,
    *,
    kind: Literal["published", "corrected"],
    few: Sequence[MaskedPlane],
    validation: Sequence[MaskedPlane],
    recipe: MembranesRecipe,
    start: Callable[[Any], None] | None,
) -> Fitted:
    """Fit one trial: one epoch, Adam at the rate that is tried."""
    from fatescope.systems.membranes.training.published import (
        PassOverValidation,
        PublishedMembraneTask,
    )
    from fatescope.train import ScoredTask, fit
    from fatescope.train.schedule_settings import Constant

    make = PassOverValidation if kind == "published" else PublishedMembraneTask
    task = make(
        few,
        validation,
        size_px=recipe.size_px,
        augmentation="2021",
        noise_mean=0.5,
        is_eroded=True,
        seed=recipe.seed,
    )
    batch = FIXED_BATCH if kind == "published" else int(changes["batch"])
    steps = math.ceil(len(few) / batch)
    settings = published_settings(
        recipe,
        steps=steps,
        epoch=steps,
        schedule=Constant(),
        batch=max(_LEAST_BATCH, min(batch, len(few))),
        rate=float(changes["rate"]),
    )
    scored = ScoredTask(task, score="iou")
    return fit(scored, settings, folder=folder, weights=start, report=report)
