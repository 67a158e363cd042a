"""The page *kicks*: what patience, percent and floor do to a schedule of the learning rate."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.pages.page import Code, KicksBoard, Page, Section, Text, write_page
from fatescope.systems.viability.reproduce.arms import BEST, METRIC

if TYPE_CHECKING:
    from pathlib import Path

_FEWEST = 3
_PUBLISHED_EPOCHS, _WAIT, _FALL = 100, 6, 6
"""Read off the published figure: kicks of half a floor, every six to seven epochs of a hundred."""
WORDS = (
    "The learning rate falls along a cosine to a floor and waits there. Once the score has not "
    "become better for as many epochs as the patience says, the rate is kicked to a share above "
    "the floor that it stands on, and falls to a new floor, a share of the one before.",
    "The score is the one that a run measured. What it would have done under another schedule "
    "nobody knows: the page shows when kicks would come, not what they would bring.",
)


def write_kicks(path: Path, board: KicksBoard) -> Path:
    """Write the page about the score that a run measured; return its path."""
    from fatescope import __version__

    scheduler = Code(
        title="The schedule as a class of torch",
        text=(files("fatescope") / "train" / "kicks.py").read_text(encoding="utf-8"),
        note="It needs torch alone. Call step() after each step of the optimiser, and measure() "
        "with the score after each epoch.",
        file_name="kicks.py",
    )
    page = Page(
        title="Cosine annealing with kicks",
        kind="schedule",
        sections=[Section(title="", blocks=(Text(paragraphs=WORDS), board, scheduler))],
        version=__version__,
    )
    return write_page(path, page)


def write_board(out: Path) -> list[str]:
    """Write ``kicks.html`` from the course of the run with kicks; nothing where it is too short."""
    course = read_table(out / "course.parquet")
    mine = course.rows(course["arm"].astype(str) == BEST)
    score = mine[METRIC].astype(np.float64)
    if len(score) < _FEWEST or not np.isfinite(score).all():
        return []
    share = len(score) / _PUBLISHED_EPOCHS
    board = KicksBoard(
        title="Move the sliders",
        measured=score.tolist(),
        measured_title="validation score: mean AUPRC of live and dead",
        rate=0.05,
        percent=50.0,
        floor_ratio=0.5,
        patience=max(1, round(_WAIT * share)),
        period=max(1, round(_FALL * share)),
        steps_per_epoch=int(mine["step"][0]),
        metric=METRIC,
        caption=f"n = {len(score)} epochs of the run with kicks; dashed lines are kicks. The "
        "sliders begin where the published run stood, shortened to these epochs.",
    )
    return [write_kicks(out / "kicks.html", board).name]
