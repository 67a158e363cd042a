"""The page of the reproduction: published, run again, each correction's gain, corrected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.evaluate import value_of_sums
from fatescope.pages.chart import Axis, Chart, Guide, Line, Points
from fatescope.pages.images import display_limits, to_grey
from fatescope.pages.page import (
    Beside,
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Section,
    Text,
    View,
)
from fatescope.pages.skeleton import counted
from fatescope.prepare import labels_on_grid
from fatescope.prepare.published_slices import kept_planes, mask_of_2020, mask_of_2021
from fatescope.systems.membranes.reproduce.arms import read_volume
from fatescope.systems.membranes.reproduce.film import planes_left_out
from fatescope.systems.membranes.reproduce.quick import START_BATCH, START_STEPS
from fatescope.systems.membranes.reproduce.unit import SUMS
from fatescope.systems.reproduction.engine import in_order
from fatescope.systems.reproduction.intervals import intervals_in_words, score_over_units
from fatescope.systems.reproduction.settings import changes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fatescope.base import FloatArray, Table
    from fatescope.pages.page import Block
    from fatescope.prepare import Volume
    from fatescope.systems.membranes.reproduce.arms import Volumes
    from fatescope.systems.reproduction.engine import Request
    from fatescope.systems.reproduction.settings import MembranesRecipe

PUBLISHED_IOU, PUBLISHED_SILHOUETTE = 0.861, 0.853
BLOCK_PLANES = 8
_TABLES = ("arms", "planes", "course", "baselines")
_NO_WALLS = ("", "", "", "")
"""Of a figure that is a pixel IoU alone."""
_CAPTION = (
    "On the arm's own validation planes; dashed: methods without training, on frames left out."
)
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_CURVES = {
    "loss": "loss",
    "iou": "pixel IoU",
    "dice": "Dice",
    "precision": "precision",
    "recall": "recall",
    "wall_f1": "F1 of walls",
}


def membranes_page(request: Request[MembranesRecipe], embryo: Volumes) -> tuple[str, list[Section]]:
    """Return the lead and the sections, from the tables and images in a run's folder."""
    out, recipe = request.out, request.recipe
    arms, planes, course, baselines = (read_table(out / f"{n}.parquet") for n in _TABLES)
    training = [v for v, s in zip(embryo.volumes, embryo.splits, strict=True) if s == "train"]
    return _lead(arms, planes, baselines), in_order(
        [
            _table(arms, planes, baselines),
            *_pictures(out, recipe),
            _preparations(training[-1]),
        ],
        doubt=_caveats(embryo, quick=request.quick),
        details=[
            _what_ran(recipe, embryo),
            *_courses(course, baselines),
            _ablation(arms, planes, quick=request.quick),
            *_tuning(out, recipe),
        ],
    )


def _of(table: Table, arm: str) -> Table:
    return table.rows(table["arm"] == arm)


def _blocks_of(planes: Table) -> list[str]:
    """Return what the bootstrap draws: volumes or, of a single one, blocks of planes."""
    units = [str(u) for u in planes["unit"]]
    if len(set(units)) > 1:
        return units
    return [f"{u}/{int(z) // BLOCK_PLANES}" for u, z in zip(units, planes["plane"], strict=True)]


def interval_of(planes: Table, score: str) -> tuple[float, str]:
    """Return a pooled score of an arm, and its 95 % interval in words."""
    columns = ("cells_tp", "cells_n_true", "cells_n_pred") if score == "ap" else SUMS
    sums = np.stack([np.asarray(planes[c], float) for c in columns], axis=1)
    value: Callable[[FloatArray], FloatArray] = (
        _ap if score == "ap" else partial(value_of_sums, name=score)
    )
    _, row = np.unique(_blocks_of(planes), return_inverse=True)
    pooled = np.zeros((int(row.max()) + 1, sums.shape[1]))
    np.add.at(pooled, row, sums)
    return score_over_units(pooled, value, unit="block", digits=3)


def _said(planes: Table, score: str) -> str:
    """Return a pooled score of an arm with its interval, or alone where there is none."""
    value, words = interval_of(planes, score)
    return f"{value:.3f} ({words})" if " to " in words else f"{value:.3f}"


def _ap(sums: FloatArray) -> FloatArray:
    matched, true, found = sums.T
    return np.asarray(matched / np.maximum(true + found - matched, 1))


