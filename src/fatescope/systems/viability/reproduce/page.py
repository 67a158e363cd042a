"""The page of ``reproduce live-dead-2024``: published, run again, corrected, and a film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Points
from fatescope.pages.page import Page, PageTable, Section, Text, write_page
from fatescope.prepare import read_crop_summary
from fatescope.systems.reproduction.intervals import intervals_in_words
from fatescope.systems.reproduction.origin import LIVE_DEAD
from fatescope.systems.viability.reproduce.arms import (
    BEST,
    MOMENTUM_ONLY,
    REAL,
    RUNS,
    SCALED,
    START_STEPS,
    WEIGHTS,
    WELLS_ONLY,
    corrected,
)
from fatescope.systems.viability.reproduce.charts import (
    GREY,
    OF_CLASS,
    course_section,
    curves_section,
    film_section,
    weights_section,
)
from fatescope.systems.viability.reproduce.results import (
    PUBLISHED,
    Results,
    both_classes,
    format_number,
    gain_over_wells,
    signed,
    with_span,
)
from fatescope.systems.viability.reproduce.scores import KEPT, WHOLE

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.systems.reproduction.settings import LiveDeadRecipe


def write_live_dead_page(
    out: Path, recipe: LiveDeadRecipe, *, is_rendered: bool, quick: bool
) -> Path:
    """Write ``report.html`` from the tables in a run's folder; return its path."""
    found = Results.read(out)
    sections = [
        *_four_runs(found),
        *_corrections(found),
        *_selection(found),
        *_real_fields(found),
        *weights_section(found),
        *curves_section(found),
        *film_section(found),
        *(course_section(found, run, recipe) for run in RUNS if found.has(run)),
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


def _lead(found: Results, *, is_rendered: bool, quick: bool) -> str:
    text = "The plates are simulated: no real cell is among their images. " if is_rendered else ""
    if found.has(BEST):
        own = [found.own(BEST, c) for c in ("live", "dead")]
        held = [found.held(BEST, WHOLE, c)["auprc"] for c in ("live", "dead")]
        text += (
            f"The best published run (kicks; 0.51 live, 0.38 dead on real plates) reaches an area "
            f"under precision-recall of {both_classes(own)} on its own random tiles here, and "
            f"{both_classes(held)} on whole images of wells that were set aside."
        )
    if found.has(WEIGHTS[-1]) and not found.has(BEST):
        areas = [[found.held(a, WHOLE, c)["auprc"] for c in ("live", "dead")] for a in WEIGHTS]
        text += (
            "Only the trainings on weights of ImageNet were asked for: area under precision-recall "
            f"on wells set aside {both_classes(areas[0])} from random weights, "
            f"{both_classes(areas[-1])} from ImageNet weights, refined."
        )
    if found.has(corrected(BEST)):
        held = [found.held(corrected(BEST), WHOLE, c)["auprc"] for c in ("live", "dead")]
        text += f" With both faults mended it reaches {both_classes(held)} there."
    return f"Quick run: it shows that all runs and proves nothing. {text}" if quick else text


def _four_runs(found: Results) -> list[Section]:
    if not any(found.has(run) for run in RUNS):
        return []
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
            held = [with_span(found.held(arm, WHOLE, c)) for c in ("live", "dead")]
            accuracy = float(found.of(found.arms, arm)["own_accuracy"][0])
            rows.append(
                [
                    "",
                    words,
                    ", ".join(map(format_number, own)),
                    ", ".join(map(format_number, area)),
                    ", ".join(map(format_number, f1)),
                    format_number(accuracy),
                    *held,
                ]
            )
    text = (
        "Area under precision-recall (AUPRC), area under ROC and F1 are of pixels: nuclei of "
        "living cells (Hoechst, DAPI) and of dead ones (DRAQ7, Cy5), in this order. Its own "
        "tiles are those a run chooses by: a random tenth, as published, or tiles of validation "
        "wells where it is corrected. The last two columns are of whole images of wells that no "
        f"training has seen, {intervals_in_words(found.n_wells, 'well')}.",
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
    blocks = (Text(paragraphs=text), PageTable(columns=columns, rows=rows))
    return [Section(title="Published, run again, corrected", blocks=blocks)]


def _corrections(found: Results) -> list[Section]:
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
            row += [format_number(own), format_number(held), signed(own - held)]
            row.append("" if arm == BEST else gain_over_wells(found, arm, BEST, name))
        rows.append(row)
    at = np.arange(len(there), dtype=float)
    for name, colour in OF_CLASS.items():
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
                colour=GREY if name == "live" else "#E69F00",
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
        "Gain: mean over the wells set aside of the difference to the first row, "
        f"{intervals_in_words(found.n_wells, 'well')}. One seed: what another seed would change is "
        "not in it.",
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


def _selection(found: Results) -> list[Section]:
    rows = []
    for arm in [a for run in RUNS for a in (run, corrected(run)) if found.has(a)]:
        for name in ("live", "dead"):
            kept, whole = (found.held(arm, where, name) for where in (KEPT, WHOLE))
            rows.append(
                [
                    arm,
                    name,
                    f"{kept['share']:.2%}",
                    with_span(kept),
                    format_number(kept["precision"]),
                    f"{whole['share']:.2%}",
                    with_span(whole),
                    format_number(whole["precision"]),
                    format_number(whole["recall"]),
                    format_number(whole["f1"]),
                ]
            )
    if not rows:
        return []
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
    blocks = (Text(paragraphs=text), PageTable(columns=columns, rows=rows))
    return [Section(title="Kept tiles and whole images of the wells set aside", blocks=blocks)]


def _real_fields(found: Results) -> list[Section]:
    """Return what the kicks reach on real cells, as published and corrected."""
    rows = []
    for arm in REAL:
        if not found.has(arm):
            continue
        about = found.of(found.arms, arm)
        held = [found.held(arm, WHOLE, c) for c in ("live", "dead")]
        rows.append(
            [
                str(about["words"][0]),
                str(int(about["training_tiles"][0])),
                *(format_number(found.own(arm, c)) for c in ("live", "dead")),
                *(with_span(h) for h in held),
                *(format_number(h["share"]) for h in held),
            ]
        )
    if not rows:
        return []
    groups = len(set(found.of(found.wells, next(a for a in REAL if found.has(a)))["well"]))
    text = (
        "The run with kicks on real cells: mcf7_pi, fields of MCF-7 cells with killer cells, in "
        "groups (a month or a run), bright field, Hoechst and propidium iodide. As published, "
        "labels are those of the block-maximum threshold, tiles are divided at random, and "
        "counts go in. Corrected, nuclei are those of the network for Hoechst, their state is the "
        "dye over what is around them with limits of each group, what lies between is left out, "
        "whole groups are divided, the momentum is mended, and images are levelled.",
        "Its own tiles are judged by the labels of its training, and so each row by another truth. "
        f"The columns after them are of whole fields of {groups} groups that neither has seen, "
        f"judged by the corrected labels, {intervals_in_words(groups, 'group')}; the last two are "
        "the shares of the classes, which guessing reaches. Nobody has said which cells are dead: "
        "the truth is the dye.",
    )
    columns = (
        "what",
        "tiles",
        "AUPRC live, its own tiles",
        "dead",
        "live, groups set aside (95 %)",
        "dead, groups set aside (95 %)",
        "share live",
        "share dead",
    )
    table = PageTable(columns=columns, rows=rows)
    return [Section(title="Real fields", blocks=(Text(paragraphs=text), table))]


def _what_to_know(
    found: Results, recipe: LiveDeadRecipe, *, is_rendered: bool, quick: bool
) -> Section:
    crops = read_crop_summary(found.out)
    is_transfer = recipe.trainings == "weights"
    epochs = recipe.weights_epochs if is_transfer else recipe.epochs
    arm = found.arms.rows(np.arange(len(found.arms)) == 0)
    sets = ", ".join(f"{n} {s['units']}" for n, s in crops["splits"].items())
    paragraphs = [
        f"{crops['planes']} images of {crops['plane_px'][0]} x {crops['plane_px'][1]} px, wells: "
        f"{sets}. Of {crops['crops_before']:,} tiles of {crops['size_px']} px at a stride of "
        f"{crops['stride_px']}, the first run learns from {int(arm['training_tiles'][0]):,} and "
        f"chooses by {int(arm['validation_tiles'][0]):,}. Published: 291,765 tiles, 2,620 and 290 "
        "batches of 100, of six wells.",
        f"Epochs: {epochs} instead of 100; periods and patiences of the schedules shrink "
        f"alike, to whole epochs. Batches of {recipe.batch} instead of 100. Which number the "
        "schedules watched is not published; here it is the mean AUPRC of live and dead nuclei. "
        "The weights of classes are not published either: rarity to the power "
        f"{recipe.balance:g}, in the run with larger weights {recipe.larger_balance:g}.",
        "Batches in a shuffled order that the seed decides, nothing augmented; the optimisers have "
        "no momentum of their own and no weight decay: nothing of this is published.",
    ]
    if recipe.network == "small" and not is_transfer:
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
        paragraphs.insert(
            0,
            "Quick run on one small plate: it shows that everything runs. All trainings but those "
            f"on ImageNet weights begin with a network that saw {START_STEPS} batches of another "
            "rendered plate, by Adam; their last steps tell them apart.",
        )
    return Section(title="What to know", blocks=(Text(paragraphs=tuple(paragraphs)),))
