"""What a training would cost: a few steps and one validation are run, and leave nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fatescope.engine import peak_memory_mb
from fatescope.engine.plan import RunPlan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.train import LeaveOut, Recipe

PACKAGE_SECONDS, PACKAGE_VALIDATIONS = 5.0, 20.0
"""CPU time of a package: int8 and export, and thresholds as so many validations (record 0148)."""
PACKAGE_MB, CHECKPOINT_BYTES = 1.3, 27.0
"""Written by a training: test tensors and curves, and for each weight in checkpoint and package."""
QUANTISER_MB = 150.0
"""Memory that the quantiser takes on top of the fit."""


def plan_training(
    recipes: Sequence[Recipe], *, data: Path, leave_out: LeaveOut | None = None
) -> RunPlan:
    """Estimate `train_model` for each recipe, by taking eight steps of each of its stages.

    Parameters
    ----------
    recipes : sequence of Recipe
        One, or its variants.
    data : Path
        Folder with ``samples.csv``; images of test units are not opened.
    leave_out : LeaveOut, optional
        Each fold and seed costs one more training.
    """
    from fatescope.train import Fit, deal_folds, find_trainable, measure_cost

    times = 1
    if leave_out is not None and leave_out.leave_out is not None:
        times += leave_out.seeds * len(deal_folds(data, leave_out))
    seconds, output_mb = 0.0, 0.0
    begun = time.process_time()
    streams: set[object] = set()
    for recipe in recipes:
        trainable = find_trainable(recipe.task)
        for number, stage in enumerate(trainable.inherit(recipe, None).stages):
            task = trainable.build_task(stage, data=data)
            cost = measure_cost(task, stage.fit)
            stream = (number, Fit(task=task, settings=stage.fit, folder=data).stream)
            seconds += cost.of_fit(stage.fit, shared=stream in streams)
            seconds += (times - 1) * cost.of_fit(stage.fit)
            streams.add(stream)
            output_mb += times * cost.n_weights * CHECKPOINT_BYTES / 1e6
        seconds += times * (PACKAGE_SECONDS + PACKAGE_VALIDATIONS * cost.validation_seconds)
        output_mb += PACKAGE_MB
    seconds += time.process_time() - begun  # reading images, and imports
    return RunPlan(
        command="train",
        units=times * len(recipes),
        cpu_seconds=round(seconds, 1),
        wall_seconds=round(seconds, 1),
        peak_memory_mb=round(peak_memory_mb() + QUANTISER_MB),
        output_mb=round(output_mb, 1),
        workers=1,
        what="networks",
    )
