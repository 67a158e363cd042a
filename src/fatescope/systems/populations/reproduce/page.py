"""The page of ``reproduce movies-2020``: published, run again, what the drop was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.pages.chart import Axis, Chart, Line, Points
from fatescope.pages.page import Beside, PageTable, Section, Text
from fatescope.systems.cleaning.page import curves_with_cliffs, frames_around, one_of_each
from fatescope.systems.lineages.lint import read_findings
from fatescope.systems.populations.reproduce.arms import (
    CORRECTED,
    DROPPED,
    FIRST,
    KEPT,
    LATER,
    REPORTED,
    TRAINED,
)
from fatescope.systems.populations.reproduce.clock import CLOCK, OURS
from fatescope.systems.populations.reproduce.faults import FAULTS, FRAME_RULES, TABLE_RULES
from fatescope.systems.reproduction.engine import in_order
from fatescope.systems.reproduction.intervals import score_over_units

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import Table
    from fatescope.pages.chart import Mark
    from fatescope.pages.page import Block
    from fatescope.systems.reproduction.engine import Request
    from fatescope.systems.reproduction.settings import MoviesRecipe

_BLUE, _RED, _GREY, _GREEN = "#0072B2", "#D55E00", "#7f7f7f", "#009E73"
_ORANGE = "#E69F00"
_SHOWN = 200  # the frame that is put into words
_RECORDED = "the last part of the annotated time of the recorded movie, and "
_DROPPED_ARE = {
    False: "They are late and crowded frames as well as wrongly labelled ones.",
    True: "No label is wrong here: what is dropped are late and crowded frames.",
}


def movies_page(request: Request[MoviesRecipe], _: Path | None) -> tuple[str, list[Section]]:
    """Return the lead and the sections, from the tables in a run's folder."""
    out, recipe = request.out, request.recipe
    scores, course, losses, counts = (
        read_table(out / f"{n}.parquet") for n in ("scores", "course", "losses", "counts")
    )
    joined = read_table(out / "joined.csv") if (out / "joined.csv").is_file() else None
    of_arm = _lossy(losses, recipe)
    beside = Beside(blocks=[chart for arm, chart in of_arm.items() if arm != REPORTED])
    return _lead(scores, joined), in_order(
        [
            *_faults(out),
            _worth(scores),
            *(
                Section(title="Frames with the highest loss", blocks=(chart,))
                for arm, chart in of_arm.items()
                if arm == REPORTED
            ),
        ],
        doubt=_caveats(),
        details=[
            *_around_faults(out),
            _all_scores(scores),
            *([] if joined is None else [_table_and_movie(joined)]),
            *(
                [Section(title="Loss of frames in the other trainings", blocks=(beside,))]
                if beside.blocks
                else []
            ),
            _courses(course),
            _held_out(counts),
            _what_ran(recipe, has_recorded=bool(scores["recorded"].any())),
        ],
    )


def _faults(out: Path) -> list[Section]:
    """Return the figures of the post: faulty frames, and curves with, of and without cliffs."""
    folder = out / FAULTS
    if not (folder / "findings.csv").is_file():
        return []
    findings = read_findings(folder / "findings.csv")
    words = (
        "As in the post: a black frame, a red line, a red patch, and a cliff, where the table "
        "falls although the frame is full of cells. They were rendered, and found by fatescope "
        "clean.",
    )
    frames = one_of_each(folder, findings, (*FRAME_RULES, *TABLE_RULES))
    curves = curves_with_cliffs(folder, findings)
    blocks: list[Block] = [Text(paragraphs=words)]
    blocks += [] if frames is None else [frames]
    blocks += [] if curves is None else curves.blocks
    return [Section(title="Faulty frames and cliffs", blocks=blocks)]


