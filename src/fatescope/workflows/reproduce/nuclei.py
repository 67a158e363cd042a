"""``fatescope reproduce nuclei-2020``: published, its worth on other pictures, corrected."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import write_table
from fatescope.base import InputError, Table
from fatescope.evaluate import LabelScores, score_labels
from fatescope.prepare import Sample, read_pixels, write_samples
from fatescope.prepare.store import write_picture
from fatescope.run import Run
from fatescope.simulate import NucleiMovieSettings, simulate_picture
from fatescope.workflows.reproduce.nuclei_page import write_nuclei_page

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.run import Summary
    from fatescope.train import LibraryNetwork, PublishedNuclei
    from fatescope.workflows.reproduce.settings import NucleiRecipe

    Progress = Callable[[int, int, str], None]

_QUICK = {"epochs": 5, "batches": 8, "batch": 4, "size_px": 128, "rate": 0.001, "steps": 50}
"""Forty small batches learn nothing at the published rate; the page states what ran."""
_RENDERED, _QUICK_FOLDS = 6, 2
HALF = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """One picture that was left out, and what the networks that never saw it made of it."""

    key: str
    pixels: np.ndarray
    truth: LabelImage
    published: PublishedNuclei
    probability: FloatArray
    scores: dict[str, LabelScores]  # by method


def reproduce_nuclei(
    *,
    out: Path,
    recipe: NucleiRecipe,
    data: Path | None = None,
    quick: bool = False,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Run the recipe as published, show what it is worth, then run a corrected one.

    Parameters
    ----------
    out : Path
        Gets ``report.html``, ``scores.csv`` and ``course.csv``.
    recipe : NucleiRecipe
    data : Path, optional
        Folder with ``images/`` and ``labels/`` of one name each, or one that holds
        ``wormimage_em``. Each picture is left out once.
    quick : bool
        A short run on rendered pictures: shows that everything runs, proves nothing.
    progress, fresh

    Raises
    ------
    InputError
        If there are no pictures, or fewer than three.
    """
    if quick:
        recipe = recipe.replace(**_QUICK)
    settings = {**recipe.model_dump(mode="json"), "quick": quick}
    with Run.open(out, command="reproduce nuclei-2020", settings=settings, fresh=fresh) as run:
        if run.pending(["nuclei-2020"]):
            with tempfile.TemporaryDirectory() as scratch:
                samples, source = find_samples(data, quick=quick, scratch=Path(scratch))
                left_out = samples[:_QUICK_FOLDS] if quick else samples
                folds = []
                for i, sample in enumerate(left_out):
                    others = [s for s in samples if s.unit != sample.unit]
                    folds.append(_fold(sample, others, recipe, Path(scratch) / f"{i}", progress))
                    if progress:
                        progress(i + 1, len(left_out), "pictures left out")
            files = _write(run.out, folds)
            page = run.out / "report.html"
            write_nuclei_page(page, folds, recipe, source=source, quick=quick)
            run.record("nuclei-2020", files=[*files, page])
        return run.finish()


def find_samples(data: Path | None, *, quick: bool, scratch: Path) -> tuple[list[Sample], str]:
    """Return pairs of picture and labels, and one sentence that says where they come from."""
    if quick:
        return _rendered(scratch), f"{_RENDERED} rendered pictures (not of any embryo)"
    given = data or (Path(os.environ["FATESCOPE_DATA"]) if "FATESCOPE_DATA" in os.environ else None)
    if given is None:
        raise InputError(
            "no pictures to learn from. Give a folder with images/ and labels/ by --data, or "
            "--quick for a short run on rendered pictures."
        )
    folder = given / "wormimage_em" if (given / "wormimage_em").is_dir() else given
    samples = [
        Sample(image=image, labels=labels, unit=image.stem)
        for image in sorted((folder / "images").glob("*.*"))
        if (labels := folder / "labels" / f"{image.stem}.png").is_file()
    ]
    if len(samples) < 3:
        raise InputError(
            f"{folder}: {len(samples)} pairs of images/NAME.* and labels/NAME.png; three or more "
            "are needed, so that one can be left out."
        )
    return samples, f"{len(samples)} pictures of {folder.name}"


