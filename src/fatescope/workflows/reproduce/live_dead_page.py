"""The page of ``reproduce live-dead-2024``: published, run again, corrected, and a film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.prepare import read_crop_summary
from fatescope.report.chart import Axis, Chart, Line, Points
from fatescope.report.images import read_uri
from fatescope.report.page import (
    Beside,
    Frame,
    ImageViewer,
    Page,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    write_page,
)
from fatescope.workflows.reproduce.live_dead_arms import (
    BEST,
    FILMS,
    METRIC,
    MOMENTUM_ONLY,
    RUNS,
    SCALED,
    WEIGHTS,
    WELLS_ONLY,
    arms,
    corrected,
    fit_settings,
)
from fatescope.workflows.reproduce.live_dead_film import PALETTES
from fatescope.workflows.reproduce.live_dead_scores import KEPT, WHOLE, difference_over_wells
from fatescope.workflows.reproduce.origin import LIVE_DEAD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Table
    from fatescope.report.chart import Mark
    from fatescope.report.page import Block
    from fatescope.workflows.reproduce.settings import LiveDeadRecipe

_BLUE, _RED, _GREY, _GREEN = "#0072B2", "#D55E00", "#7f7f7f", "#009E73"
_MOST_RATES = 400
_OF_CLASS = {"live": _BLUE, "dead": _RED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the posts report of a run, read off their figure: DAPI (live) and Cy5 (dead)."""

    words: str
    auprc: tuple[float, float]
    auroc: str
    f1: str
    accuracy: str


PUBLISHED = {
    "adam_warm": Published(
        words="Adam, cosine with warm restarts",
        auprc=(0.10, 0.13),
        auroc="0.90",
        f1="0.77",
        accuracy="0.96",
    ),
    "sgd_plateau": Published(
        words="SGD, halved on a plateau",
        auprc=(0.43, 0.35),
        auroc="over 0.98",
        f1="0.74",
        accuracy="0.95",
    ),
    "sgd_kicks": Published(
        words="SGD, cosine with kicks",
        auprc=(0.51, 0.38),
        auroc="over 0.98",
        f1="0.74",
        accuracy="0.95",
    ),
    "sgd_plateau_weights": Published(
        words="SGD, plateau, larger weights of classes",
        auprc=(0.39, 0.31),
        auroc="0.99, 0.98",
        f1="0.74",
        accuracy="0.95",
    ),
}


@dataclass(frozen=True, slots=True)
class _Results:
    """The tables of a run's folder."""

    out: Path
    arms: Table
    scores: Table
    wells: Table
    curves: Table
    course: Table
    classes: Table

    def has(self, arm: str) -> bool:
        return arm in set(self.arms["arm"])

    def own(self, arm: str, name: str, column: str = "auprc") -> float:
        return float(self.of(self.arms, arm)[f"own_{column}_{name}"][0])

    def held(self, arm: str, where: str, name: str) -> dict[str, float]:
        rows = self.of(self.scores, arm)
        rows = rows.rows((rows["where"] == where) & (rows["class"] == name))
        columns = ("auprc", "low", "high", "auroc", "precision", "recall", "f1", "accuracy")
        return {c: float(rows[c][0]) if len(rows) else float("nan") for c in (*columns, "share")}

    def of(self, table: Table, arm: str) -> Table:
        return table.rows(table["arm"] == arm)


def write_live_dead_page(
    out: Path, recipe: LiveDeadRecipe, *, is_rendered: bool, quick: bool
) -> Path:
    """Write ``report.html`` from the tables in a run's folder; return its path."""
    names = ("arms", "scores", "wells", "curves", "course", "classes")
    found = _Results(out, *(read_table(out / f"{n}.parquet") for n in names))
    sections = [
        _four_runs(found),
        *_corrections(found),
        _selection(found),
        *_weights(found),
        _curves(found),
        *_films(found),
        *(_course(found, run, recipe) for run in RUNS if found.has(run)),
        _what_to_know(found, recipe, is_rendered=is_rendered, quick=quick),
        LIVE_DEAD.section(),
    ]
    page = Page(
        title="live-dead-2024",
        kind="reproduction",
        sections=sections,
        lead=_lead(found, is_rendered=is_rendered, quick=quick),
    )
    return write_page(out / "report.html", page)