def _around_faults(out: Path) -> list[Section]:
    """Return every fault between the frames around it."""
    folder = out / FAULTS
    if not (folder / "findings.csv").is_file():
        return []
    shown = frames_around(folder, read_findings(folder / "findings.csv"))
    if shown is None:
        return []
    words = f"A finding is accepted or not; nothing is removed. The whole result is in {FAULTS}/."
    blocks = (Text(paragraphs=(words,)), *shown.blocks)
    return [Section(title="Every fault, before, at and after", blocks=blocks)]


def held_out_error(scores: Table, arm: str, stage: str, *, recorded: bool) -> tuple[float, str]:
    """Return the mean error of the total over frames, and its interval over movies in words."""
    which = (
        (scores["arm"] == arm) & (scores["stage"] == stage) & (scores["recorded"] == int(recorded))
    )
    sums = np.stack([scores["error_sum"][which], scores["frames"][which]], axis=1).astype(float)
    if not len(sums):
        return float("nan"), ""
    return score_over_units(sums, lambda s: s[:, 0] / s[:, 1], unit="movie", digits=1)


def _lead(scores: Table, joined: Table | None) -> str:
    before, _ = held_out_error(scores, REPORTED, FIRST, recorded=False)
    after, _ = held_out_error(scores, REPORTED, DROPPED, recorded=False)
    true, _ = held_out_error(scores, CORRECTED, FIRST, recorded=False)
    text = (
        f"On movies that were not trained on, the total is wrong by {before:.1f} cells before the "
        f"frames with the highest loss are dropped, by {after:.1f} after it, and by {true:.1f} "
        "with labels that fit the frames"
    )
    if joined is None:
        return f"{text}."
    known = np.isfinite(joined["true"])
    off = np.abs(joined["joined"] - joined["true"])[known].mean()
    return (
        f"{text}; the counts that were trained on in 2020 are wrong themselves, by {off:.1f} cells "
        "over the annotated frames of the recorded movie."
    )


def _table_and_movie(joined: Table) -> Section:
    frame = joined["frame"].astype(float)
    marks = [
        Line(name="true: frame = time - 1", x=frame, y=joined["true"], colour=_BLUE),
        Line(name="joined as published", x=frame, y=joined["joined"], colour=_RED),
    ]
    known = np.isfinite(joined["true"])
    at = int(np.where(known, np.abs(frame - _SHOWN), np.inf).argmin())
    text = (
        f"In frame {frame[at]:.0f} the joined table says {joined['joined'][at]:.0f} cells; there "
        f"are {joined['true'][at]:.0f}. The annotated time points were spread over all frames of "
        "the movie, although annotation stops where the true line ends."
    )
    if "predicted" in joined:
        marks.append(
            Line(name="published predictions", x=frame, y=joined["predicted"], colour=_GREY)
        )
        own = np.isfinite(joined["predicted"])
        apart = np.abs(joined["predicted"] - joined["true"])[known & own].mean()
        near = np.abs(joined["predicted"] - joined["joined"])[own].mean()
        text += (
            f" The published predictions are {near:.1f} cells from the joined table and "
            f"{apart:.1f} from the truth: the network had learned the fault."
        )
    chart = Chart(
        title="Cells in the recorded movie",
        x=Axis(title="frame"),
        y=Axis(title="cells"),
        marks=marks,
        caption="Behind the end of the true line nobody annotated: unknown, not 0.",
    )
    return Section(
        title="The published table and its movie", blocks=(Text(paragraphs=(text,)), chart)
    )


def _worth(scores: Table) -> Section:
    """Return the errors of each training before the drop, after it, and without one."""
    stages, rows = (FIRST, DROPPED, KEPT), []
    has_recorded = bool(scores["recorded"].any())
    for recorded in (True, False) if has_recorded else (False,):
        for arm in TRAINED:
            errors = [held_out_error(scores, arm, s, recorded=recorded) for s in stages]
            if all(np.isnan(error) for error, _ in errors):
                continue
            kind = ["recorded" if recorded else "rendered"] if has_recorded else []
            rows.append([arm, *kind, *(_with_span(*error) for error in errors)])
    columns = ("labels and settings", *(["movies"] if has_recorded else []), *stages)
    text = (
        "Error of the total in cells, mean over frames that no training has seen. As long, "
        f"nothing dropped: what lies between is what the drop is worth.{_told_nothing(scores)}"
    )
    return Section(
        title="What the drop was worth",
        blocks=(Text(paragraphs=(text,)), PageTable(columns=columns, rows=rows)),
    )


