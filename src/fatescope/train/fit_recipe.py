"""All stages of recipes, one fit after the other, whatever the task; variants in one pass."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fatescope.models import find_package, read_package
from fatescope.train.export import load_weights, mix_weights, weights_bytes
from fatescope.train.fit import Fitted, fit_together
from fatescope.train.one_fit import Fit, Report
from fatescope.train.trainables import Filmed, find_trainable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.train.recipe_settings import Recipe
    from fatescope.train.task import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeFit:
    """A recipe that is to be fitted.

    Parameters
    ----------
    recipe : Recipe
        One stage, or several: each begins with the averaged weights of the one before.
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are not opened.
    out : Path
        Takes ``checkpoints/last.ckpt`` and ``log.csv`` of the last stage after every epoch, and
        those of the stages before it in ``stage-1``, ``stage-2`` and so on.
    film : Path, optional
        Takes images of validation units over epochs, of tasks that have them.
    """

    recipe: Recipe
    data: Path
    out: Path
    film: Path | None = None


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
    recipe, data, out, film
        See `RecipeFit`.
    start : path or str, optional
        A package, by path or shipped name, whose weights are the beginning.
    report : callable, optional
        Called with steps done and steps in all, over all stages, and the row of each epoch.

    Returns
    -------
    Fitted
        The history is that of the last stage, CPU time is that of all.

    Raises
    ------
    ModelError
        If the weights of ``start`` belong to another network.
    """
    one = RecipeFit(recipe=recipe, data=data, out=out, film=film)
    return fit_recipes([one], start=start, report=report)[0]


def fit_recipes(
    asked: Sequence[RecipeFit], *, start: Path | str | None = None, report: Report | None = None
) -> list[Fitted]:
    """Train networks of several recipes in one pass over the batches that they share.

    Parameters
    ----------
    asked : sequence of RecipeFit
        Stages of one number are fitted together; see `fit_together`.
    start, report
        As for `fit_recipe`; steps are those of all recipes.

    Returns
    -------
    list of Fitted
        Each as `fit_recipe` alone returns it.
    """
    first = None
    if start is not None:
        first = read_package(find_package(start)).files.get("weights.safetensors", b"")
    weights = [first for _ in asked]
    minutes, done = [0.0 for _ in asked], [0 for _ in asked]
    fitted: list[Fitted | None] = [None for _ in asked]
    total = sum(stage.fit.steps for one in asked for stage in one.recipe.stages)

    def reporting(i: int) -> Report:
        before = done[i]

        def report_stage(steps: int, _: int, row: Row) -> None:
            done[i] = before + steps
            if report is not None:
                report(sum(done), total, row)

        return report_stage

    for number in range(max(len(one.recipe.stages) for one in asked)):
        here = [i for i, one in enumerate(asked) if number < len(one.recipe.stages)]
        fits = [_stage_fit(asked[i], number, weights=weights[i], report=reporting(i)) for i in here]
        for i, found in zip(here, fit_together(fits), strict=True):
            minutes[i] += found.cpu_minutes
            fitted[i] = replace(found, cpu_minutes=minutes[i])
            done[i] = sum(s.fit.steps for s in asked[i].recipe.stages[: number + 1])
            weights[i] = weights_bytes(found.network)
    whole = [f for f in fitted if f is not None]
    for one, found in zip(asked, whole, strict=True):
        if first is not None and one.recipe.start_share > 0:
            mix_weights(found.network, first, share=one.recipe.start_share)
    return whole


def _stage_fit(one: RecipeFit, number: int, *, weights: bytes | None, report: Report) -> Fit:
    """Return the fit of a stage, counted from 0."""
    trainable, stages = find_trainable(one.recipe.task), one.recipe.stages
    last = number + 1 == len(stages)
    task = trainable.build_task(stages[number], data=one.data)
    watch = None
    if last and one.film is not None and isinstance(trainable, Filmed):
        watch = trainable.watch(task, one.film)
    return Fit(
        task=task,
        settings=stages[number].fit,
        folder=one.out if last else one.out / f"stage-{number + 1}",
        weights=_filling(weights),
        report=report,
        watch=watch,
    )


def _filling(weights: bytes | None) -> Any:
    return None if weights is None else lambda network: load_weights(network, weights)
