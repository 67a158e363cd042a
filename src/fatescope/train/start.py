"""The network that trainings of a quick run begin with.

A few dozen steps from random weights draw nothing, and nothing can be compared. So a quick run
first trains the network on other rendered images, once; from there a few steps tell its trainings
apart, and its page says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.train.fit_settings import FitSettings
    from fatescope.train.task import Task

START = "start.safetensors"
"""Beside the checkpoints of trainings that are not done."""


def write_start(
    fits: Path, task: Task[Any], settings: FitSettings, *, progress: Progress | None
) -> None:
    """Train the network of a task and keep its weights; a run that continues has them."""
    from fatescope.train.export import weights_bytes
    from fatescope.train.fit import fit, report_progress

    report = report_progress(progress, "training the network to begin with")
    fitted = fit(task, settings, folder=fits / "start", report=report)
    with write_beside(fits / START) as part:
        part.write_bytes(weights_bytes(fitted.network))


def load_start(fits: Path) -> Callable[[Any], None] | None:
    """Return what fills a network with the weights of `write_start`, where there are any."""
    from fatescope.train.export import load_weights

    path = fits / START
    return (lambda network: load_weights(network, path.read_bytes())) if path.is_file() else None
