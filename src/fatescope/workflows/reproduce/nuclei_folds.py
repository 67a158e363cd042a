"""One unit of ``reproduce nuclei-2020``: some pictures left out, both networks trained without."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Table
from fatescope.evaluate import LabelScores, score_labels
from fatescope.prepare import Sample, read_label_plane, read_plane, write_samples
from fatescope.report import draw_triptych
from fatescope.report.lineage import store_text
from fatescope.workflows.driver import Outcome, describe_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.train import LibraryNetwork, PublishedNuclei
    from fatescope.workflows.execute import Progress
    from fatescope.workflows.reproduce.settings import NucleiRecipe

CORRECTED = "corrected"
_HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Pictures that are left out together, and those that the networks learn from."""

    left_out: tuple[Sample, ...]
    learnt: tuple[Sample, ...]

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return ", ".join(s.unit for s in self.left_out)

    @property
    def paths(self) -> list[Path]:
        """The files that decide what comes out."""
        return [p for s in (*self.left_out, *self.learnt) for p in s.paths]

    def absolute(self) -> Fold:
        """Return the same fold for a process that stands in another folder."""
        left_out, learnt = ([s.absolute() for s in part] for part in (self.left_out, self.learnt))
        return Fold(left_out=tuple(left_out), learnt=tuple(learnt))

    def __str__(self) -> str:
        return self.key


def plan_folds(samples: Sequence[Sample], n: int) -> list[Fold]:
    """Leave each picture out once, neighbours by name together: they may be of one series."""
    rows = np.array_split(np.arange(len(samples)), min(n, len(samples)))
    return [
        Fold(
            left_out=tuple(samples[i] for i in part),
            learnt=tuple(s for i, s in enumerate(samples) if i not in part),
        )
        for part in rows
    ]


def run_fold(
    fold: Fold, *, out: Path, recipe: NucleiRecipe, progress: Progress | None = None
) -> Outcome:
    """Train the published and the corrected network, and score both on what was left out.

    Parameters
    ----------
    fold : Fold
    out : Path
        Gets ``pictures/NAME.svg`` of each picture left out.
    recipe : NucleiRecipe
    progress : callable, optional
    """
    from fatescope.train import fit_published_nuclei

    published = fit_published_nuclei(
        fold.learnt,
        epochs=recipe.epochs,
        batches=recipe.batches,
        batch=recipe.batch,
        rate=recipe.rate,
        size_px=recipe.size_px,
        seed=recipe.seed,
        weights=_weights(recipe),
        progress=progress,
    )
    corrected = _corrected(fold, recipe, progress)
    scores, files = [], []
    for sample, ours in zip(fold.left_out, corrected, strict=True):
        theirs, picture = _judge_published(published, sample, recipe)
        store_text(out / "pictures" / f"{sample.unit}.svg", picture)
        files.append(f"pictures/{sample.unit}.svg")
        scores += [(sample.unit, m, s) for m, s in {**theirs, CORRECTED: ours}.items()]
    return Outcome(
        input=describe_files(fold.paths),
        tables={
            "scores": _score_table(scores),
            "course": _course_table(fold, published),
            "networks": Table(
                {
                    "left_out": np.array([fold.key], dtype=object),
                    "training_iou": np.array([published.training_iou]),
                }
            ),
        },
        files=files,
    )


def _weights(recipe: NucleiRecipe) -> LibraryNetwork | None:
    """Return the file of weights that the user gave for ResNet18, if any."""
    if recipe.weights == "random":
        return None
    from fatescope.train import LibraryNetwork

    return LibraryNetwork.from_values(
        {
            "kind": "fpn",
            "encoder": "resnet18",
            "weights": recipe.weights,
            "sha256": recipe.sha256,
        }
    )


def _corrected(fold: Fold, recipe: NucleiRecipe, progress: Progress | None) -> list[LabelScores]:
    """Train this house's network on the same pictures; the size of the nuclei is told."""
    from fatescope.train import EvaluatedNetwork, Recipe, fit_recipe, score_samples
    from fatescope.train.packaging import describe

    fit = {"steps": recipe.steps, "precision": "float32", "steps_per_epoch": 100}
    house = Recipe.from_values(
        {
            "name": "nuclei-2020",
            "seed": recipe.seed,
            "network": {"n_outputs": 3},
            "fit": fit,
        }
    )
    learning = [replace(s, split="train") for s in fold.learnt]
    with tempfile.TemporaryDirectory() as scratch:
        write_samples(Path(scratch) / "samples.csv", learning)
        fitted = fit_recipe(house, data=Path(scratch), out=Path(scratch), progress=progress)
    description = describe(house, learning, seen=(), command="fatescope reproduce nuclei-2020")
    scored = score_samples(
        EvaluatedNetwork(fitted.network),
        list(fold.left_out),
        description=description,
        thresholds=description.thresholds,
    )
    return [s.scores for s in scored]


def _judge_published(
    published: PublishedNuclei, sample: Sample, recipe: NucleiRecipe
) -> tuple[dict[str, LabelScores], str]:
    """Return the scores by threshold, and the picture of input, prediction and mask."""
    from fatescope.train import threshold_instances

    pixels = read_plane(sample.image)
    truth = read_label_plane(sample.labels)
    found = published.probability(pixels)
    scores = {
        f"published, threshold {at:g}": score_labels(
            truth, threshold_instances(found, threshold=at)
        )
        for at in (_HALF, recipe.shown_threshold)
    }
    picture = draw_triptych(
        pixels, found, truth, threshold=recipe.shown_threshold, title=sample.unit
    )
    return scores, picture


def _score_table(rows: Sequence[tuple[str, str, LabelScores]]) -> Table:
    scores = [s for *_, s in rows]
    return Table(
        {
            "picture": np.array([key for key, *_ in rows], dtype=object),
            "method": np.array([method for _, method, _ in rows], dtype=object),
            "pixel_iou": np.array([s.iou for s in scores]),
            "ap50": np.array([s.ap(50) for s in scores]),
            "n_true": np.array([s.n_true for s in scores]),
            "n_found": np.array([s.n_pred for s in scores]),
            "n_matched": np.array([s.tp[0] for s in scores]),
            "true_px": np.array([s.true_px for s in scores]),
            "found_px": np.array([s.pred_px for s in scores]),
            "shared_px": np.array([s.shared_px for s in scores]),
        }
    )


def _course_table(fold: Fold, published: PublishedNuclei) -> Table:
    n = len(published.loss)
    return Table(
        {
            "left_out": np.full(n, fold.key, dtype=object),
            "epoch": np.arange(1, n + 1),
            "dice_loss": np.array(published.loss),
            "training_iou": np.array(published.iou),
        }
    )