def _lead(arms: Table, planes: Table, baselines: Table) -> str:
    done, clauses = set(arms["arm"]), []
    walls = [
        f"{interval_of(_of(planes, arm), 'wall_f1')[0]:.3f} with the preparation of {year}"
        for arm, year in (("old", 2020), ("new", 2021))
        if arm in done
    ]
    if "corrected" in done:
        walls.append(f"{_said(_of(planes, 'corrected'), 'wall_f1')} corrected")
    if walls:
        clauses.append(f"walls of frames left out have an F1 of {', '.join(walls)}")
    if "published" in done:
        own = float(_of(arms, "published")["own_iou"][0])
        held, _ = interval_of(_of(planes, "published"), "iou")
        clauses.append(
            f"run again as published, the pixel IoU is {own:.3f} on its own random rows "
            f"(published: {PUBLISHED_IOU:.3f}) and {held:.3f} on frames left out, where a filled "
            f"silhouette without a single wall reaches {float(baselines['iou'][0]):.3f}"
        )
    said = "; ".join(clauses) or f"{counted(len(done), 'arm')} of the ablation done, no other"
    return f"{said[:1].upper()}{said[1:]}."


def _table(arms: Table, planes: Table, baselines: Table) -> Section:
    rows: list[tuple[str, ...]] = [
        ("published (2021)", "random rows, seen in copies", f"{PUBLISHED_IOU:.3f}", *_NO_WALLS),
        (
            "filled silhouette of the published set",
            "25 slices",
            f"{PUBLISHED_SILHOUETTE:.3f}",
            *_NO_WALLS,
        ),
    ]
    if "published" in set(arms["arm"]):
        own = float(_of(arms, "published")["own_iou"][0])
        rows.append(("run again as published", "its own random rows", f"{own:.3f}", *_NO_WALLS))
    for arm, name in (("published", "the same network"), ("corrected", "corrected")):
        if arm in set(arms["arm"]):
            rows.append((name, "frames left out", *_numbers(_of(planes, arm))))
    rows += [
        (
            str(baselines["method"][i]),
            "frames left out",
            f"{float(baselines['iou'][i]):.3f}",
            "",
            f"{float(baselines['wall_f1'][i]):.3f}",
            "",
            "",
        )
        for i in range(len(baselines))
    ]
    n_blocks = len(set(_blocks_of(_of(planes, str(planes["arm"][0])))))
    words = (
        "Pixel IoU, that of interiors, cannot see whether cells are separated; F1 of walls (within "
        f"2 px) and AP of cells at 0.50 can. All {intervals_in_words(n_blocks, 'block')}.",
    )
    columns = ("what", "judged on", "pixel IoU", "95 %", "F1 of walls", "95 %", "AP of cells")
    return Section(
        title="Published, run again, corrected",
        blocks=(Text(paragraphs=words), PageTable(columns=columns, rows=rows)),
    )


def _numbers(planes: Table) -> tuple[str, ...]:
    iou, walls, ap = (interval_of(planes, s) for s in ("iou", "wall_f1", "ap"))
    return (f"{iou[0]:.3f}", iou[1], f"{walls[0]:.3f}", walls[1], f"{ap[0]:.3f}")


def _ablation(arms: Table, planes: Table, *, quick: bool) -> Section:
    order = [a for a in arms["arm"].tolist() if a not in ("published", "corrected")]
    rows, points = [], []
    for arm in order:
        mine = _of(planes, arm)
        said = _of(arms, arm)
        points.append((interval_of(mine, "iou")[0], interval_of(mine, "wall_f1")[0]))
        rows.append(
            (
                arm,
                str(said["words"][0]),
                str(int(said["steps"][0])),
                f"{float(said['own_iou'][0]):.3f}",
                _said(mine, "iou"),
                _said(mine, "wall_f1"),
                f"{interval_of(mine, 'ap')[0]:.3f}",
            )
        )
    words = (
        "Each arm adds one correction to the one above it; old stands for itself, list-2020 "
        "beside noise. All have the same number of steps and one seed, so small differences are "
        "chance. Its own rows are what each arm would have reported; the frames left out are the "
        "same for all."
        + (
            f" In this quick run they begin with a network that saw {START_STEPS} batches of "
            "another rendered embryo with lossless masks, by a loss that counts walls: their last "
            "steps alone tell them apart. The corrected network begins with the shipped one."
            if quick
            else ""
        ),
    )
    columns = (
        *("arm", "what", "steps", "IoU, its own rows"),
        *("IoU, frames left out (95 %)", "F1 of walls (95 %)", "AP of cells"),
    )
    blocks: list[Block] = [Text(paragraphs=words), PageTable(columns=columns, rows=rows)]
    if points:
        at = list(range(len(points)))
        blocks.append(
            Chart(
                title="Frames left out, by arm",
                x=Axis(title="score", ends=(0.0, 1.0)),
                y=Axis(title="arm", labels=order),
                marks=(
                    Points(name="pixel IoU", x=[p[0] for p in points], y=at, colour=_COLOURS[0]),
                    Points(name="F1 of walls", x=[p[1] for p in points], y=at, colour=_COLOURS[1]),
                ),
                height_px=40 * len(order) + 20,
            )
        )
    return Section(title="What each correction is worth", blocks=blocks)


