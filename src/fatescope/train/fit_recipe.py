"""All stages of a recipe, one fit after the other, whatever the task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fatescope.models import find_package, read_package
from fatescope.train.export import load_weights, mix_weights, weights_bytes
from fatescope.train.fit import Fitted, Report, fit
from fatescope.train.trainables import Filmed, find_trainable

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.train.recipe_settings import Recipe
    from fatescope.train.task import Row
    from fatescope.train.trainables import Trainable


def fit_recipe(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    start: Path | str | None = None,
    report: Report | None = None,
    film: Path | None = None,
) -> Fitted:
    """Train a network in all stages of a recipe, or continue where an earlier call was stopped.

    Parameters
    ----------
    recipe : Recipe
        One stage, or several: each begins with the averaged weights of the one before.
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are not opened.
    out : Path
        Takes ``checkpoints/last.ckpt`` and ``log.csv`` of the last stage after every epoch, and
        those of the stages before it in ``stage-1``, ``stage-2`` and so on.
    start : path or str, optional
        A package, by path or shipped name, whose weights are the beginning.
    report : callable, optional
        Called with steps done and steps in all, over all stages, and the row of each epoch.

    Returns
    -------
    Fitted
        The history is that of the last stage, CPU time is that of all. With ``start_share`` the
        network is the mean of ``start`` and what was trained, which the history does not show.

    Raises
    ------
    ModelError
        If the weights of ``start`` belong to another network.
    """
    trainable = find_trainable(recipe.task)
    weights = beginning = None
    if start is not None:
        weights = read_package(find_package(start)).files.get("weights.safetensors", b"")
        beginning = weights
    minutes, before, total = 0.0, 0, sum(stage.fit.steps for stage in recipe.stages)

    def report_stage(done: int, _: int, row: Row) -> None:
        if report is not None:
            report(before + done, total, row)

    for number, stage in enumerate(recipe.stages, start=1):
        fitted = fit_stage(
            trainable,
            stage,
            data=data,
            out=out if number == len(recipe.stages) else out / f"stage-{number}",
            weights=weights,
            report=report_stage,
            film=film if number == len(recipe.stages) else None,
        )
        before += stage.fit.steps
        weights = weights_bytes(fitted.network)
        minutes += fitted.cpu_minutes
    if beginning is not None and recipe.start_share > 0:
        mix_weights(fitted.network, beginning, share=recipe.start_share)
    return replace(fitted, cpu_minutes=minutes)


def fit_stage(
    trainable: Trainable,
    stage: Any,
    *,
    data: Path,
    out: Path,
    weights: bytes | None = None,
    report: Report | None = None,
    film: Path | None = None,
) -> Fitted:
    """Do one fit of a recipe; as `fit_recipe`, with safetensors to begin with."""
    task = trainable.build_task(stage, data=data)
    watch = None
    if film is not None and isinstance(trainable, Filmed):
        watch = trainable.watch(task, film)
    return fit(
        task,
        stage.fit,
        folder=out,
        weights=None if weights is None else lambda network: load_weights(network, weights),
        report=report,
        watch=watch,
    )
