"""Sections of the live/dead page that show courses: losses, rates, curves and the film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.report.chart import Axis, Chart, Line
from fatescope.report.images import read_uri
from fatescope.report.page import Beside, Frame, ImageViewer, PageTable, Pane, Section, Text, View
from fatescope.workflows.reproduce.live_dead_arms import (
    BEST,
    FILMS,
    METRIC,
    RUNS,
    WEIGHTS,
    arms,
    corrected,
    fit_settings,
)
from fatescope.workflows.reproduce.live_dead_film import PALETTES
from fatescope.workflows.reproduce.live_dead_results import Results, format_number, with_span
from fatescope.workflows.reproduce.live_dead_scores import WHOLE

if TYPE_CHECKING:
    from fatescope.base import Table
    from fatescope.report.chart import Mark
    from fatescope.report.page import Block
    from fatescope.workflows.reproduce.settings import LiveDeadRecipe

BLUE, RED, GREY, GREEN = "#0072B2", "#D55E00", "#7f7f7f", "#009E73"
_MOST_RATES = 400
OF_CLASS = {"live": BLUE, "dead": RED}


def weights_section(found: Results) -> list[Section]:
    """Return what weights of ImageNet are worth, imported wrongly and rightly."""
    there = [a for a in WEIGHTS if found.has(a)]
    title = "Weights of ImageNet, and their import"
    if not there:
        words = (
            "Not shown: the package with the weights of EfficientNet-Lite0 is not installed (extra "
            "train), or --weights-tiles is 0."
        )
        return [Section(title=title, blocks=(Text(paragraphs=(words,)),))]
    rows = []
    for arm in there:
        course = found.of(found.course, arm)
        rows.append(
            [
                str(found.of(found.arms, arm)["words"][0]),
                str(int(found.of(found.arms, arm)["steps"][0])),
                f"{float(course['training_loss'][0]):.3f}",
                f"{float(course['training_loss'][-1]):.3f}",
                *(with_span(found.held(arm, WHOLE, c)) for c in ("live", "dead")),
            ]
        )
    colours = (GREY, RED, BLUE)
    marks: list[Mark] = []
    for arm, colour in zip(WEIGHTS, colours, strict=True):
        if found.has(arm):
            course = found.of(found.course, arm)
            name = str(found.of(found.arms, arm)["words"][0])
            x = course["epoch"].astype(float)
            marks.append(Line(name=name, x=x, y=course["training_loss"], colour=colour))
    paragraphs = (
        "The published loader gave the scale of every batch normalisation to its shift and the "
        "shift to its scale, and left out the running statistics. ImageNet weights of MobileNetV2 "
        "are in no package, so the fault is shown on EfficientNet-Lite0, whose weights are: the "
        "same tiles, order and schedule, levelled images, split by well, momentum mended.",
        "These trainings are short. What they show is how a network begins, not where it ends.",
    )
    columns = (
        "encoder",
        "steps",
        "training loss, first epoch",
        "last epoch",
        "AUPRC live (95 %)",
        "AUPRC dead (95 %)",
    )
    chart = Chart(
        title="Training loss by the weights to begin with",
        x=Axis(title="epoch"),
        y=Axis(title="cross-entropy, weighted"),
        marks=marks,
    )
    table = PageTable(columns=columns, rows=rows)
    return [Section(title=title, blocks=(Text(paragraphs=paragraphs), table, chart))]


def curves_section(found: Results) -> Section:
    """Return precision over recall of the runs, as reported and corrected."""
    charts = []
    colours = dict(zip(RUNS, (GREY, GREEN, BLUE, RED), strict=True))
    for name in ("live", "dead"):
        for words, is_mended in (("as reported", False), ("corrected", True)):
            marks = []
            for run in RUNS:
                arm = corrected(run) if is_mended else run
                rows = found.of(found.curves, arm)
                rows = rows.rows((rows["where"] == WHOLE) & (rows["class"] == name))
                if len(rows):
                    area = found.held(arm, WHOLE, name)["auprc"]
                    marks.append(
                        Line(
                            name=f"{run}: {format_number(area)}",
                            x=rows["recall"],
                            y=rows["precision"],
                            colour=colours[run],
                        )
                    )
            if marks:
                charts.append(
                    Chart(
                        title=f"Nuclei of {name} cells, {words}",
                        x=Axis(title="recall", ends=(0.0, 1.0)),
                        y=Axis(title="precision", ends=(0.0, 1.0)),
                        marks=marks,
                        caption="Whole images of the wells set aside; areas beside the names.",
                    )
                )
    return Section(title="Precision and recall", blocks=(Beside(blocks=charts),))


def film_section(found: Results) -> list[Section]:
    """Return the film of right and wrong pixels, where there is one."""
    views = []
    for arm, words in ((BEST, "as reported"), (corrected(BEST), "corrected")):
        for palette in PALETTES:
            stem = f"{arm}_{palette.name}"
            frames = []
            for path in sorted((found.out / FILMS).glob(f"{stem}_[0-9]*.png")):
                uri, height, width = read_uri(path)
                pane = Pane(image=uri, width=width, height=height)
                frames.append(Frame(panes=(pane,), index=int(path.stem[-4:])))
            if frames:
                title = f"{words}, {palette.name} colours"
                last = frames[-1].index + 1
                views.append(View(title=title, frames=tuple(frames), walk="epoch", length=last))
    if not views:
        return []
    paragraphs = (
        "A window of a well that no training has seen, while the run with kicks learns. Pixels of "
        "nuclei that are right; pixels missed or made up, by class. Beside it the precision-recall "
        "curves of the window, those of earlier epochs faint. It decides nothing.",
        f"All epochs are in the folder {FILMS}, as MP4 and GIF, in the published colours (green, "
        "red, blue) and in colours that are told apart without red and green.",
    )
    viewer = ImageViewer(title="The window over epochs", views=tuple(views))
    return [Section(title="Film", blocks=(Text(paragraphs=paragraphs), viewer))]


def course_section(found: Results, run: str, recipe: LiveDeadRecipe) -> Section:
    """Return curves, rate and verdict of a run, as reported and corrected."""
    blocks: list[Block] = []
    for arm, words in ((run, "as reported"), (corrected(run), "corrected")):
        if not found.has(arm):
            continue
        course = found.of(found.course, arm)
        x = course["epoch"].astype(float)
        classes = found.of(found.classes, arm)
        areas = []
        for name, colour in OF_CLASS.items():
            mine = classes.rows(classes["class"] == name)
            areas += [
                Line(name=f"AUPRC {name}", x=x, y=mine["auprc"], colour=colour),
                Line(name=f"F1 {name}", x=x, y=mine["f1"], colour=colour, stroke="dashed"),
            ]
        rates = _rates(found, arm, recipe)
        charts = (
            Chart(
                title=f"Loss, {words}",
                x=Axis(title="epoch"),
                y=Axis(title="cross-entropy, weighted"),
                marks=(
                    Line(name="training", x=x, y=course["training_loss"], colour=GREY),
                    Line(name="its validation tiles", x=x, y=course["validation_loss"]),
                ),
            ),
            Chart(
                title=f"Scores on its validation tiles, {words}",
                x=Axis(title="epoch"),
                y=Axis(title="score", ends=(0.0, 1.0)),
                marks=areas,
            ),
            Chart(
                title=f"Learning rate that was used, {words}",
                x=Axis(title="epoch"),
                y=Axis(title="learning rate", scale="log10"),
                marks=(
                    Line(name="learning rate", x=[r[0] for r in rates], y=[r[1] for r in rates]),
                ),
            ),
        )
        said = f"{words.capitalize()}: {_verdict(course)}"
        blocks += [Text(paragraphs=(said,)), Beside(blocks=charts)]
    return Section(title=f"Course of {run}", blocks=blocks)


def _rates(found: Results, key: str, recipe: LiveDeadRecipe) -> list[tuple[float, float]]:
    """Return epoch (with fractions) and learning rate of the steps of a training, some of them."""
    from fatescope.train.schedules import rates_used

    arm = next(a for a in arms(recipe) if a.key == key)
    course, n = found.of(found.course, key), int(found.of(found.arms, key)["training_tiles"][0])
    settings = fit_settings(arm, recipe, n_training=n)
    rows = [
        {"step": s, "loss": loss, METRIC: m}
        for s, loss, m in zip(course["step"], course["training_loss"], course[METRIC], strict=True)
    ]
    used = rates_used(settings, rows)
    step = max(1, len(used) // _MOST_RATES)
    return [(k / settings.steps_per_epoch, used[k]) for k in range(0, len(used), step)]


def _verdict(course: Table) -> str:
    from fatescope.train import assess_curves

    columns = {"step": "step", "loss": "training_loss", "auprc_mean": "auprc_mean"}
    history = [
        {k: float(course[c][i]) for k, c in columns.items() if np.isfinite(course[c][i])}
        for i in range(len(course))
    ]
    return assess_curves(
        [{"loss": float("nan"), **row} for row in history], metric="auprc_mean"
    ).sentence
