"""Variants of a recipe, trained in one pass and compared on validation units."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table, write_table
from fatescope.base import InputError, Table
from fatescope.engine import OfRun, Run
from fatescope.prepare import read_samples
from fatescope.storage import hash_path
from fatescope.systems.training.page import write_variants_page
from fatescope.systems.training.plan import plan_training
from fatescope.systems.training.train import Asked, Material, Trained, train_models
from fatescope.train.recipe import choose_variants, read_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import Progress
    from fatescope.engine.plan import RunPlan
    from fatescope.train import LeaveOut


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedVariants(OfRun):
    """The variants of a recipe, and which of them is best on the validation units."""

    table: Table  # variant, step, loss, each score of the task, seconds of an epoch
    metric: str
    scores: Mapping[str, str]  # column, and its words

    @property
    def best(self) -> str:
        """The variant with the highest score on validation units."""
        return _best(self.table, self.metric)

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        scores = zip(*(self.table[c].tolist() for c in ("variant", self.metric)), strict=True)
        return {**self.summary.as_json(), "best": self.best, "variants": dict(scores)}

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        columns = ("variant", self.metric, "loss", "seconds_per_epoch")
        rows = [
            f"{name}: {self.scores[self.metric]} {score:.3f} on validation units, loss {loss:.3f}, "
            f"{seconds:.1f} s an epoch"
            for name, score, loss, seconds in zip(
                *(self.table[c].tolist() for c in columns), strict=True
            )
        ]
        reading = float(self.table["reading_seconds_per_epoch"].max())
        return [
            *self.summary.as_lines(),
            *rows,
            f"Waiting for batches took {reading:.1f} s an epoch, once for all that share them.",
            _best_sentence(self.table, self.metric, self.scores),
        ]


def train_recipe(
    recipe: str,
    *,
    data: Path,
    out: Path,
    leave_out: LeaveOut,
    start: str | None = None,
    exclude: Path | None = None,
    variants: str | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Trained | TrainedVariants:
    """Train a recipe by its name, or those of its variants that are listed with commas."""
    asked = Asked(recipe=read_recipe(recipe), out=out, called=Path(recipe).name)
    material = Material(data=data, start=start, leave_out=leave_out, exclude=exclude)
    if variants is None:
        return train_models([asked], material, progress=progress, fresh=fresh)[0]
    return train_variants(asked, _listed(variants), material, progress=progress, fresh=fresh)


def plan_recipe(
    recipe: str, *, data: Path, leave_out: LeaveOut, variants: str | None = None
) -> RunPlan:
    """Say what `train_recipe` would cost."""
    names = ["recipe"] if variants is None else _listed(variants)
    chosen = choose_variants(read_recipe(recipe), names)
    return plan_training([*chosen.values()], data=data, leave_out=leave_out)


def _listed(variants: str) -> list[str]:
    return [name.strip() for name in variants.split(",")]


def train_variants(
    asked: Asked,
    names: Sequence[str],
    material: Material,
    *,
    progress: Progress | None = None,
    fresh: bool = False,
) -> TrainedVariants:
    """Train variants of a recipe in one pass and put their validation scores side by side.

    Variants that see the same batches (they have one seed, one size of batch, one way of cutting
    and augmenting) share them: each batch is made once and shown to all.

    Parameters
    ----------
    asked : Asked
        Its recipe declares variants: tables ``[variants.NAME]`` with the values that differ. Its
        folder takes one for each variant, as `train_model` writes it, ``variants.csv`` and
        ``report.html``, which draws the curves of all.
    names : sequence of str
        Which of them; ``recipe`` is the recipe as it stands.
    material : Material
        It must hold validation units, which choose.
    progress, fresh
        As for `train_model`.

    Raises
    ------
    SettingsError
        If the recipe has no variant of a name, or a name is given twice.
    InputError
        If there are no validation units.
    """
    from fatescope.train import choose_variants, find_trainable

    recipe, out = asked.recipe, asked.out
    data, leave_out, exclude = material.data, material.leave_out, material.exclude
    recipes = choose_variants(recipe, names)
    if not read_samples(data, splits=["validation"]):
        raise InputError(
            f"{data}: there are no validation units, which choose among variants. Divide the "
            "images again with a larger --validation."
        )
    record = {
        "recipes": {n: r.model_dump(mode="json", exclude={"tune"}) for n, r in recipes.items()},
        "data": str(data),
        "from": str(material.start or ""),
        "leave_out": " ".join(leave_out.words[1:]) if leave_out else "",
    }
    if exclude is not None:
        record["exclude"] = hash_path(exclude)
    with Run.open(out, command="train", settings=record, fresh=fresh) as run:
        todo = list(run.pending(recipes))
        each = [
            Asked(recipe=recipes[name], out=out / name, called=f"{asked.name} --variants {name}")
            for name in todo
        ]
        train_models(each, material, progress=progress, fresh=fresh)
        for name in todo:
            files = ("log.csv", "times.csv", "package")
            run.record(name, files=[f"{name}/{part}" for part in files])
        trainable = find_trainable(recipe.task)
        logs = {name: read_table(out / name / "log.csv") for name in names}
        table = _side_by_side(out, logs, scores=trainable.scores, metric=trainable.metric)
        write_table(table, out / "variants.csv")
        run.wrote("variants.csv")
        write_variants_page(
            out / "report.html",
            logs,
            lead=_best_sentence(table, trainable.metric, trainable.scores),
            recipe=recipe,
            table=table,
            metric=trainable.metric,
            scores=trainable.scores,
            scored_on=trainable.scored_on,
        )
        run.wrote("report.html")
        summary = run.finish()
    return TrainedVariants(
        summary=summary, table=table, metric=trainable.metric, scores=trainable.scores
    )


def _best(table: Table, metric: str) -> str:
    return str(table["variant"][int(np.argmax(table[metric]))])


def _best_sentence(table: Table, metric: str, scores: Mapping[str, str]) -> str:
    """Return which variant is best, how far ahead it is, and what that does not say."""
    values = sorted(table[metric].tolist(), reverse=True)
    ahead = f", {values[0] - values[1]:.3f} ahead of the next" if len(values) > 1 else ""
    return (
        f"Best on validation units: {_best(table, metric)}, {scores[metric]} "
        f"{values[0]:.3f}{ahead}. One seed each, so small differences may be chance; the score on "
        "test units is in the card of each package."
    )


def _side_by_side(
    out: Path, logs: Mapping[str, Table], *, scores: Mapping[str, str], metric: str
) -> Table:
    """Return the last row of each log that holds the score that decides, and what epochs took.

    A score that no variant could be given, such as that of a class without pixels, is no column.
    """
    columns = ["step", "loss", *(c for c in scores if any(c in log for log in logs.values()))]
    rows = []
    for name, log in logs.items():
        times = read_table(out / name / "times.csv")
        last = np.flatnonzero(np.isfinite(log[metric]))[-1]
        spent = [float(times[c].mean()) for c in ("seconds", "reading_seconds")]
        values = (float(log[c][last]) if c in log else np.nan for c in columns)
        rows.append([*values, *np.round(spent, 3)])
    columns += ["seconds_per_epoch", "reading_seconds_per_epoch"]
    names = np.array(list(logs), dtype=object)
    return Table({"variant": names, **dict(zip(columns, np.array(rows).T, strict=True))})