def _with_span(error: float, span: str) -> str:
    """Return an error, and its interval where there are movies enough for one."""
    if np.isnan(error):
        return ""
    return f"{error:.1f} ({span})" if " to " in span else f"{error:.1f}"


def _told_nothing(scores: Table) -> str:
    """Say how far off are those that are no networks of 2020, on rendered movies."""
    errors = {a: held_out_error(scores, a, "", recorded=False)[0] for a in (CLOCK, OURS)}
    known = [f"{arm} {error:.1f}" for arm, error in errors.items() if not np.isnan(error)]
    return f" No networks of 2020, on the rendered movies: {', '.join(known)}." if known else ""


def _all_scores(scores: Table) -> Section:
    rows, has_recorded = [], bool(scores["recorded"].any())
    pairs = list(dict.fromkeys(zip(scores["arm"], scores["stage"], strict=True)))
    for arm, stage in pairs:
        which = (scores["arm"] == arm) & (scores["stage"] == stage)
        real, _ = held_out_error(scores, arm, stage, recorded=True)
        other, span = held_out_error(scores, arm, stage, recorded=False)
        if np.isnan(real) and np.isnan(other):
            continue  # a clock that is told a count which no movie reaches says nothing
        rows.append(
            [
                str(arm),
                str(stage),
                *([_number(real, "{:.1f}")] if has_recorded else []),
                _number(other, "{:.1f}"),
                "" if np.isnan(other) else span,
                str(int(scores["trained_frames"][which][0])) if arm in TRAINED else "",
                _number(scores["training_loss"][which][0], "{:.4f}"),
                _number(scores["validation_loss"][which][0], "{:.4f}"),
            ]
        )
    columns = (
        "labels and settings",
        "stage",
        *(["error, recorded movie"] if has_recorded else []),
        "error, rendered movies",
        "95 % over movies",
        "frames",
        "training loss",
        "validation loss",
    )
    text = (
        "Error: mean absolute error of the total in cells, on frames that no training has seen. "
        "The rows without a stage are no networks of 2020."
    )
    return Section(
        title="All scores and losses",
        blocks=(Text(paragraphs=(text,)), PageTable(columns=columns, rows=rows)),
    )


def _number(value: float, form: str) -> str:
    """Return a number as text; empty where it is unknown."""
    return "" if np.isnan(value) else form.format(value)


def _lossy(losses: Table, recipe: MoviesRecipe) -> dict[str, Chart]:
    """Draw the published plot for each arm: the loss of each frame, the highest tenth in red."""
    charts = {}
    for arm in dict.fromkeys(losses["arm"]):
        rows = losses.rows(losses["arm"] == arm)
        at = np.arange(len(rows), dtype=float)
        out = rows["dropped"] == 1
        share = recipe.later_drop if arm == LATER else recipe.drop
        is_one = int(out.sum()) == 1
        charts[str(arm)] = Chart(
            title=f"Loss of each training frame: {arm}",
            x=Axis(title="training frame"),
            y=Axis(title="sum of absolute errors, scaled"),
            marks=(
                Points(name="kept", x=at[~out], y=rows["loss"][~out], colour=_BLUE, size_px=5.0),
                Points(name="dropped", x=at[out], y=rows["loss"][out], colour=_RED, size_px=6.0),
            ),
            caption=f"n = {len(rows)} frames, movie after movie; the highest {share:.0%} "
            f"({int(out.sum())}) {'is' if is_one else 'are'} dropped. "
            f"{_DROPPED_ARE[arm == CORRECTED]}",
        )
    return charts


