"""The page of the reproduction: published, reproduced, worth on another picture, corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.evaluate import ScoreSettings, bootstrap_interval, pool_scores
from fatescope.report import draw_triptych
from fatescope.report import lineage as show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.evaluate import LabelScores
    from fatescope.workflows.reproduce.nuclei import Fold
    from fatescope.workflows.reproduce.settings import NucleiRecipe

PUBLISHED_IOU = "about 0.71"
_COLOURS = {"Dice loss": "#0072B2", "pixel IoU, training": "#D55E00"}


def write_nuclei_page(
    path: Path, folds: Sequence[Fold], recipe: NucleiRecipe, *, source: str, quick: bool
) -> Path:
    """Write the page and return its path."""
    sections = [_table(folds), _pictures(folds, recipe), _course(folds, recipe, source)]
    sections.append(_caveats(folds, quick=quick))
    return show.store_text(
        path, show.build_page("nuclei-2020", sections, lead=_lead(folds, quick=quick))
    )


def interval(scores: Sequence[LabelScores], which: str) -> tuple[float, str]:
    """Return a pooled score and its 95 % interval over pictures, ready to read."""
    if which == "pixels":
        sums = [[s.shared_px, s.true_px + s.pred_px - s.shared_px] for s in scores]
        value = pool_scores(scores).iou
    else:
        sums = [[s.tp[0], s.n_true + s.n_pred - s.tp[0]] for s in scores]
        value = pool_scores(scores).ap(50)
    found = bootstrap_interval(
        np.array(sums), lambda s: s[:, 0] / np.maximum(s[:, 1], 1), ScoreSettings()
    )
    return value, "one picture: none" if found is None else f"{found[0]:.2f} to {found[1]:.2f}"


def _of(folds: Sequence[Fold], method: str) -> list[LabelScores]:
    return [f.scores[method] for f in folds]


def _training_iou(folds: Sequence[Fold]) -> float:
    return float(np.mean([f.published.training_iou for f in folds]))


def _lead(folds: Sequence[Fold], *, quick: bool) -> str:
    published, _, corrected = folds[0].scores
    (pixels, _), (nuclei, _) = (interval(_of(folds, published), w) for w in ("pixels", "nuclei"))
    better, span = interval(_of(folds, corrected), "nuclei")
    text = (
        "On the augmented pictures that it learnt from, the network of 2020 reaches a pixel IoU of "
        f"{_training_iou(folds):.2f} (published: {PUBLISHED_IOU}); on a picture left out, "
        f"{pixels:.2f}, and an AP at 0.50 of {nuclei:.2f} for single nuclei. Corrected: "
        f"{better:.2f} [{span}]."
    )
    return f"Quick run on rendered pictures: it shows that all runs. {text}" if quick else text


def _table(folds: Sequence[Fold]) -> show.Section:
    rows = [
        ("published", "augmented training pictures", PUBLISHED_IOU, "not given", "not given", ""),
        (
            "reproduced as published",
            "augmented training pictures",
            f"{_training_iou(folds):.2f}",
            "",
            "",
            "",
        ),
    ]
    for method in folds[0].scores:
        (pixels, over), (nuclei, span) = (
            interval(_of(folds, method), w) for w in ("pixels", "nuclei")
        )
        judged = f"{len(folds)} pictures, each left out"
        rows.append((method, judged, f"{pixels:.2f}", over, f"{nuclei:.2f}", span))
    return show.Section(
        title="Published, reproduced, corrected",
        paragraphs=(
            "Pixel IoU counts pixels of the foreground; AP at 0.50 counts nuclei, each found by an "
            "outline that overlaps its own by half. Both pooled; intervals by resampling pictures.",
        ),
        columns=("", "judged on", "pixel IoU", "95 %", "AP at 0.50", "95 %"),
        rows=rows,
    )


def _pictures(folds: Sequence[Fold], recipe: NucleiRecipe) -> show.Section:
    figures = [
        draw_triptych(
            f.pixels, f.probability, f.truth, threshold=recipe.shown_threshold, title=f.key
        )
        for f in folds
    ]
    return show.Section(
        title="Input, prediction, mask",
        paragraphs=(
            f"The published network on the pictures that it did not see. The orange edge lies at "
            f"{recipe.shown_threshold:g}, the threshold of the published pictures.",
        ),
        figures=figures,
    )


def _course(folds: Sequence[Fold], recipe: NucleiRecipe, source: str) -> show.Section:
    first = folds[0].published
    epochs = np.arange(1, len(first.loss) + 1, dtype=float)
    curves = {"Dice loss": np.array(first.loss), "pixel IoU, training": np.array(first.iou)}
    figure = show.draw_curves(
        epochs,
        curves,
        _COLOURS,
        x_label="epoch",
        y_label="loss, IoU",
        title=f"{folds[0].key} left out",
        y_range=(0.0, 1.0),
    )
    return show.Section(
        title="As published, and what was changed",
        paragraphs=(
            f"{source}. FPN on ResNet18, one channel, sigmoid; Dice loss; Adam at {recipe.rate:g}; "
            f"{recipe.epochs} epochs of {recipe.batches} batches of {recipe.batch}; pictures "
            f"squeezed to {recipe.size_px} x {recipe.size_px} by the nearest pixel; one joint "
            "transform of Albumentations (transpose, flips, quarter turns, shift-scale-rotate, "
            "optical distortion), noise on the picture alone. There was no validation set: the "
            "published figure is that of augmented training pictures.",
            f"Unlike the notebook: {_begins(recipe)}; intensities are scaled by percentiles.",
            "Corrected: the small U-Net of this house, which draws foreground, distance and "
            f"touching border, {recipe.steps} steps on the same pictures; the nuclei's size in the "
            "picture left out is told, thresholds are the defaults. Nuclei are separated, nothing "
            "is squeezed.",
        ),
        figures=(figure,),
    )


def _begins(recipe: NucleiRecipe) -> str:
    if recipe.weights != "random":
        return f"ResNet18 begins with the weights of a file (sha256 {recipe.sha256[:12]})"
    return (
        "ResNet18 begins at random, because its ImageNet weights are on a server that fatescope "
        "does not ask"
    )


def _caveats(folds: Sequence[Fold], *, quick: bool) -> show.Section:
    n_true = pool_scores(_of(folds, "corrected")).n_true
    return show.Section(
        title="How far this can be believed",
        paragraphs=(
            "What was right in 2020: one transform for picture and mask, in a dataset class of its "
            "own; an encoder that had learnt elsewhere; model and notebook given away.",
            f"{len(folds)} pictures with {n_true} nuclei are few, and sections of one series are "
            "alike: the interval is one over pictures, not over embryos. The published set had up "
            "to 180 pictures, of which few are to be had; so this is the procedure, not the data."
            + (" Rendered pictures say nothing about real ones." if quick else ""),
        ),
    )