def _rendered(scratch: Path) -> list[Sample]:
    plan = NucleiMovieSettings(height=256, width=256, diameter_px=34, density=0.2)
    samples = []
    for i in range(_RENDERED):
        pixels, labels = simulate_picture(plan, seed=i)
        image, truth = scratch / f"rendered-{i}.png", scratch / f"rendered-{i}-labels.png"
        write_picture(image, pixels.astype(np.uint16))
        write_picture(truth, labels.astype(np.uint16))
        samples.append(Sample(image=image, labels=truth, unit=f"rendered-{i}"))
    return samples


def _fold(
    sample: Sample,
    others: Sequence[Sample],
    recipe: NucleiRecipe,
    scratch: Path,
    progress: Progress | None,
) -> Fold:
    """Train both networks without one picture, and score them on it."""
    from fatescope.train import fit_published_nuclei, threshold_instances

    published = fit_published_nuclei(
        others,
        epochs=recipe.epochs,
        batches=recipe.batches,
        batch=recipe.batch,
        rate=recipe.rate,
        size_px=recipe.size_px,
        seed=recipe.seed,
        weights=_weights(recipe),
        progress=progress,
    )
    pixels = read_pixels(sample.image)
    truth = read_pixels(sample.labels).astype(np.int32)
    probability = published.probability(pixels)
    scores = {
        f"published, threshold {at:g}": score_labels(
            truth, threshold_instances(probability, threshold=at)
        )
        for at in (HALF, recipe.shown_threshold)
    }
    scores["corrected"] = _corrected(sample, others, recipe, scratch, progress)
    return Fold(
        key=sample.unit,
        pixels=pixels,
        truth=truth,
        published=published,
        probability=probability,
        scores=scores,
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


def _corrected(
    sample: Sample,
    others: Sequence[Sample],
    recipe: NucleiRecipe,
    scratch: Path,
    progress: Progress | None,
) -> LabelScores:
    """Train this house's network on the same pictures; the size of the nuclei is told."""
    from fatescope.train import EvaluatedNetwork, Recipe, fit_recipe, score_samples
    from fatescope.train.packaging import describe

    fit = {"steps": recipe.steps, "precision": "float32", "steps_per_epoch": 100}
    house = Recipe.from_values({"name": "nuclei-2020", "seed": recipe.seed, "fit": fit})
    scratch.mkdir()
    learning = [replace(s, split="train") for s in others]
    write_samples(scratch / "samples.csv", learning)
    fitted = fit_recipe(house, data=scratch, out=scratch, progress=progress)
    description = describe(house, learning, seen=(), command="fatescope reproduce nuclei-2020")
    (scored,) = score_samples(
        EvaluatedNetwork(fitted.network),
        [sample],
        description=description,
        thresholds=description.thresholds,
    )
    return scored.scores


def _write(out: Path, folds: Sequence[Fold]) -> list[Path]:
    rows = [(f.key, method, s) for f in folds for method, s in f.scores.items()]
    scores = Table(
        {
            "picture": np.array([key for key, _, _ in rows], dtype=object),
            "method": np.array([method for _, method, _ in rows], dtype=object),
            "pixel_iou": np.array([s.iou for _, _, s in rows]),
            "ap50": np.array([s.ap(50) for _, _, s in rows]),
            "n_true": np.array([s.n_true for _, _, s in rows]),
            "n_found": np.array([s.n_pred for _, _, s in rows]),
        }
    )
    n = [len(f.published.loss) for f in folds]
    course = Table(
        {
            "left_out": np.repeat(np.array([f.key for f in folds], dtype=object), n),
            "epoch": np.concatenate([np.arange(1, k + 1) for k in n]),
            "dice_loss": np.concatenate([f.published.loss for f in folds]),
            "training_iou": np.concatenate([f.published.iou for f in folds]),
        }
    )
    write_table(scores, out / "scores.csv")
    write_table(course, out / "course.csv")
    return [out / "scores.csv", out / "course.csv"]
