"""Score each sample by a network that has not seen its unit, and keep the loss it has there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fatescope.base import InputError
from fatescope.models import find_package, read_package
from fatescope.prepare import read_samples, seen_hashes, unit_hash, write_samples
from fatescope.prepare.store import SPLITS, write_rows
from fatescope.train.fit import report_progress
from fatescope.train.fit_recipe import fit_recipe
from fatescope.train.folds import deal_folds
from fatescope.train.trainables import find_leaving_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fatescope.models import ModelPackage
    from fatescope.train.leave_out_settings import LeaveOut
    from fatescope.train.recipe_settings import Recipe
    from fatescope.train.scoring import Scored

LOSSES = "samples_loss.csv"


def read_twin(twin: Path | str, *, recipe: Recipe, data: Path) -> ModelPackage:
    """Read the package whose held-out score stands for that of a training on all of the data.

    Parameters
    ----------
    twin : path or str
    recipe : Recipe
        Of the training on all.
    data : Path
        Folder with its ``samples.csv``.

    Raises
    ------
    InputError
        If the package is of another recipe or seed, has no held-out score, or has not seen a part
        of these data and no more.
    """
    package = read_package(find_package(twin))
    made = package.description.training
    rows = read_samples(data, splits=SPLITS)
    ours = set(seen_hashes(rows, known=made.units_seen))
    faults = {
        f"was made by the recipe {made.recipe} with seed {made.seed}, not {recipe.name} with "
        f"{recipe.seed}": (made.recipe, made.seed) != (recipe.name, recipe.seed),
        "has no held-out score": not made.scores,
        "has seen units that these data lack": not ours.issuperset(made.units_seen),
        "has seen all of these data": len(ours) == len(made.units_seen),
    }
    wrong = next((words for words, found in faults.items() if found), None)
    if wrong:
        raise InputError(
            f"--scored-by {twin}: {wrong}. Train the same recipe on a part of the data, with test "
            "units that are in the rest."
        )
    return package


def score_left_out(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    asked: LeaveOut,
    start: Path | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Scored]:
    """Train once without each fold, and score what was left out.

    Parameters
    ----------
    recipe : Recipe
        Trained as it stands, once for each fold and seed; so the cost is that of as many trainings.
    data : Path
        Folder with ``samples.csv``.
    out : Path
        Takes ``<n>/`` for each fold (``<n>-<seed>/`` for further seeds), with checkpoints: a killed
        call continues; and ``samples_loss.csv``: the loss of each sample under the networks that
        have not seen its unit.
    asked : LeaveOut
        Units of which kind; only units that would learn.
    start : path or str, optional
        A package whose weights are the beginning; it must not have seen the units.
    progress : callable, optional

    Returns
    -------
    list of Scored
        What the card tells of these units, by the first seed, in f32; empty where the card of such
        packages tells nothing of single images.

    Raises
    ------
    InputError
        If there are fewer than three units of that kind, or ``start`` has seen one of them.
    SettingsError
        If nothing says which loss a single sample of this task has.
    """
    trainable = find_leaving_out(recipe.task, asked=asked.leave_out)
    rows = read_samples(data, splits=SPLITS)
    folds = deal_folds(data, asked)
    if start is not None:
        known = set(read_package(find_package(start)).description.training.units_seen)
        units = sorted({rows[i].unit for fold in folds for i in fold.held})
        seen = [u for u in units if unit_hash(u) in known]
        if seen:
            raise InputError(
                f"--leave-out {asked.leave_out}: {start} has seen {len(seen)} of these units "
                f"({seen[0]}), so leaving them out would prove nothing. Go on from another package."
            )
    scored: list[Scored] = []
    losses: list[dict[str, object]] = []
    jobs = [(n, fold, k) for n, fold in enumerate(folds) for k in range(asked.seeds)]
    for done, (number, fold, k) in enumerate(jobs):
        again = recipe if k == 0 else recipe.replace(seed=recipe.seed + k)
        folder = out / (f"{number:02d}" if k == 0 else f"{number:02d}-{k}")
        folder.mkdir(parents=True, exist_ok=True)
        held = fold.apply(rows)
        write_samples(folder / "samples.csv", held)
        report = report_progress(progress, f"training without {fold.name}")
        fitted = fit_recipe(again, data=folder, out=folder, start=start, report=report)
        if k == 0:
            scored += trainable.score_held(fitted.network, held, recipe=again)
        tested = [s for s in held if s.split == "test"]
        of_each = trainable.losses(fitted.network, tested, stage=again.stages[-1])
        for s, loss in zip(tested, of_each, strict=True):
            image = os.path.relpath(s.image.resolve(), data.resolve())
            frame = "" if s.frame is None else s.frame
            row = {"image": image, "frame": frame, "unit": s.unit, "fold": number}
            losses.append({**row, "seed": again.seed, "loss": loss})
        write_rows(out / LOSSES, losses)
        if progress:
            progress(done + 1, len(jobs), "trainings without a part")
    return scored
