"""The curves of a training run, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.base import imported
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.train.task import Row

_COLOURS = {"loss": "#0072B2", "ap50": "#D55E00", "ap75": "#E69F00", "ap_mean": "#009E73"}


def plot_curves(history: Sequence[Row], ax: Any = None) -> Any:
    """Plot loss, and scores on whole validation images, against steps.

    Parameters
    ----------
    history : sequence of mappings
        Rows of ``log.csv``.
    ax : matplotlib Axes, optional
        Where to draw; a new figure if not given. Scores are on a second axis at the right.

    Returns
    -------
    Axes
        That of the loss.
    """
    Figure = imported("matplotlib.figure").Figure
    if ax is None:
        ax = Figure(figsize=(6, 3.5), layout="constrained").subplots()
    steps = [row["step"] for row in history]
    (line,) = ax.plot(steps, [row["loss"] for row in history], color=_COLOURS["loss"])
    line.set_label("loss on crops")
    ax.set(xlabel="steps", ylabel="loss", ylim=(0, None))
    scored = [row for row in history if "ap50" in row]
    right = ax.twinx()
    right.set(ylabel="AP, pooled over validation images", ylim=(0, 1))
    for name, text in (("ap50", "AP 0.50"), ("ap75", "AP 0.75"), ("ap_mean", "AP 0.50-0.90")):
        values = [row[name] for row in scored]
        right.plot(
            [r["step"] for r in scored], values, "o-", ms=3, color=_COLOURS[name], label=text
        )
    handles = [*ax.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
    ax.legend(handles=handles, loc="center right", frameon=False)
    return ax


def write_curves(path: Path, history: Sequence[Row]) -> None:
    """Write the image of `plot_curves` as PNG."""
    ax = plot_curves(history)
    with write_beside(path) as part:
        ax.figure.savefig(part, format="png", dpi=120, metadata={"Software": None})