def _lead(found: _Results, *, is_rendered: bool, quick: bool) -> str:
    text = "The plates are simulated: no real cell is among the images. " if is_rendered else ""
    if found.has(BEST):
        own = [found.own(BEST, c) for c in ("live", "dead")]
        held = [found.held(BEST, WHOLE, c)["auprc"] for c in ("live", "dead")]
        text += (
            f"The best published run (kicks; 0.51 live, 0.38 dead on real plates) reaches an area "
            f"under precision-recall of {_both(own)} on its own random tiles here, and "
            f"{_both(held)} on whole images of wells that were set aside."
        )
    if found.has(corrected(BEST)):
        held = [found.held(corrected(BEST), WHOLE, c)["auprc"] for c in ("live", "dead")]
        text += f" With both faults mended it reaches {_both(held)} there."
    return f"Quick run: it shows that all runs and proves nothing. {text}" if quick else text


def _both(values: Sequence[float]) -> str:
    return f"{_number(values[0])} live, {_number(values[1])} dead"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "unknown"


def _with_span(scores: dict[str, float]) -> str:
    span = f" ({_number(scores['low'])} to {_number(scores['high'])})"
    return _number(scores["auprc"]) + (span if np.isfinite(scores["low"]) else "")


def _four_runs(found: _Results) -> Section:
    rows = []
    for run in RUNS:
        said = PUBLISHED[run]
        rows.append(
            [
                run,
                f"published: {said.words}",
                f"{said.auprc[0]:.2f}, {said.auprc[1]:.2f}",
                said.auroc,
                said.f1,
                said.accuracy,
                "",
                "",
            ]
        )
        for arm, words in ((run, "run again as reported"), (corrected(run), "corrected")):
            if not found.has(arm):
                continue
            own = [found.own(arm, c) for c in ("live", "dead")]
            area = [found.own(arm, c, "auroc") for c in ("live", "dead")]
            f1 = [found.own(arm, c, "f1") for c in ("live", "dead")]
            held = [_with_span(found.held(arm, WHOLE, c)) for c in ("live", "dead")]
            accuracy = float(found.of(found.arms, arm)["own_accuracy"][0])
            rows.append(
                [
                    "",
                    words,
                    ", ".join(map(_number, own)),
                    ", ".join(map(_number, area)),
                    ", ".join(map(_number, f1)),
                    _number(accuracy),
                    *held,
                ]
            )
    text = (
        "Area under precision-recall (AUPRC), area under ROC and F1 are of pixels: nuclei of "
        "living cells (Hoechst, DAPI) and of dead ones (DRAQ7, Cy5), in this order. Its own "
        "tiles are those a run chooses by: a random tenth, as published, or tiles of validation "
        "wells where it is corrected. The last two columns are of whole images of wells that no "
        "training has seen, with 95 % intervals over wells.",
        "Published figures were read off the axes of two training plots; they are of real cells, "
        "which are harder than rendered ones. Compare rows of one run with each other, not with "
        "the published row.",
        "The published comparison of kicks with larger weights changes the schedule and the "
        "weights at once. The plateau run stands between them: it differs from the kicks in its "
        "schedule alone, and from the last run in weights (and in the lowest rate).",
    )
    columns = (
        "run",
        "what",
        "AUPRC, its own tiles",
        "AUROC",
        "F1",
        "accuracy",
        "live, wells set aside (95 %)",
        "dead, wells set aside (95 %)",
    )
    return Section(
        title="Published, run again, corrected",
        blocks=(Text(paragraphs=text), PageTable(columns=columns, rows=rows)),
    )


