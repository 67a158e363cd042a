"""The page of the reproduction: published, run again, worth on other images, corrected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import Table
from fatescope.pages.chart import Axis, Chart, Line
from fatescope.pages.page import (
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    outlines_of,
)
from fatescope.pages.skeleton import counted
from fatescope.prepare import read_label_plane, read_plane
from fatescope.systems.nuclei.reproduce.folds import AUGMENTED, CORRECTED
from fatescope.systems.reproduction.engine import in_order
from fatescope.systems.reproduction.intervals import intervals_in_words, score_over_units
from fatescope.systems.reproduction.settings import changes

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.systems.reproduction.engine import Request
    from fatescope.systems.reproduction.settings import NucleiRecipe

PUBLISHED_IOU = "about 0.71"
_TABLES = ("scores", "course", "networks", "roughness")
_CURVES = (
    ("Dice loss", "dice_loss", "#0072B2"),
    ("pixel IoU, training", "training_iou", "#D55E00"),
)
_EDGE, _NUCLEUS = "#d55e00", "#56b4e9"


def nuclei_page(request: Request[NucleiRecipe], source: str) -> tuple[str, list[Section]]:
    """Return the lead and the sections, from the tables and images in a run's folder."""
    out, recipe = request.out, request.recipe
    scores, course, networks, roughness = (read_table(out / f"{n}.parquet") for n in _TABLES)
    training = float(np.mean(networks["training_iou"]))
    return _lead(scores, training, recipe), in_order(
        [
            _table(scores, training, recipe),
            _images(out, scores, recipe),
            _outlines(roughness),
        ],
        doubt=_caveats(scores, quick=request.quick),
        details=[_course(course, recipe, source)],
    )


def pooled_score(scores: Table, which: str) -> tuple[float, str]:
    """Return a pooled score of rows of ``scores``, and its 95 % interval over them in words."""
    if which == "pixels":
        hits, others = scores["shared_px"], scores["true_px"] + scores["found_px"]
    else:
        hits, others = scores["n_matched"], scores["n_true"] + scores["n_found"]
    sums = np.stack([hits, others - hits], axis=1).astype(float)
    return score_over_units(
        sums, lambda s: s[:, 0] / np.maximum(s[:, 1], 1), unit="image", digits=2
    )


def _of(scores: Table, method: str) -> Table:
    return scores.rows(scores["method"] == method)


def _methods(scores: Table) -> list[str]:
    return list(dict.fromkeys(scores["method"]))


def _lead(scores: Table, training: float, recipe: NucleiRecipe) -> str:
    published = _methods(scores)[0]
    (pixels, _), (nuclei, _) = (
        pooled_score(_of(scores, published), w) for w in ("pixels", "nuclei")
    )
    better, span = pooled_score(_of(scores, CORRECTED), "nuclei")
    interval = f" (95 % {span})" if " to " in span else ""
    return (
        f"{_which(recipe)} finds single nuclei of images left out with an AP at 0.50 of "
        f"{nuclei:.2f}, the corrected one with {better:.2f}{interval}; its pixel IoU is "
        f"{training:.2f} on the augmented images that it was trained on (published: "
        f"{PUBLISHED_IOU}) and {pixels:.2f} on images left out."
    )


def _changed(recipe: NucleiRecipe) -> list[str]:
    """Return what differs from the published training, in words."""
    words = {
        "epochs": "{} epochs instead of {}",
        "batches": "{} batches in an epoch instead of {}",
        "batch": "batches of {} instead of {}",
        "rate": "learning rate {:g} instead of {:g}",
        "size_px": "images of {} px instead of {}",
    }
    random = ["random weights instead of ImageNet"] if recipe.weights == "random" else []
    return [*changes(recipe, words), *random]


def _which(recipe: NucleiRecipe) -> str:
    return f"{'A network like that' if _changed(recipe) else 'The network'} of 2020"


def _table(scores: Table, training: float, recipe: NucleiRecipe) -> Section:
    seen = "augmented training images"
    again = "run as published" if not _changed(recipe) else "run again, with changes (below)"
    rows = [
        ("published", seen, PUBLISHED_IOU, "not given", "not given", ""),
        (again, seen, f"{training:.2f}", "", "", ""),
    ]
    for method in _methods(scores):
        those = _of(scores, method)
        (pixels, over), (nuclei, span) = (pooled_score(those, w) for w in ("pixels", "nuclei"))
        name = method if method == CORRECTED else method.replace("published", "the same network")
        scored = f"{len(those)} images, each left out"
        rows.append((name, scored, f"{pixels:.2f}", over, f"{nuclei:.2f}", span))
    words = (
        "Pixel IoU counts pixels of the foreground; AP at 0.50 counts nuclei, each found by an "
        "outline that overlaps its own by half. Both pooled, "
        f"{intervals_in_words(len(those), 'image')}."
    )
    columns = ("what", "scored on", "pixel IoU", "95 %", "AP at 0.50", "95 %")
    return Section(
        title="Published, run again, corrected",
        blocks=(Text(paragraphs=(words,)), PageTable(columns=columns, rows=rows)),
    )


