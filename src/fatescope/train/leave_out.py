"""Score a recipe where images are too few for a test part: each unit is left out once."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from fatescope.base import InputError
from fatescope.models import find_package, read_package
from fatescope.prepare import read_samples, unit_hash, write_samples
from fatescope.prepare.store import SPLITS, write_rows
from fatescope.train.fit import report_progress
from fatescope.train.fit_recipe import fit_recipe
from fatescope.train.instance_package import draft_instances, score_draft
from fatescope.train.provenance import Provenance
from fatescope.train.tasks.nuclei import sample_losses

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fatescope.train.scoring import Scored
    from fatescope.train.settings import InstanceRecipe

LEAST_UNITS = 3
LOSSES = "samples_loss.csv"


def units_to_leave_out(data: Path, *, kind: str) -> list[str]:
    """Return the training units of a kind of image, or of ``"all"``.

    Raises
    ------
    InputError
        If there are fewer than three.
    """
    rows = read_samples(data, splits=["train"])
    units = sorted({s.unit for s in rows if kind in ("all", s.kind)})
    if len(units) < LEAST_UNITS:
        kinds = ", ".join(sorted({s.kind for s in rows}))
        raise InputError(
            f"--leave-out {kind}: {len(units)} units of this kind would learn; {LEAST_UNITS} or "
            f"more are needed. Kinds are: {kinds}; or all."
        )
    return units


def score_left_out(
    recipe: InstanceRecipe,
    *,
    data: Path,
    out: Path,
    kind: str,
    start: Path | str | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Scored]:
    """Train once without each unit, thresholds included, and score that unit.

    Parameters
    ----------
    recipe : InstanceRecipe
        Trained as it stands, once for each unit; so the cost is that of as many trainings.
    data : Path
        Folder with ``samples.csv``.
    out : Path
        Takes ``<n>/`` for each unit, with checkpoints: a killed call continues; and
        ``samples_loss.csv``: the loss of each image under the network that has not seen its unit.
    kind : str
        Units of this kind of image are left out, or ``"all"``; only units that would learn.
    start : path or str, optional
        A package whose weights are the beginning; it must not have seen the units.
    progress : callable, optional

    Returns
    -------
    list of Scored
        Each image of these units, in f32.

    Raises
    ------
    InputError
        If there are fewer than three units of that kind, or ``start`` has seen one of them.
    """
    rows = read_samples(data, splits=SPLITS)
    units = units_to_leave_out(data, kind=kind)
    if start is not None:
        known = set(read_package(find_package(start)).description.training.units_seen)
        seen = [u for u in units if unit_hash(u) in known]
        if seen:
            raise InputError(
                f"--leave-out {kind}: {start} has seen {len(seen)} of these units ({seen[0]}), so "
                "leaving them out would prove nothing. Go on from another package."
            )
    scored: list[Scored] = []
    losses: list[dict[str, object]] = []
    for number, unit in enumerate(units):
        folder = out / f"{number:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        held = [
            replace(s, split="test") if s.unit == unit else s for s in rows if s.split != "test"
        ]
        write_samples(folder / "samples.csv", held)
        report = report_progress(progress, f"training without {unit}")
        fitted = fit_recipe(recipe, data=folder, out=folder, start=start, report=report)
        draft = draft_instances(
            fitted.network,
            held,
            recipe=recipe,
            provenance=Provenance(command="", steps=recipe.fit.steps),
        )
        tested = [s for s in held if s.split == "test"]
        scored += score_draft(draft, tested, precision="fp32")
        stage = recipe.stages[-1]
        for s, loss in zip(tested, sample_losses(fitted.network, tested, stage=stage), strict=True):
            image = os.path.relpath(s.image.resolve(), data.resolve())
            row = {"image": image, "unit": s.unit, "fold": number, "seed": recipe.seed}
            losses.append({**row, "loss": loss})
        write_rows(out / LOSSES, losses)
        if progress:
            progress(number + 1, len(units), "units left out")
    return scored
