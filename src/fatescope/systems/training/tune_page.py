"""The page of a tuning: its course, what decided, and the score over each setting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.pages.chart import Axis, Bars, Chart, Line, Points, number
from fatescope.pages.page import Beside, Code, PageTable, Section, Text, write_page
from fatescope.pages.skeleton import Head, counted, result_page
from fatescope.train.search_space import Choices

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.pages.chart import Mark
    from fatescope.pages.page import Block
    from fatescope.train import TuneSettings
    from fatescope.train.search_space import Searched, Space

    Row = Mapping[str, Any]

BEST_SHOWN = 10  # trials in the table
_NAMES = {"iou": "IoU", "ap50": "AP at 0.50", "ap75": "AP at 0.75", "ap_mean": "mean AP 0.50-0.90"}


def write_tuning_page(
    path: Path,
    rows: Sequence[Row],
    *,
    space: Space,
    settings: TuneSettings,
    best_trial: int,
    importance: Mapping[str, float],
    n_samples: int,
    recipe: str,
) -> Path:
    """Write the page of a study, with the numbers to save, and return the path.

    Parameters
    ----------
    path : Path
        Of the HTML file.
    rows : sequence of mappings
        As `fatescope.train.trial_rows` returns them.
    space : Space
    settings : TuneSettings
    best_trial : int
        Its number in ``rows``.
    importance : mapping of setting to share
        Empty where there are too few trials to say.
    n_samples : int
        Training images of the share.
    recipe : str
        The best recipe, as TOML.
    """
    score = _NAMES.get(settings.score or "", settings.score or "score")
    scored = [row for row in rows if row["score"] != ""]
    best = next(row for row in rows if row["trial"] == best_trial)
    values = ", ".join(f"{name} = {_said(best[name])}" for name in space)
    charts: list[Block] = [_history(rows, score, settings)]
    if importance:
        charts.append(_importance(importance))
    slices = [_slice(scored, name, searched, score) for name, searched in space.items()]
    states = [row["state"] for row in rows]
    epochs = "one epoch" if settings.epochs == 1 else f"{settings.epochs} epochs"
    counts = ", ".join(
        f"{number(states.count(state))} {words}"
        for state, words in (("complete", "complete"), ("pruned", "pruned"), ("failed", "failed"))
    )
    page = result_page(
        Head(
            title="Tuning",
            kind="tuning",
            answer=f"Best on validation images: trial {best_trial}, {score} {best['score']:.3f}, "
            f"with {values}.",
        ),
        figures=(Section(title="Course", blocks=(Beside(blocks=charts),)),),
        doubt=(
            Text(
                paragraphs=(
                    f"{counted(len(rows), 'trial')}: {counts}, on {number(n_samples)} training "
                    f"images ({settings.share:.0%}). Each trial was {epochs} long. What is best "
                    "after a short training need not be best after a long one, and differences as "
                    "small as those between two seeds may be chance. No test image was opened.",
                )
            ),
        ),
        details=(
            Section(title="Score over each setting", blocks=(Beside(blocks=slices),)),
            _table(scored, space, score),
        ),
        again=(Code(text=recipe, title="best.toml", file_name="best.toml", note="The recipe."),),
        record={"settings": settings.model_dump(mode="json")},
    )
    return write_page(path, page)


def _history(rows: Sequence[Row], score: str, settings: TuneSettings) -> Chart:
    """Return the score of each trial, and the highest so far."""
    marks: list[Mark] = []
    complete = [row for row in rows if row["state"] == "complete"]
    highest = np.maximum.accumulate([row["score"] for row in complete])
    x = [row["trial"] for row in complete]
    for state in ("complete", "pruned"):
        some = [row for row in rows if row["state"] == state and row["score"] != ""]
        if some:
            marks.append(_points(some, state, [row["trial"] for row in some]))
    marks.append(Line(name="best so far", x=x, y=highest, shape="steps"))
    return Chart(
        title="Score of each trial",
        x=Axis(title="trial"),
        y=Axis(title=score),
        marks=marks,
        caption=f"n = {len(complete)} complete trials, on all validation images; of a pruned "
        "trial, the last score that it reached."
        if settings.prune != "none"
        else f"n = {len(complete)} complete trials, on all validation images.",
    )


def _importance(importance: Mapping[str, float]) -> Chart:
    names = list(importance)
    return Chart(
        title="Importance",
        x=Axis(title="setting", labels=names),
        y=Axis(title="importance", ends=(0.0, 1.0)),
        marks=(Bars(name="importance", x=range(len(names)), height=list(importance.values())),),
        caption="How much a setting decides whether a complete trial is among the best tenth "
        "(PED-ANOVA); the sum is 1.",
    )


def _slice(rows: Sequence[Row], name: str, searched: Searched, score: str) -> Chart:
    """Return the score over the values of one setting."""
    labels: list[str] = []
    if isinstance(searched, Choices):
        labels = [str(v) for v in searched.values]
        axis = Axis(title=name, labels=labels)
    else:
        scale: Literal["log10", "linear"] = "log10" if searched.is_log else "linear"
        axis = Axis(title=name, scale=scale, ends=(searched.low, searched.high))
    marks: list[Mark] = []
    for state in ("complete", "pruned"):
        some = [row for row in rows if row["state"] == state]
        x = [labels.index(str(row[name])) if labels else row[name] for row in some]
        if some:
            marks.append(_points(some, state, x))
    return Chart(
        title=name,
        x=axis,
        y=Axis(title=score),
        marks=marks,
    )


def _points(rows: Sequence[Row], state: str, x: Sequence[float]) -> Points:
    return Points(
        name=state,
        x=x,
        y=[row["score"] for row in rows],
        words=[f"trial {row['trial']}: {row['score']:.3f}" for row in rows],
        size_px=7.0,
    )


def _table(rows: Sequence[Row], space: Space, score: str) -> Section:
    complete = [row for row in rows if row["state"] == "complete"]
    best = sorted(complete, key=lambda row: -row["score"])[:BEST_SHOWN]
    table = PageTable(
        columns=("trial", score, *space, "seconds"),
        rows=[
            (
                str(row["trial"]),
                f"{row['score']:.4f}",
                *(_said(row[name]) for name in space),
                f"{row['seconds']:.1f}",
            )
            for row in best
        ],
    )
    note = f"{number(len(best))} of {counted(len(complete), 'complete trial')}; trials.csv has all."
    return Section(title="Best trials", blocks=(table, Text(paragraphs=(note,), tone="aside")))


def _said(value: object) -> str:
    return number(value, digits=4) if isinstance(value, float) else str(value)
