"""The page with sliders beside the reproduction: kicks on the score that its own run measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.pages.page import KicksBoard
from fatescope.systems.viability.reproduce.arms import BEST, METRIC
from fatescope.systems.viability.reproduce.kicks_page import write_kicks

if TYPE_CHECKING:
    from pathlib import Path

NAME = "kicks.html"
_FEWEST = 3
_PUBLISHED_EPOCHS, _WAIT, _FALL = 100, 6, 6
"""Read off the published figure: kicks of half a floor, every six to seven epochs of a hundred."""


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
    return [write_kicks(out / NAME, board).name]