def _corrections(found: _Results) -> list[Section]:
    """Return what the split, the momentum and the scaling are worth, one by one."""
    steps = (
        (BEST, "as reported: random tiles, momentum 0.999"),
        (WELLS_ONLY, "split by well alone"),
        (MOMENTUM_ONLY, "momentum mended alone"),
        (corrected(BEST), "both"),
        (SCALED, "both, and levelled images in place of counts"),
    )
    there = [(arm, words) for arm, words in steps if found.has(arm)]
    if len(there) < 2 or there[0][0] != BEST:
        return []
    rows, marks = [], []
    for arm, words in there:
        row = [words]
        for name in ("live", "dead"):
            own, held = found.own(arm, name), found.held(arm, WHOLE, name)["auprc"]
            row += [_number(own), _number(held), _signed(own - held)]
            row.append("" if arm == BEST else _gain(found, arm, BEST, name))
        rows.append(row)
    at = np.arange(len(there), dtype=float)
    for name, colour in _OF_CLASS.items():
        scored = [found.held(arm, WHOLE, name) for arm, _ in there]
        marks += [
            Points(
                name=f"{name}, wells set aside",
                x=np.array([h["auprc"] for h in scored]),
                y=at,
                colour=colour,
                size_px=9.0,
            ),
            Points(
                name=f"{name}, its own tiles",
                x=np.array([found.own(arm, name) for arm, _ in there]),
                y=at,
                colour=_GREY if name == "live" else "#E69F00",
            ),
        ]
    momentum = float(found.of(found.arms, there[-1][0])["momentum"][0])
    paragraphs = (
        f"All rows are the run {BEST}. A split does not make a network better: it makes its own "
        "number true, so look at the difference between its own tiles and the wells set aside. "
        "The momentum changes the network itself: published code gave torch 0.999, which Keras "
        "reads as: keep 99.9 %, and torch as: take 99.9 % of the newest batch; so that the "
        "network is judged with the statistics of its last batch alone.",
        f"The right number is 0.001 for epochs of 2,620 batches. Ours are shorter; the weight of "
        f"{momentum:.3g} remembers the same share of an epoch.",
        "Gain: mean over the wells set aside of the difference to the first row, with its 95 % "
        "interval over wells. One seed: what another seed would change is not in it.",
    )
    columns = ["what"]
    for name in ("live", "dead"):
        columns += [
            f"{name}: {what}"
            for what in ("own tiles", "wells set aside", "difference", "gain (95 %)")
        ]
    chart = Chart(
        title="Area under precision-recall, correction by correction",
        x=Axis(title="AUPRC", ends=(0.0, 1.0)),
        y=Axis(title="training", labels=[w for _, w in there]),
        marks=marks,
        height_px=50 * len(there) + 20,
    )
    table = PageTable(columns=tuple(columns), rows=rows)
    return [
        Section(
            title="What each correction is worth",
            blocks=(Text(paragraphs=paragraphs), table, chart),
        )
    ]


def _signed(value: float) -> str:
    return f"{value:+.3f}" if np.isfinite(value) else "unknown"


def _gain(found: _Results, arm: str, base: str, name: str) -> str:
    mean, low, high = difference_over_wells(found.wells, arm, base, where=WHOLE, name=name)
    if not np.isfinite(mean):
        return "unknown"
    span = f" ({low:+.3f} to {high:+.3f})" if np.isfinite(low) else ""
    return f"{mean:+.3f}{span}"


def _selection(found: _Results) -> Section:
    rows = []
    for arm in [a for run in RUNS for a in (run, corrected(run)) if found.has(a)]:
        for name in ("live", "dead"):
            kept, whole = (found.held(arm, where, name) for where in (KEPT, WHOLE))
            rows.append(
                [
                    arm,
                    name,
                    f"{kept['share']:.2%}",
                    _with_span(kept),
                    _number(kept["precision"]),
                    f"{whole['share']:.2%}",
                    _with_span(whole),
                    _number(whole["precision"]),
                    _number(whole["recall"]),
                    _number(whole["f1"]),
                ]
            )
    text = (
        "Tiles of a single class were thrown away when the published set was made, so empty "
        "background was never scored. Here the same maps of the same wells are counted twice: over "
        "the tiles that would have been kept, and over whole images. The share of pixels of a "
        "class is what guessing reaches. Where cells are everywhere, hardly a tile is thrown away "
        "and both agree.",
    )
    columns = (
        "training",
        "class",
        "share of pixels, kept tiles",
        "AUPRC, kept tiles (95 %)",
        "precision, kept tiles",
        "share of pixels, whole images",
        "AUPRC, whole images (95 %)",
        "precision, whole images",
        "recall",
        "F1",
    )
    return Section(
        title="Kept tiles and whole images of the wells set aside",
        blocks=(Text(paragraphs=text), PageTable(columns=columns, rows=rows)),
    )


