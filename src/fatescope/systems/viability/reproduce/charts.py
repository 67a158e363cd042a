"""Sections of the live/dead page that show courses: losses, rates, curves and the film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Line, Points
from fatescope.pages.page import Beside, Frame, ImageViewer, PageTable, Pane, Section, Text, View
from fatescope.systems.reproduction.intervals import intervals_in_words
from fatescope.systems.viability.reproduce.arms import (
    BEST,
    FILMS,
    METRIC,
    RUNS,
    WEIGHTS,
    arms,
    corrected,
    fit_settings,
)
from fatescope.systems.viability.reproduce.film import PALETTES
from fatescope.systems.viability.reproduce.results import (
    ArmTables,
    format_number,
    gain_over_wells,
    with_span,
)
from fatescope.systems.viability.reproduce.scores import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import Table
    from fatescope.pages.chart import Mark
    from fatescope.pages.page import Block
    from fatescope.systems.reproduction.settings import LiveDeadRecipe

BLUE, RED, GREY, GREEN = "#0072B2", "#D55E00", "#7f7f7f", "#009E73"
_MOST_RATES = 400  # points of a curve
_TIMES_GUESSING = 2.0  # below it a class counts as not told apart; chosen by us
_MEAN = "the mean AUPRC"
OF_CLASS = {"live": BLUE, "dead": RED}


def weights_section(found: ArmTables) -> list[Section]:
    """Return what weights of ImageNet are worth: imported wrongly, frozen, and refined."""
    there = [a for a in WEIGHTS if found.has(a)]
    title = "Transfer: weights of ImageNet, and their import"
    if not there:
        words = (
            "Not shown: the package with the weights of EfficientNet-Lite0 is not installed (extra "
            "train), or --weights-tiles is 0."
        )
        return [Section(title=title, blocks=(Text(paragraphs=(words,)),))]
    said = [str(found.of(found.arms, arm)["words"][0]) for arm in there]
    rows = []
    for arm, words in zip(there, said, strict=True):
        course = found.of(found.course, arm)
        row = [words, *(f"{float(course['training_loss'][k]):.3f}" for k in (0, -1))]
        for name in OF_CLASS:
            row.append(with_span(found.held(arm, WHOLE, name)))
            row.append("" if arm == there[0] else gain_over_wells(found, arm, there[0], name))
        rows.append(row)
    about = found.of(found.arms, there[0])
    share = [format_number(found.held(there[0], WHOLE, name)["share"]) for name in OF_CLASS]
    held = {n: [found.held(arm, WHOLE, n) for arm in there] for n in OF_CLASS}
    unseen = [f"the {name}" for name, every in held.items() if all(map(_near_guessing, every))]
    early = f" After {int(about['steps'][0])} steps none tells {' or '.join(unseen)} apart yet."
    paragraphs = (
        "A U-Net on EfficientNet-Lite0, whose ImageNet weights come with a package (those of "
        f"MobileNetV2 do not): {int(about['training_tiles'][0]):,} tiles, "
        f"{int(about['steps'][0]):,} steps, and the same tiles, order, schedule and seed for each "
        "row; levelled images, split by well, momentum mended. Frozen: the decoder alone learns, "
        "and the encoder's statistics stand still. Refined: all learns, at one rate.",
        "The published loader gave the scale of every batch normalisation to its shift and the "
        "shift to its scale, and left out the running statistics.",
        "Areas under precision-recall are of whole images of wells that no training has seen, "
        f"{intervals_in_words(found.n_wells, 'well')}; a gain is the mean over these wells of the "
        f"difference to the first row. Guessing reaches {share[0]} (live) and {share[1]} (dead). "
        "The trainings are short and of one seed: how a network begins, not where it ends."
        f"{early if unseen else ''}",
    )
    columns = ["encoder", "training loss, first epoch", "last epoch"]
    for name in OF_CLASS:
        columns += [f"AUPRC {name} (95 %)", f"{name}: gain (95 %)"]
    table = PageTable(columns=tuple(columns), rows=rows)
    charts = Beside(blocks=(_weights_scores(found, there, said), _weights_losses(found, there)))
    return [Section(title=title, blocks=(Text(paragraphs=paragraphs), table, charts))]


def _near_guessing(held: Mapping[str, float]) -> bool:
    """Say whether the area under precision-recall is less than twice what guessing reaches."""
    return held["auprc"] < _TIMES_GUESSING * held["share"]


def _weights_scores(found: ArmTables, there: Sequence[str], said: Sequence[str]) -> Chart:
    marks: list[Mark] = []
    for name, colour in OF_CLASS.items():
        held = [found.held(arm, WHOLE, name) for arm in there]
        columns = {c: [h[c] for h in held] for c in ("auprc", "low", "high")}
        at = np.arange(len(there)) + (0.08 if name == "dead" else -0.08)
        marks.append(
            Points(
                name=name,
                x=at,
                y=columns["auprc"],
                low=columns["low"],
                high=columns["high"],
                colour=colour,
                size_px=8.0,
            )
        )
    short = [words.rpartition(", ")[2].removesuffix(" weights") for words in said]
    short = [words.removeprefix("imported ").removeprefix("encoder ") for words in short]
    return Chart(
        title="Wells set aside, by the weights to begin with",
        x=Axis(title="encoder", labels=short),
        y=Axis(title="AUPRC", ends=(0.0, 1.0)),
        marks=marks,
        caption=f"n = {found.n_wells} wells, {intervals_in_words(found.n_wells, 'well')}.",
    )


def _weights_losses(found: ArmTables, there: Sequence[str]) -> Chart:
    colours = dict(zip(WEIGHTS, (GREY, RED, GREEN, BLUE), strict=True))
    marks: list[Mark] = []
    for arm in there:
        course = found.of(found.course, arm)
        name = str(found.of(found.arms, arm)["words"][0])
        x = course["epoch"].astype(float)
        marks.append(Line(name=name, x=x, y=course["training_loss"], colour=colours[arm]))
    return Chart(
        title="Training loss, by the weights to begin with",
        x=Axis(title="epoch"),
        y=Axis(title="cross-entropy, weighted"),
        marks=marks,
    )


def curves_section(found: ArmTables) -> list[Section]:
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
    return (
        [Section(title="Precision and recall", blocks=(Beside(blocks=charts),))] if charts else []
    )


def film_section(found: ArmTables) -> list[Section]:
    """Return the film of right and wrong pixels, where there is one."""
    views = []
    for arm, words in ((BEST, "as reported"), (corrected(BEST), "corrected")):
        for palette in PALETTES:
            stem = f"{arm}_{palette.name}"
            frames = []
            for path in sorted((found.out / FILMS).glob(f"{stem}_[0-9]*.png")):
                frames.append(Frame(panes=(Pane.read(path),), index=int(path.stem[-4:])))
            if frames:
                views.append(
                    View(
                        title=f"{words}, {palette.name} colours",
                        frames=tuple(frames),
                        walk="epoch",
                        first=1,
                        length=frames[-1].index,
                        step=0,
                    )
                )
    if not views:
        return []
    paragraphs = (
        "A window of a well that no training has seen, while the run with kicks learns. Pixels of "
        "nuclei that are right; pixels missed or made up, by class. Beside it the precision-recall "
        "curves of the window, those of earlier epochs faint. It decides nothing.",
        f"All epochs are in the folder {FILMS}, in the published colours and in colours that are "
        "told apart without red and green.",
    )
    viewer = ImageViewer(title="The window over epochs", views=tuple(views))
    return [Section(title="Film", blocks=(Text(paragraphs=paragraphs), viewer))]


def course_section(found: ArmTables, run: str, recipe: LiveDeadRecipe) -> Section:
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


def _rates(found: ArmTables, key: str, recipe: LiveDeadRecipe) -> list[tuple[float, float]]:
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

    columns = {"step": "step", "loss": "training_loss", _MEAN: "auprc_mean"}
    history = [
        {k: float(course[c][i]) for k, c in columns.items() if np.isfinite(course[c][i])}
        for i in range(len(course))
    ]
    return assess_curves([{"loss": float("nan"), **row} for row in history], metric=_MEAN).sentence
