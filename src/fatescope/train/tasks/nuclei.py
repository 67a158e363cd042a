"""Nuclei: crops with foreground, distance, border and offsets; scored as prediction scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fatescope.base import Progress
from fatescope.models import find_package, read_package
from fatescope.prepare.store import read_samples
from fatescope.train.crops import CropSource
from fatescope.train.export import load_weights, weights_bytes
from fatescope.train.fit import Fitted, fit
from fatescope.train.losses import nucleus_loss
from fatescope.train.networks import build_network
from fatescope.train.planes import load_planes
from fatescope.train.validation import score_network

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.train.settings import Recipe, Stage
    from fatescope.train.task import Row

Batch = tuple[torch.Tensor, torch.Tensor]


class NucleiTask:
    """One stage of a recipe for networks that draw nuclei.

    Parameters
    ----------
    stage : Stage
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are not opened.
    """

    def __init__(self, stage: Stage, *, data: Path) -> None:
        self._stage = stage
        images = load_planes(
            read_samples(data, splits=["train"]), working_px=stage.crops.diameter_px
        )
        self._crops = CropSource(images, settings=stage.crops, seed=stage.seed)
        self._validation = read_samples(data, splits=["validation"])

    @property
    def seed(self) -> int:
        """Seed of the stage."""
        return self._stage.seed

    def build(self) -> torch.nn.Module:
        """Return the network of the stage with random weights."""
        network = build_network(self._stage.network, seed=self.seed)
        return network.to(memory_format=torch.channels_last)

    def batch(self, step: int, size: int) -> Batch:
        """Return images (B, 1, Y, X) and targets (B, 8, Y, X) of a step."""
        numbers = range(step * size, (step + 1) * size)
        images, targets = zip(*[self._crops.crop(n) for n in numbers], strict=True)
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets))

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts of `nucleus_loss`."""
        image, target = batch
        logits = network.logits(image.contiguous(memory_format=torch.channels_last))
        return nucleus_loss(logits.float(), target, settings=self._stage.loss)

    def validate(self, network: Any) -> Row:
        """Return AP on the validation units."""
        if not self._validation:
            return {}
        return score_network(network, self._validation, stage=self._stage)


def fit_recipe(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    start: Path | str | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Train a network in all stages of a recipe, or continue where an earlier call was stopped.

    Parameters
    ----------
    recipe : Recipe
        One stage, or several: each begins with the averaged weights of the one before.
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are not opened.
    out : Path
        Takes ``checkpoints/last.ckpt`` and ``log.csv`` of the last stage after every epoch, and
        those of the stages before it in ``stage-1``, ``stage-2`` and so on.
    start : path or str, optional
        A package, by path or shipped name, whose weights are the beginning.
    progress : callable, optional
        Told steps done, steps in all, and what is going on.

    Returns
    -------
    Fitted
        The history is that of the last stage, CPU time is that of all.

    Raises
    ------
    ModelError
        If the weights of ``start`` belong to another network.
    """
    weights = None
    if start is not None:
        weights = read_package(find_package(start)).files.get("weights.safetensors", b"")
    minutes = 0.0
    for number, stage in enumerate(recipe.stages, start=1):
        fitted = fit_stage(
            stage,
            data=data,
            out=out if number == len(recipe.stages) else out / f"stage-{number}",
            weights=weights,
            progress=progress,
        )
        weights = weights_bytes(fitted.network)
        minutes += fitted.cpu_minutes
    return replace(fitted, cpu_minutes=minutes)


def fit_stage(
    stage: Stage,
    *,
    data: Path,
    out: Path,
    weights: bytes | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Do one fit of a recipe; as `fit_recipe`, with safetensors to begin with."""

    def report(done: int, total: int, _: Row) -> None:
        if progress is not None:
            progress(done, total, "training")

    return fit(
        NucleiTask(stage, data=data),
        stage.fit,
        folder=out,
        weights=None if weights is None else lambda network: load_weights(network, weights),
        report=report,
    )
