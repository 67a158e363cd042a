"""The page of the reproduction: published, reproduced, worth on another picture, corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import Table
from fatescope.evaluate import ScoreSettings, bootstrap_interval
from fatescope.report import lineage as show
from fatescope.workflows.reproduce.nuclei_folds import CORRECTED

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.workflows.reproduce.settings import NucleiRecipe

PUBLISHED_IOU = "about 0.71"
_TABLES = ("scores", "course", "networks")
_COLOURS = {"Dice loss": "#0072B2", "pixel IoU, training": "#D55E00"}


def write_nuclei_page(out: Path, recipe: NucleiRecipe, *, source: str, quick: bool) -> Path:
    """Write ``report.html`` from the tables and pictures in a run's folder; return its path."""
    scores, course, networks = (read_table(out / f"{n}.parquet") for n in _TABLES)
    training = float(np.mean(networks["training_iou"]))
    sections = [
        _table(scores, training),
        _pictures(out, scores, recipe),
        _course(course, recipe, source),
        _caveats(scores, quick=quick),
    ]
    page = show.build_page("nuclei-2020", sections, lead=_lead(scores, training, quick=quick))
    return show.store_text(out / "report.html", page)


def interval(scores: Table, which: str) -> tuple[float, str]:
    """Return a pooled score of rows of ``scores``, and its 95 % interval over them in words."""
    if which == "pixels":
        hits, others = scores["shared_px"], scores["true_px"] + scores["found_px"]
    else:
        hits, others = scores["n_matched"], scores["n_true"] + scores["n_found"]
    sums = np.stack([hits, others - hits], axis=1).astype(float)
    value = sums[:, 0].sum() / max(sums[:, 1].sum(), 1)
    found = bootstrap_interval(sums, lambda s: s[:, 0] / np.maximum(s[:, 1], 1), ScoreSettings())
    return value, "one picture: none" if found is None else f"{found[0]:.2f} to {found[1]:.2f}"


def _of(scores: Table, method: str) -> Table:
    return scores.rows(scores["method"] == method)


def _methods(scores: Table) -> list[str]:
    return list(dict.fromkeys(scores["method"]))


def _lead(scores: Table, training: float, *, quick: bool) -> str:
    published = _methods(scores)[0]
    (pixels, _), (nuclei, _) = (interval(_of(scores, published), w) for w in ("pixels", "nuclei"))
    better, span = interval(_of(scores, CORRECTED), "nuclei")
    text = (
        "On the augmented pictures that it learnt from, the network of 2020 reaches a pixel IoU of "
        f"{training:.2f} (published: {PUBLISHED_IOU}); on pictures left out, "
        f"{pixels:.2f}, and an AP at 0.50 of {nuclei:.2f} for single nuclei. Corrected: "
        f"{better:.2f} [{span}]."
    )
    return f"Quick run on rendered pictures: it shows that all runs. {text}" if quick else text


def _table(scores: Table, training: float) -> show.Section:
    seen = "augmented training pictures"
    rows = [
        ("published", seen, PUBLISHED_IOU, "not given", "not given", ""),
        ("reproduced as published", seen, f"{training:.2f}", "", "", ""),
    ]
    for method in _methods(scores):
        those = _of(scores, method)
        (pixels, over), (nuclei, span) = (interval(those, w) for w in ("pixels", "nuclei"))
        judged = f"{len(those)} pictures, each left out"
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


def _pictures(out: Path, scores: Table, recipe: NucleiRecipe) -> show.Section:
    figures = [
        show.stored_text(out / "pictures" / f"{name}.svg")
        for name in dict.fromkeys(scores["picture"])
    ]
    return show.Section(
        title="Input, prediction, mask",
        paragraphs=(
            f"The published network on the pictures that it did not see. The orange edge lies at "
            f"{recipe.shown_threshold:g}, the threshold of the published pictures.",
        ),
        figures=figures,
    )


def _course(course: Table, recipe: NucleiRecipe, source: str) -> show.Section:
    first = course.rows(course["left_out"] == course["left_out"][0])
    epochs = first["epoch"].astype(float)
    curves = {"Dice loss": first["dice_loss"], "pixel IoU, training": first["training_iou"]}
    figure = show.draw_curves(
        epochs,
        curves,
        _COLOURS,
        x_label="epoch",
        y_label="loss, IoU",
        title=f"{first['left_out'][0]} left out",
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


def _caveats(scores: Table, *, quick: bool) -> show.Section:
    left_out = _of(scores, CORRECTED)
    return show.Section(
        title="How far this can be believed",
        paragraphs=(
            "What was right in 2020: one transform for picture and mask, in a dataset class of its "
            "own; an encoder that had learnt elsewhere; model and notebook given away.",
            f"{len(left_out)} pictures with {left_out['n_true'].sum()} nuclei are few, and "
            "sections of one series are alike: the interval is over pictures, not over embryos. "
            "The published set had up to 180 pictures, of which few are to be had; so this is the "
            "procedure, not the data."
            + (" Rendered pictures say nothing about real ones." if quick else ""),
        ),
    )