def _weights(found: _Results) -> list[Section]:
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
                *(_with_span(found.held(arm, WHOLE, c)) for c in ("live", "dead")),
            ]
        )
    colours = (_GREY, _RED, _BLUE)
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


def _curves(found: _Results) -> Section:
    charts = []
    colours = dict(zip(RUNS, (_GREY, _GREEN, _BLUE, _RED), strict=True))
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
                            name=f"{run}: {_number(area)}",
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


def _films(found: _Results) -> list[Section]:
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


def _course(found: _Results, run: str, recipe: LiveDeadRecipe) -> Section:
    """Return curves, rate and verdict of a run, as reported and corrected."""
    blocks: list[Block] = []
    for arm, words in ((run, "as reported"), (corrected(run), "corrected")):
        if not found.has(arm):
            continue
        course = found.of(found.course, arm)
        x = course["epoch"].astype(float)
        classes = found.of(found.classes, arm)
        areas = []
        for name, colour in _OF_CLASS.items():
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
                    Line(name="training", x=x, y=course["training_loss"], colour=_GREY),
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


def _rates(found: _Results, key: str, recipe: LiveDeadRecipe) -> list[tuple[float, float]]:
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


def _what_to_know(
    found: _Results, recipe: LiveDeadRecipe, *, is_rendered: bool, quick: bool
) -> Section:
    crops = read_crop_summary(found.out)
    arm = found.arms.rows(np.arange(len(found.arms)) == 0)
    sets = ", ".join(f"{n} {s['units']}" for n, s in crops["splits"].items())
    paragraphs = [
        f"{crops['planes']} images of {crops['plane_px'][0]} x {crops['plane_px'][1]} px, wells: "
        f"{sets}. Of {crops['crops_before']:,} tiles of {crops['size_px']} px at a stride of "
        f"{crops['stride_px']}, the first run learns from {int(arm['training_tiles'][0]):,} and "
        f"chooses by {int(arm['validation_tiles'][0]):,}. Published: 291,765 tiles, 2,620 and 290 "
        "batches of 100, of six wells.",
        f"Epochs: {recipe.epochs} instead of 100; periods and patiences of the schedules shrink "
        f"alike, to whole epochs. Batches of {recipe.batch} instead of 100. Which number the "
        "schedules watched is not published; here it is the mean AUPRC of live and dead nuclei. "
        "The weights of classes are not published either: rarity to the power "
        f"{recipe.balance:g}, in the run with larger weights {recipe.larger_balance:g}.",
        "Batches in a shuffled order that the seed decides, nothing augmented; the optimisers have "
        "no momentum of their own and no weight decay: nothing of this is published.",
    ]
    if recipe.network == "small":
        paragraphs.append(
            "The network is a small U-Net, not the published one on MobileNetV2, which is 30 times "
            "slower on a processor (--network mobilenet-v2 takes it, with random weights and the "
            "decoder of segmentation-models-pytorch)."
        )
    if is_rendered:
        paragraphs.insert(
            0,
            "Plates are simulated by fatescope simulate plate: eight double-stained wells each, "
            "one image a well and frame in place of 81 stitched fields. Classes are the true ones "
            "of the simulation, not those of thresholds on dyes. Nothing here says how well cells "
            "under a microscope are told apart.",
        )
    if quick:
        paragraphs.insert(0, "Quick run on one small plate: it shows that everything runs.")
    return Section(title="What to know", blocks=(Text(paragraphs=tuple(paragraphs)),))