def _courses(course: Table, baselines: Table) -> list[Section]:
    """Return curves and the verdict of the arms with all epochs."""
    from fatescope.train import assess_curves

    sections = []
    for arm in ("published", "corrected"):
        mine = _of(course, arm)
        if not len(mine):
            continue
        names = [n for n in _CURVES if np.isfinite(np.asarray(mine[n], float)).any()]
        charts = [
            Chart(
                title=_CURVES[n][0].upper() + _CURVES[n][1:],
                x=Axis(title="epoch"),
                y=Axis(title=_CURVES[n], ends=None if n == "loss" else (0.0, 1.0)),
                marks=(
                    *_guides(baselines, n),
                    Line(name=_CURVES[n], x=mine["epoch"], y=mine[n], colour=_COLOURS[0]),
                    *_training_line(mine, n),
                ),
                caption="" if n == "loss" else _CAPTION,
            )
            for n in names
        ]
        charts.append(
            Chart(
                title="Learning rate that was used",
                x=Axis(title="epoch"),
                y=Axis(title="learning rate"),
                marks=(Line(name="learning rate", x=mine["epoch"], y=mine["learning_rate"]),),
            )
        )
        said = {"step": "step", "loss": "loss", _CURVES["iou"]: "iou"}
        history = [
            {name: float(mine[c][i]) for name, c in said.items() if np.isfinite(mine[c][i])}
            for i in range(len(mine))
        ]
        verdict = assess_curves(history, metric=_CURVES["iou"]).sentence
        film = f"The same validation planes over epochs: films/{arm}.mp4 and .gif."
        text = Text(paragraphs=(verdict, film))
        sections.append(
            Section(title=f"Course of the arm {arm}", blocks=(text, Beside(blocks=charts)))
        )
    return sections


def _guides(baselines: Table, name: str) -> list[Guide]:
    """Return a line for each method without training."""
    if name not in baselines:
        return []
    values = zip(baselines["method"], baselines[name], strict=True)
    return [Guide(words=f"{m} {float(v):.3f}", axis="y", at=float(v)) for m, v in values]


def _training_line(mine: Table, name: str) -> tuple[Line, ...]:
    if name != "iou" or not np.isfinite(np.asarray(mine["training_iou"], float)).any():
        return ()
    return (
        Line(
            name="of training batches",
            x=mine["epoch"],
            y=mine["training_iou"],
            colour=_COLOURS[1],
            stroke="dashed",
        ),
    )


