"""The page of a training: the verdict, the loss, scores on validation images, the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.report.chart import Axis, Chart, Line, Points
from fatescope.report.page import Beside, Page, Section, write_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.report.chart import Mark

_STEPS = Axis(title="step")


def write_training_page(
    path: Path,
    history: Sequence[Mapping[str, float]],
    *,
    title: str,
    verdict: str,
    scores: Mapping[str, str],
    scored_on: str = "",
) -> Path:
    """Write the curves of a training, with the numbers to save, and return the path.

    Parameters
    ----------
    path : Path
        Of the HTML file.
    history : sequence of mappings
        Rows of ``log.csv`` with ``step`` and ``loss``; ``learning_rate`` and scores where measured.
    title : str
        The name of the recipe.
    verdict : str
        One sentence on how it went.
    scores : mapping of column to words
        The columns of ``history`` that are scores of 0 to 1 on validation samples.
    scored_on : str
        One sentence on how they are measured.
    """
    loss = Chart(
        title="Loss in training",
        x=_STEPS,
        y=Axis(title="loss"),
        marks=(_line(history, "loss", "training"),),
    )
    lines = [_line(history, c, w) for c, w in scores.items() if any(c in r for r in history)]
    charts = [loss]
    if lines:
        points = [Points(name=m.name, x=m.x, y=m.y, size_px=4.0) for m in lines]
        marks: tuple[Mark, ...] = (*lines, *points)
        charts.append(
            Chart(
                title="Scores on validation units",
                x=_STEPS,
                y=Axis(title="score", ends=(0.0, 1.0)),
                marks=marks,
                caption=scored_on,
            )
        )
    if any("learning_rate" in row for row in history):
        charts.append(
            Chart(
                title="Learning rate",
                x=_STEPS,
                y=Axis(title="learning rate"),
                marks=(_line(history, "learning_rate", "learning rate"),),
            )
        )
    sections = (Section(title="Curves", blocks=(Beside(blocks=charts),)),)
    return write_page(path, Page(title=title, kind="training", lead=verdict, sections=sections))


def _line(history: Sequence[Mapping[str, float]], column: str, name: str) -> Line:
    known = [row for row in history if column in row]
    return Line(name=name, x=[row["step"] for row in known], y=[row[column] for row in known])
