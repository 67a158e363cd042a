"""One unit of ``reproduce nuclei-2020``: some images left out, both networks trained without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Table, WorkUnit
from fatescope.engine.driver import Outcome, describe_files
from fatescope.evaluate import LabelScores, boundary_roughness, score_labels
from fatescope.pages.images import display_limits, to_grey
from fatescope.prepare import Sample, read_label_plane, read_plane, write_samples
from fatescope.prepare.store import write_image_file
from fatescope.storage import remove
from fatescope.systems.reproduction.engine import FITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, Progress
    from fatescope.systems.nuclei.training.published import PublishedNuclei
    from fatescope.systems.reproduction.settings import NucleiRecipe
    from fatescope.train.scoring import Scored

CORRECTED = "corrected"
AUGMENTED = 20  # versions of each image left out, for the roughness of outlines


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold(WorkUnit):
    """Images that are left out together, and those that the networks are trained on."""

    left_out: tuple[Sample, ...]
    training: tuple[Sample, ...]

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return ", ".join(s.unit for s in self.left_out)

    @property
    def paths(self) -> list[Path]:
        """The files that decide what comes out."""
        return [p for s in (*self.left_out, *self.training) for p in s.paths]


def plan_folds(samples: Sequence[Sample], n: int) -> list[Fold]:
    """Leave each image out once, neighbours by name together: they may be of one series."""
    rows = np.array_split(np.arange(len(samples)), min(n, len(samples)))
    return [
        Fold(
            left_out=tuple(samples[i] for i in part),
            training=tuple(s for i, s in enumerate(samples) if i not in part),
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
        Gets ``images/NAME/*.png`` of each image left out.
    recipe : NucleiRecipe
    progress : callable, optional
    """
    from fatescope.systems.nuclei.training.published import augmented_pairs, fit_published_nuclei

    fits = out / FITS / fold.left_out[0].unit
    published = fit_published_nuclei(
        [with_published_mask(s) for s in fold.training],
        recipe,
        folder=fits / "published",
        progress=progress,
    )
    corrected = _corrected(fold, recipe, fits / "corrected", progress)
    scores, files, roughness = [], [], []
    for sample, drawn in zip(fold.left_out, corrected, strict=True):
        theirs, found = _score_published(published, sample, recipe)
        pairs = augmented_pairs(
            with_published_mask(sample), AUGMENTED, size_px=recipe.size_px, seed=recipe.seed
        )
        maps = [published.small_map(image) for image, _ in pairs]
        roughness.append(
            _roughness(sample, [mask for _, mask in pairs], maps, size_px=recipe.size_px)
        )
        # The version least like the first: some versions are hardly changed at all.
        shown = int(np.argmax([np.abs(image - pairs[0][0]).mean() for image, _ in pairs]))
        image, mask = pairs[shown]
        folder = Path("images") / sample.unit
        shown_images: dict[str, NDArray[np.generic]] = {
            "image": _grey(read_plane(sample.image)),
            "prediction": to_grey(found, limits=(0.0, 1.0)),
            "mask": to_grey(read_label_plane(sample.labels) > 0, limits=(0.0, 1.0)),
            "corrected": drawn.labels.astype(np.uint16),
            "augmented-image": _grey(image),
            "augmented-prediction": to_grey(maps[shown], limits=(0.0, 1.0)),
            "augmented-mask": to_grey(mask, limits=(0.0, 1.0)),
        }
        for name, pixels in shown_images.items():
            write_image_file(out / folder / f"{name}.png", pixels)
            files.append(str(folder / f"{name}.png"))
        scores += [(sample.unit, m, s) for m, s in {**theirs, CORRECTED: drawn.scores}.items()]
    remove(fits)
    return Outcome(
        input=describe_files(fold.paths),
        tables={
            "scores": _score_table(scores),
            "course": _course_table(fold, published),
            "roughness": Table.concatenate(roughness),
            "networks": Table(
                {
                    "left_out": np.array([fold.key], dtype=object),
                    "training_iou": np.array([published.training_iou]),
                }
            ),
        },
        files=files,
    )


def _corrected(
    fold: Fold, recipe: NucleiRecipe, folder: Path, progress: Progress | None
) -> list[Scored]:
    """Train this house's network on the same images; the size of the nuclei is given."""
    from fatescope.systems.nuclei.training.package import describe_instances
    from fatescope.train import (
        EvaluatedNetwork,
        InstanceRecipe,
        Provenance,
        fit_recipe,
        report_progress,
        score_samples,
    )

    fit = {"steps": recipe.steps, "precision": "float32", "steps_per_epoch": 100}
    house = InstanceRecipe.from_values(
        {
            "name": "nuclei-2020",
            "seed": recipe.seed,
            "network": {"n_outputs": 3},
            "fit": fit,
        }
    )
    learning = [replace(s, split="train") for s in fold.training]
    write_samples(folder / "samples.csv", learning)
    report = report_progress(progress, "training the corrected network")
    fitted = fit_recipe(house, data=folder, out=folder, report=report)
    provenance = Provenance(command="fatescope reproduce nuclei-2020", steps=recipe.steps)
    description = describe_instances(house, learning, provenance)
    return score_samples(
        EvaluatedNetwork(fitted.network),
        list(fold.left_out),
        description=description,
        thresholds=description.instances.thresholds,
    )


def with_published_mask(sample: Sample) -> Sample:
    """Return the sample with its mask as published, if ``masks_published`` beside labels has one.

    The masks of 2020 were kept as JPEG, and whatever is not 0 is foreground.
    """
    folder = sample.labels.parent.parent / "masks_published"
    masks = sorted(folder.glob(f"{sample.labels.stem}.*"))
    return replace(sample, labels=masks[0]) if masks else sample


def _score_published(
    published: PublishedNuclei, sample: Sample, recipe: NucleiRecipe
) -> tuple[dict[str, LabelScores], FloatArray]:
    """Return the scores by threshold, and the map."""
    from fatescope.systems.nuclei.training.published import threshold_instances

    truth = read_label_plane(sample.labels)
    found = published.probability(read_plane(sample.image))
    scores = {
        f"published, threshold {at:g}": score_labels(
            truth, threshold_instances(found, threshold=at)
        )
        for at in (0.5, recipe.published_threshold)
    }
    return scores, found


def _grey(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    return to_grey(pixels, limits=display_limits(pixels))


def _roughness(
    sample: Sample,
    masks: Sequence[NDArray[np.bool_]],
    maps: Sequence[FloatArray],
    *,
    size_px: int,
) -> Table:
    """Return how rough the drawn mask, augmented masks and the predictions beside them are."""
    n = len(masks)
    labels = read_label_plane(sample.labels)
    rows, columns = (np.arange(size_px) * side // size_px for side in labels.shape)
    drawn = boundary_roughness(labels[np.ix_(rows, columns)] > 0)
    return Table(
        {
            "image": np.full(n, sample.unit, dtype=object),
            "version": np.arange(n),
            "drawn_mask_px": np.full(n, drawn),
            "augmented_mask_px": np.array([boundary_roughness(m) for m in masks]),
            "prediction_px": np.array([boundary_roughness(m > 0.5) for m in maps]),
        }
    )


def _score_table(rows: Sequence[tuple[str, str, LabelScores]]) -> Table:
    scores = [s for *_, s in rows]
    return Table(
        {
            "image": np.array([key for key, *_ in rows], dtype=object),
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
