"""A model adapted to corrected pairs: ``train adapt`` with settings, for forms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base import InputError, escape
from fatescope.base.settings import Settings, setting
from fatescope.engine.plan import RunPlan
from fatescope.prepare import read_samples
from fatescope.systems.training.train import train_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.systems.training.train import Trained

RECIPE = "adapt"
_CPU_SECONDS, _CPU_SECONDS_IMAGE = 75.0, 0.5
"""Of one training with one thread, and of scoring an image before and after."""
_MEMORY_MB, _OUTPUT_MB = 1000.0, 110.0  # of a training


class AdaptSettings(Settings):
    """What is trained further on pairs of one's own."""

    start: str = setting("nuclei", "model whose weights are trained further")


def plan_adapting(inputs: Sequence[Path], *, settings: AdaptSettings | None = None) -> RunPlan:
    """Estimate `adapt_model` from what it took once, without loading what trains."""
    n = sum(len(read_samples(data, splits=["train", "validation", "test"])) for data in inputs)
    seconds = _CPU_SECONDS + _CPU_SECONDS_IMAGE * n
    return RunPlan(
        command="train",
        units=len(inputs),
        cpu_seconds=seconds,
        wall_seconds=seconds,
        peak_memory_mb=_MEMORY_MB,
        output_mb=_OUTPUT_MB,
        workers=1,
        what="networks",
    )


def adapt_model(
    inputs: Sequence[Path],
    *,
    out: Path,
    settings: AdaptSettings | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Trained:
    """Train a package further on pairs, score it before and after, and keep the better one.

    Parameters
    ----------
    inputs : sequence of Path
        One folder with ``samples.csv``.
    out, progress, fresh
        As for `train_model`.
    settings : AdaptSettings, optional

    Raises
    ------
    InputError
        If not one folder is given.
    """
    from fatescope.train import read_recipe

    if len(inputs) != 1:
        names = ", ".join(escape(p) for p in inputs)
        raise InputError(f"{names or 'nothing'}: one folder with a samples.csv is needed.")
    return train_model(
        read_recipe(RECIPE),
        data=inputs[0],
        out=out,
        start=(settings or AdaptSettings()).start,
        called=RECIPE,
        progress=progress,
        fresh=fresh,
    )