def _courses(course: Table) -> Section:
    charts = []
    for arm in dict.fromkeys(course["arm"]):
        marks: list[Mark] = []
        for stage, colour, light in ((FIRST, _GREY, _BLUE), (DROPPED, _RED, _ORANGE)):
            rows = course.rows((course["arm"] == arm) & (course["stage"] == stage))
            after = (
                0 if stage == FIRST else int((course["stage"][course["arm"] == arm] == FIRST).sum())
            )
            x = rows["epoch"].astype(float) + after
            marks += [
                Line(name=f"training, {stage}", x=x, y=rows["training_loss"], colour=colour),
                Points(name=f"training, {stage}", x=x, y=rows["training_loss"], colour=colour),
                Points(name=f"validation, {stage}", x=x, y=rows["validation_loss"], colour=light),
            ]
        charts.append(
            Chart(
                title=f"Loss over epochs: {arm}",
                x=Axis(title="epoch"),
                y=Axis(title="mean squared error, scaled"),
                marks=marks,
            )
        )
    return Section(title="Course of the trainings", blocks=(Beside(blocks=charts),))


def _held_out(counts: Table) -> Section:
    charts = []
    for movie in list(dict.fromkeys(counts["movie"]))[:2]:
        rows = counts.rows(counts["movie"] == movie)
        first = rows.rows(rows["arm"] == rows["arm"][0])
        marks = [Line(name="true", x=first["row"].astype(float), y=first["true"], colour=_BLUE)]
        for arm, colour in ((REPORTED, _RED), (CORRECTED, _GREEN), (OURS, _ORANGE)):
            of = rows.rows(rows["arm"] == arm)
            marks.append(Line(name=arm, x=of["row"].astype(float), y=of["found"], colour=colour))
        charts.append(
            Chart(
                title=f"Held-out frames of {movie}",
                x=Axis(title="frame of those that score"),
                y=Axis(title="cells"),
                marks=marks,
            )
        )
    return Section(title="Frames that no training has seen", blocks=(Beside(blocks=charts),))


def _caveats() -> Section:
    words = (
        "The reported run of 2020 had 22,140 frames of 86 recorded movies. One of them may be "
        "here; the others are rendered, and their tables joined to them as published: stretched "
        "over all frames, aligned at the end, and covering six tenths of the movie.",
        "The rule judges a label by the network that was trained on it: it finds what is hard and "
        "what is wrong alike. fatescope clean gives a reason for each frame, and drops nothing.",
    )
    return Section(title="How far this can be believed", blocks=(Text(paragraphs=words),))


def _what_ran(recipe: MoviesRecipe, *, has_recorded: bool) -> Section:
    begins = "" if recipe.weights != "random" else "; ResNet18 begins at random, not with ImageNet"
    words = (
        f"An epoch is {recipe.batches} batches of {recipe.batch} frames{begins}. Loss: mean "
        "squared error of counts scaled to 0 to 1, on augmented frames. Validation frames are a "
        "random fifth of the same movies, in the later run a tenth, as published; with true labels "
        "they are a movie of their own. What scores is "
        f"{_RECORDED if has_recorded else ''}whole rendered movies.",
        "A clock looks at no frame: it is told when the movie has 8 cells, and says what a typical "
        "recorded embryo has so many minutes later; the second is also told when there are 50, and "
        "takes its tempo from that. The last row is fatescope's own counting of whole movies with "
        "the shipped model, which is told nothing; a frame that it abstains from counts as 0 "
        "cells. The growth of the recorded embryo is not among the curves that they use; the "
        "model's training had frames of that movie up to 120, and none of those that score here.",
        "Z2 and Z3 are not Z of a founder of their own here but a letter, as published: EMS counts "
        "as E, MS as M, P1 to P4 as P.",
    )
    return Section(title="What ran", blocks=(Text(paragraphs=words),))