def _images(out: Path, scores: Table, recipe: NucleiRecipe) -> Section:
    words = (
        "Each image was left out of the training of both networks: that of 2020, whose map has an "
        f"orange edge at {recipe.published_threshold:g}, the threshold of the published figures, "
        "and the corrected one, in which each nucleus has a colour of its own. After it comes one "
        "augmented version, as the network of 2020 is trained on."
    )
    views = [
        _view(out / "images" / str(name), title, prefix, recipe.published_threshold)
        for name in dict.fromkeys(scores["image"])
        for title, prefix in ((str(name), ""), (f"{name}, augmented", "augmented-"))
    ]
    viewer = ImageViewer(
        title="Image, published, corrected and mask",
        views=views,
        layers={"edge": _EDGE, "nucleus": _NUCLEUS},
        noun="nucleus",
    )
    return Section(
        title="Image, prediction, mask, augmented mask", blocks=(Text(paragraphs=(words,)), viewer)
    )


def _view(folder: Path, title: str, prefix: str, threshold: float) -> View:
    """Return image, prediction and mask side by side, the prediction with its edge."""
    image, drawn, mask = (
        read_plane(folder / f"{prefix}{name}.png") for name in ("image", "prediction", "mask")
    )
    above = (drawn > 255 * threshold).astype(np.uint8)
    edge = outlines_of(above, layer="edge", colour=lambda _: _EDGE)
    panes = [Pane.of(image, "image"), Pane.of(drawn, "published", edge)]
    if not prefix:
        nuclei = outlines_of(read_label_plane(folder / "corrected.png"), layer="nucleus")
        panes.append(Pane.of(image, "corrected", nuclei))
    return View(title=title, frames=(Frame(panes=[*panes, Pane.of(mask, "mask")]),))


def _outlines(roughness: Table) -> Section:
    names = ("drawn_mask_px", "augmented_mask_px", "prediction_px")
    images = list(dict.fromkeys(roughness["image"]))
    # Where a network drew nothing there is no outline: those versions count for neither side.
    seen = np.all([np.isfinite(roughness[n]) for n in names], axis=0)
    mean = {
        n: [_mean(roughness[n][seen & (roughness["image"] == i)]) for i in images] for n in names
    }
    rows = [(str(i), *(_px(mean[n][k]) for n in names)) for k, i in enumerate(images)]
    total = {n: _mean(np.array(v)[np.isfinite(v)]) for n, v in mean.items()}
    drawn, augmented, predicted = (total[n] for n in names)
    smoother = sum(p < m for p, m in zip(mean[names[2]], mean[names[1]], strict=True))
    words = (
        "This is what the authors saw in 2020. Roughness is the mean distance between an "
        "outline and itself smoothed (Gaussian of 2 px), in pixels of the network's grid, at "
        f"threshold 0.5, over {AUGMENTED} augmented versions of each image left out: "
        f"augmented mask {_px(augmented)}, prediction {_px(predicted)}, mask as drawn "
        f"{_px(drawn)}. The prediction is the smoother one in {smoother} of {len(images)} "
        f"images{_left_out(int((~seen).sum()))}.",
        "A network that draws a mean over many noisy masks is bound to be smoother than each "
        "of them. It says nothing about how near its outline is to the nucleus.",
    )
    columns = ("image", "mask as drawn (px)", "augmented mask (px)", "prediction (px)")
    return Section(
        title="Is the prediction less noisy than the augmented mask?",
        blocks=(Text(paragraphs=words), PageTable(columns=columns, rows=rows)),
    )


def _left_out(n: int) -> str:
    return f"; {counted(n, 'version')} without an outline left out" if n else ""


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _px(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "no outline"


def _course(course: Table, recipe: NucleiRecipe, source: str) -> Section:
    first = course.rows(course["left_out"] == course["left_out"][0])
    curves = [
        Line(name=name, x=first["epoch"], y=first[column], colour=colour)
        for name, column, colour in _CURVES
    ]
    chart = Chart(
        title=f"Training with {first['left_out'][0]} left out",
        x=Axis(title="epoch"),
        y=Axis(title="loss, IoU", ends=(0.0, 1.0)),
        marks=curves,
    )
    changed = _changed(recipe)
    words = (
        f"{source}. FPN on ResNet18, one channel, sigmoid; Dice loss; Adam at {recipe.rate:g}; "
        f"{recipe.epochs} epochs of {recipe.batches} batches of {recipe.batch}; one joint "
        "transform of Albumentations (grid distortion, transpose, both flips, quarter turns, "
        "brightness and contrast, each half of the time; a crop of 350 to 400 px in three of "
        f"ten), then images squeezed to {recipe.size_px} x {recipe.size_px} by the nearest "
        "pixel. Masks as published where the data have them: JPEG, all that is not 0. There "
        "was no validation set: the published figure is that of augmented training images.",
        f"Different from 2020: {'; '.join([*changed, 'other images, and fewer'])}.",
        "Corrected: the small U-Net of this house, which draws foreground, distance and "
        f"touching border, {recipe.steps} steps on the same images; the nuclei's size in the "
        "image left out is given, thresholds are the defaults. Nuclei are separated, nothing "
        "is squeezed.",
    )
    return Section(title="What ran", blocks=(Text(paragraphs=words), chart))


def _caveats(scores: Table, *, quick: bool) -> Section:
    left_out = _of(scores, CORRECTED)
    n = f"{len(left_out)} images with {left_out['n_true'].sum()} nuclei are few"
    words = (
        f"{n}, and rendered images say nothing about real ones."
        if quick
        else f"{n}, and sections of one series are alike: what is given is over images, not over "
        "embryos.",
        "The published set had up to 180 images, of which few are to be had; so this is the "
        "procedure, not the data.",
    )
    return Section(title="How far this can be believed", blocks=(Text(paragraphs=words),))