def _preparations(volume: Volume) -> Section:
    """Return the figure of the post: old image and map, new image and map."""
    pixels, labels = read_volume(volume)
    kept = kept_planes(len(pixels))
    z = kept[len(kept) // 2]
    plane = labels_on_grid(labels, (len(pixels), *labels.shape[1:]))[z]
    image = to_grey(pixels[z], limits=display_limits(pixels[z]))
    panes = [
        Pane.of(image, "old image (JPEG)"),
        Pane.of(mask_of_2020(plane), "old map"),
        Pane.of(image, "new image (PNG)"),
        Pane.of(mask_of_2021(plane), "new map"),
    ]
    cells = len(np.unique(plane)) - 1
    view = View(title=f"{volume.key}, plane {z}", frames=(Frame(panes=panes),))
    words = (
        "JPEG rounds label numbers to their surroundings, and all that is not 0 became foreground: "
        "part of the walls is filled, closing fills most others. PNG needs neither. "
        f"Of the {cells} cells of this plane both maps throw the numbers away.",
    )
    viewer = ImageViewer(title="Old and new training data", views=(view,))
    return Section(title="Old and new training data", blocks=(Text(paragraphs=words), viewer))


def _pictures(out: Path, recipe: MembranesRecipe) -> list[Section]:
    """Return input, mask, old and new of planes that were left out: a film that a slider walks."""
    views = []
    for volume, planes in planes_left_out(out).items():
        frames = [
            Frame(panes=[Pane.read(file, title) for title, file in files], index=plane)
            for plane, files in planes
        ]
        um = recipe.spacing_um[-1] if recipe.spacing_um else None
        middle = len(frames) // 2
        views.append(
            View(
                title=volume,
                frames=frames,
                walk="plane",
                length=frames[-1].index + 1,
                um=um,
                opens_at=middle,
            )
        )
    if not views:
        return []
    words = (
        "Planes of frames left out, and what networks draw: with the preparation of 2020, with "
        "that of 2021 after as many steps, and corrected. Also as films/old-new.mp4 and .gif.",
    )
    viewer = ImageViewer(title="Input, mask, old, new", views=views)
    return [Section(title="Input, mask, old, new", blocks=(Text(paragraphs=words), viewer))]


def _tuning(out: Path, recipe: MembranesRecipe) -> list[Section]:
    if not (out / "trials.parquet").is_file():
        return []
    trials = read_table(out / "trials.parquet")
    rows, charts = [], []
    for kind, words in (("published", "as it ran in 2021"), ("corrected", "on validation units")):
        mine = trials.rows(trials["tuning"] == kind)
        if not len(mine):
            continue
        best = int(np.argmax(mine["iou"]))
        rows.append(
            (
                words,
                str(len(mine)),
                f"{float(mine['rate'][best]):.4f}",
                str(int(mine["batch"][best])),
                f"{float(mine['iou'][best]):.3f}",
            )
        )
        charts.append(
            Chart(
                title=f"Trials {words}",
                x=Axis(title="learning rate"),
                y=Axis(title="pixel IoU", ends=(0.0, 1.0)),
                marks=(
                    Points(
                        name="trial",
                        x=mine["rate"],
                        y=mine["iou"],
                        colour=_COLOURS[0],
                        words=[f"batch {int(b)}" for b in mine["batch"]],
                    ),
                ),
            )
        )
    said = (
        f"One epoch for each trial, on {recipe.share:.0%} of the rows. In 2021 a trial trained on "
        "validation rows, always in batches of 64, and returned the IoU of that training: the "
        "batch that it tried had no effect, and the settings were chosen on the rows that the "
        "figure was read on. Below it, the same search on training rows, scored on validation "
        "frames.",
    )
    columns = ("tuning", "trials", "best rate", "its batch", "its IoU")
    blocks = (Text(paragraphs=said), PageTable(columns=columns, rows=rows), Beside(blocks=charts))
    return [Section(title="Tuning", blocks=blocks)]


def _what_ran(recipe: MembranesRecipe, embryo: Volumes) -> Section:
    said = {
        "epochs": "{} epochs instead of {}",
        "batch": "batches of {} instead of {}",
        "rate": "learning rate {:g} instead of {:g}",
        "size_px": "slices of {} px instead of {}",
        "trials": "{} trials instead of {}",
    }
    changed = changes(recipe, said)
    if recipe.weights == "random":
        changed.append("random weights instead of those of ImageNet")
    times = {
        s: ", ".join(
            str(v.time) for v, of in zip(embryo.volumes, embryo.splits, strict=True) if of == s
        )
        for s in ("train", "validation", "test", "unused")
    }
    words = (
        f"{embryo.source}: {len(embryo.volumes)} frames; training {times['train']}; validation "
        f"{times['validation']}; left out {times['test']}; guards {times['unused'] or 'none'}. "
        "Published: 95 frames of one embryo, of which the code cut one 95 times.",
        "FPN on ResNet18, one channel, sigmoid; Dice loss; Adam, whose plateau scheduler is given "
        "a constant, so that the rate falls in steps; Albumentations of 2021: grid distortion, "
        "transpose, quarter turns, brightness and contrast, shift, scale and rotation, optical "
        "distortion; then the mask loses 2 x 2 pixels, both are squeezed into a square, and four "
        "of five images get noise with a mean of 0.5. Pixel IoU is that of all labels, eroded so, "
        "at 0.5.",
        f"Different from 2021: {'; '.join([*changed, 'fewer frames'])}.",
    )
    return Section(title="What ran", blocks=(Text(paragraphs=words),))


def _caveats(embryo: Volumes, *, quick: bool) -> Section:
    whose = "" if quick else ", labels that another program made"
    words = [f"{embryo.source}, one seed{whose}: nothing is claimed for others."]
    if quick:
        words.append(
            f"The published networks saw {START_STEPS * START_BATCH} crops of another embryo and a "
            "few of this one: walls begin to show, and hardly a cell is closed yet."
        )
    return Section(title="How far this can be believed", blocks=(Text(paragraphs=words),))
