"""The page of ``reproduce live-dead-2024``: published, run again, corrected, and a film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Chart, Points
from fatescope.pages.page import PageTable, Section, Text
from fatescope.pages.skeleton import counted
from fatescope.prepare import read_crop_summary
from fatescope.systems.reproduction.engine import in_order
from fatescope.systems.reproduction.intervals import intervals_in_words
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
    ArmTables,
    both_classes,
    format_number,
    gain_over_wells,
    with_sign,
    with_span,
)
from fatescope.systems.viability.reproduce.scores import KEPT, WHOLE

if TYPE_CHECKING:
    from fatescope.systems.reproduction.engine import Request
    from fatescope.systems.reproduction.settings import LiveDeadRecipe
    from fatescope.systems.viability.reproduce.data import Plates


def assay_page(request: Request[LiveDeadRecipe], plates: Plates) -> tuple[str, list[Section]]:
    """Return the lead and the sections, from the tables in a run's folder."""
    found, recipe = ArmTables.read(request.out), request.recipe
    is_rendered = not plates.labelled
    return _lead(found, is_rendered=is_rendered), in_order(
        [*_four_runs(found), *film_section(found)],
        doubt=_what_to_doubt(recipe, is_rendered=is_rendered, quick=request.quick),
        details=[
            _what_ran(found, recipe),
            *(course_section(found, run, recipe) for run in RUNS if found.has(run)),
            *curves_section(found),
            *_corrections(found),
            *_selection(found),
            *_real_fields(found),
            *weights_section(found),
        ],
    )


def _lead(found: ArmTables, *, is_rendered: bool) -> str:
    simulated = "; the plates are simulated, and no real cell is among them" if is_rendered else ""
    if found.has(BEST):
        own = [found.own(BEST, c) for c in ("live", "dead")]
        text = (
            "The best published run (kicks; 0.51 live, 0.38 dead on real plates) reaches an area "
            f"under precision-recall of {both_classes(own)} on its own random tiles here and "
            f"{both_classes(_areas(found, BEST))} on whole images of wells set aside"
        )
        if found.has(corrected(BEST)):
            text += f", {both_classes(_areas(found, corrected(BEST)))} with both faults mended"
        return f"{text}{simulated}."
    if found.has(WEIGHTS[-1]):
        return (
            "Only the trainings on weights of ImageNet were asked for: area under precision-recall "
            f"on wells set aside {both_classes(_areas(found, WEIGHTS[0]))} from random weights, "
            f"{both_classes(_areas(found, WEIGHTS[-1]))} from ImageNet weights, refined{simulated}."
        )
    done = counted(len(found.arms), "training")
    return f"{done} done, and not yet the best published run{simulated}."


def _areas(found: ArmTables, arm: str) -> list[float]:
    """Return the area under precision-recall of both classes on whole images of wells set aside."""
    return [found.held(arm, WHOLE, c)["auprc"] for c in ("live", "dead")]


def _four_runs(found: ArmTables) -> list[Section]:
    if not any(found.has(run) for run in RUNS):
        return []
    rows = []
    for run in RUNS:
        said = PUBLISHED[run]
        rows.append(
            [
                f"{run}, published: {said.words}",
                "",
                "",
                f"{said.auprc[0]:.2f}, {said.auprc[1]:.2f}",
                said.auroc,
                said.f1,
                said.accuracy,
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
                    words,
                    *held,
                    ", ".join(map(format_number, own)),
                    ", ".join(map(format_number, area)),
                    ", ".join(map(format_number, f1)),
                    format_number(accuracy),
                ]
            )
    text = (
        "Live and dead: area under precision-recall (AUPRC) over pixels of nuclei, on whole images "
        f"of wells that no training has seen, {intervals_in_words(found.n_wells, 'well')}. Beside "
        "them what a run says of its own tiles, live before dead: a random tenth, as published, or "
        "tiles of validation wells where it is corrected.",
        "Published figures were read off the axes of two training plots, of real cells, which are "
        "harder than rendered ones: compare rows of one run with each other, not with the "
        "published row.",
    )
    columns = (
        "run",
        "live (95 %)",
        "dead (95 %)",
        "AUPRC, its own tiles",
        "AUROC",
        "F1",
        "accuracy",
    )
    blocks = (Text(paragraphs=text), PageTable(columns=columns, rows=rows))
    return [Section(title="Published, run again, corrected", blocks=blocks)]


def _corrections(found: ArmTables) -> list[Section]:
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
            row += [format_number(own), format_number(held), with_sign(own - held)]
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


def _selection(found: ArmTables) -> list[Section]:
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


def _real_fields(found: ArmTables) -> list[Section]:
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


def _what_ran(found: ArmTables, recipe: LiveDeadRecipe) -> Section:
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
        "The published comparison of kicks with larger weights changes the schedule and the "
        "weights at once. The plateau run stands between them: it differs from the kicks in its "
        "schedule alone, and from the last run in weights (and in the lowest rate).",
        "Batches in a shuffled order that the seed decides, nothing augmented; the optimisers have "
        "no momentum of their own and no weight decay: nothing of this is published.",
    ]
    if recipe.network == "small" and not is_transfer:
        paragraphs.append(
            "The network is a small U-Net, not the published one on MobileNetV2, which is 30 times "
            "slower on a processor (--network mobilenet-v2 takes it, with random weights and the "
            "decoder of segmentation-models-pytorch)."
        )
    return Section(title="What ran", blocks=(Text(paragraphs=tuple(paragraphs)),))


def _what_to_doubt(recipe: LiveDeadRecipe, *, is_rendered: bool, quick: bool) -> Section:
    paragraphs = ["One seed, few wells: small differences between runs are chance."]
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
            "In this quick run all trainings but those on ImageNet weights begin with a network "
            f"that saw {START_STEPS} batches of another rendered plate, by Adam; their last steps "
            f"tell them apart. {recipe.dead_at_start:.0%} of the cells are dead from the first "
            f"frame; in a whole run it is {type(recipe)().dead_at_start:.0%}.",
        )
    return Section(title="What to doubt", blocks=(Text(paragraphs=tuple(paragraphs)),))
