"""A schedule of the learning rate to play with: cosine annealing with kicks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class KicksBoard:
    """Sliders for patience, percent, floor and period, and the schedule that they give.

    Parameters
    ----------
    title : str
    measured : sequence of float
        What is watched for a plateau, one value an epoch; higher is better.
    measured_title : str
    rate : float
        The first peak.
    percent, floor_ratio : float
        Height of a kick above the floor; a floor beside the one before.
    patience, period : int
        Epochs without a better value before a kick; epochs of a fall.
    steps_per_epoch : int
        Of the run that measured: in settings a period is counted in steps.
    metric : str
        What settings call the score.
    caption : str
    """

    title: str
    measured: Sequence[float]
    measured_title: str = "score"
    rate: float = 0.05
    percent: float = 25.0
    patience: int = 5
    floor_ratio: float = 0.5
    period: int = 10
    steps_per_epoch: int = 1
    metric: str = "ap_mean"
    caption: str = ""


def kicks_data(board: KicksBoard) -> dict[str, Any]:
    """Return what the script needs."""
    return {
        "measured": [round(float(v), 6) for v in board.measured],
        "words": board.measured_title,
        "rate": board.rate,
        "steps": board.steps_per_epoch,
        "metric": board.metric,
    }
