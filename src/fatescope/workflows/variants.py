"""Variants of a recipe, trained one after the other and compared on validation units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table, write_table
from fatescope.base import InputError, Table
from fatescope.prepare import read_samples
from fatescope.run import Run
from fatescope.storage import hash_path
from fatescope.workflows.training import train_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.run import Summary
    from fatescope.train import LeaveOut, Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedVariants:
    """The variants of a recipe, and which of them is best on the validation units."""

    summary: Summary
    table: Table  # variant, step, loss, and each score of the task
    metric: str
    scores: Mapping[str, str]  # column, and its words

    @property
    def best(self) -> str:
        """The variant with the highest score on validation units."""
        return str(self.table["variant"][int(np.argmax(self.table[self.metric]))])

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""
        scores = zip(*(self.table[c].tolist() for c in ("variant", self.metric)), strict=True)
        return {**self.summary.as_json(), "best": self.best, "variants": dict(scores)}

    def as_lines(self) -> list[str]:
        """Return what a person reads on the terminal."""
        rows = [
            f"{name}: {self.scores[self.metric]} {score:.3f} on validation units, loss {loss:.3f}"
            for name, score, loss in zip(
                *(self.table[c].tolist() for c in ("variant", self.metric, "loss")), strict=True
            )
        ]
        return [
            *self.summary.as_lines(),
            *rows,
            f"Best on validation units: {self.best}. One seed each, so small differences may be "
            "chance; the score on test units is in the card of each package.",
        ]

    @property
    def errors(self) -> Sequence[str]:
        """Return one sentence for each variant that gave no package."""
        return self.summary.errors

    @property
    def exit_code(self) -> int:
        """0 done."""
        return self.summary.exit_code


def train_variants(
    recipe: Recipe,
    names: Sequence[str],
    *,
    data: Path,
    out: Path,
    start: Path | str | None = None,
    called: str | None = None,
    leave_out: LeaveOut | None = None,
    exclude: Path | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> TrainedVariants:
    """Train variants of a recipe on the same data and put their validation scores side by side.

    Parameters
    ----------
    recipe : Recipe
        Declares its variants: tables ``[variants.NAME]`` with the values that differ.
    names : sequence of str
        Which of them; ``recipe`` is the recipe as it stands.
    data : Path
        Folder with ``samples.csv``; it must hold validation units, which choose.
    out : Path
        Takes a folder for each variant, as `train_model` writes it, and ``variants.csv``.
    start, leave_out, exclude, called, progress, fresh
        As for `train_model`.

    Raises
    ------
    SettingsError
        If the recipe has no variant of a name, or a name is given twice.
    InputError
        If there are no validation units.
    """
    from fatescope.train import choose_variants, find_trainable

    recipes = choose_variants(recipe, names)
    if not read_samples(data, splits=["validation"]):
        raise InputError(
            f"{data}: there are no validation units, which choose among variants. Divide the "
            "images again with a larger --validation."
        )
    record = {
        "recipes": {n: r.model_dump(mode="json", exclude={"tune"}) for n, r in recipes.items()},
        "data": str(data),
        "from": str(start or ""),
        "leave_out": " ".join(leave_out.words[1:]) if leave_out else "",
    }
    if exclude is not None:
        record["exclude"] = hash_path(exclude)
    with Run.open(out, command="train", settings=record, fresh=fresh) as run:
        for name in run.pending(recipes):
            train_model(
                recipes[name],
                data=data,
                out=out / name,
                start=start,
                called=f"{called or recipe.name + '.toml'} --variants {name}",
                leave_out=leave_out,
                exclude=exclude,
                progress=progress,
                fresh=fresh,
            )
            run.record(name, files=[f"{name}/{part}" for part in ("log.csv", "package")])
        trainable = find_trainable(recipe.task)
        table = _side_by_side(out, names, scores=trainable.scores, metric=trainable.metric)
        write_table(table, out / "variants.csv")
        run.wrote("variants.csv")
        summary = run.finish()
    return TrainedVariants(
        summary=summary, table=table, metric=trainable.metric, scores=trainable.scores
    )


def _side_by_side(
    out: Path, names: Sequence[str], *, scores: Mapping[str, str], metric: str
) -> Table:
    """Return the last row of each log that holds the score that decides."""
    columns = ("step", "loss", *scores)
    rows = []
    for name in names:
        log = read_table(out / name / "log.csv")
        last = np.flatnonzero(np.isfinite(log[metric]))[-1]
        rows.append([float(log[c][last]) for c in columns])
    values = np.array(rows).T
    return Table(
        {"variant": np.array(list(names), dtype=object), **dict(zip(columns, values, strict=True))}
    )
