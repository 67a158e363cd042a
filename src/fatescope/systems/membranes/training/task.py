"""Membranes: windows of planes with walls and insides; scored by pixels, and by walls."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from fatescope.evaluate import MEMBRANE_SCORES, pool_membranes
from fatescope.prepare.store import read_samples
from fatescope.systems.membranes.cells import MAPS
from fatescope.systems.membranes.training.crops import MembraneCropSource, load_membranes
from fatescope.systems.membranes.training.package import package_membrane
from fatescope.systems.membranes.training.scoring import baseline_scores, draw_planes, score_planes
from fatescope.train.evaluated import EvaluatedNetwork
from fatescope.train.losses import dice_loss, weighted_mean
from fatescope.train.networks import build_network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fatescope.models import ModelDescription, ModelPackage
    from fatescope.systems.membranes.training.settings import MembraneLoss, MembraneRecipe
    from fatescope.train.one_fit import Watch
    from fatescope.train.task import Row
    from fatescope.train.trainables import TrainedNetwork

Batch = tuple[torch.Tensor, torch.Tensor]


class MembraneTask:
    """A recipe for networks that draw walls and the inside.

    Parameters
    ----------
    recipe : MembraneRecipe
    data : Path
        Folder with ``samples.csv`` from `prepare slices`, or of planes; rows of the split ``test``
        are not opened.
    """

    def __init__(self, recipe: MembraneRecipe, *, data: Path) -> None:
        self.recipe = recipe
        self._data = data
        rows = read_samples(data, splits=["validation"])
        self.validation = load_membranes(rows, settings=recipe.crops)
        self.seed, self.stream = recipe.seed, repr((data, recipe.seed, recipe.crops))

    @cached_property
    def _crops(self) -> MembraneCropSource:
        """The training volumes, read when the first batch is asked for: others may share it."""
        settings = self.recipe.crops
        volumes = load_membranes(read_samples(self._data, splits=["train"]), settings=settings)
        return MembraneCropSource(volumes, settings=settings, seed=self.seed)

    def build(self) -> torch.nn.Module:
        """Return the network with random weights."""
        shape = self.recipe.network.replace(n_outputs=len(MAPS))
        network = build_network(shape, seed=self.seed, n_inputs=self.recipe.crops.planes)
        return network.to(memory_format=torch.channels_last)

    def batch(self, step: int, size: int) -> Batch:
        """Return windows (B, planes, Y, X) and targets (B, 3, Y, X) of a step."""
        numbers = range(step * size, (step + 1) * size)
        images, targets = zip(*[self._crops.crop(n) for n in numbers], strict=True)
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets))

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts of `membrane_loss`."""
        image, target = batch
        logits = network.logits(image.contiguous(memory_format=torch.channels_last))
        return membrane_loss(logits.float(), target, settings=self.recipe.loss)

    def validate(self, network: Any) -> Row:
        """Return the scores on planes of the validation units."""
        if not self.validation:
            return {}
        model = EvaluatedNetwork(network)
        planes, per_volume = self.recipe.crops.planes, self.recipe.validation_planes
        scores = [s for _, s, _ in score_planes(model, self.validation, planes, per_volume)]
        return pool_membranes(scores).as_row()


def membrane_loss(
    logits: torch.Tensor, target: torch.Tensor, *, settings: MembraneLoss
) -> dict[str, torch.Tensor]:
    """Return the parts of the loss and their weighted sum, ``loss``.

    Parameters
    ----------
    logits : Tensor, shape (B, 2, Y, X)
        Wall and inside, before the sigmoid.
    target : Tensor, shape (B, 3, Y, X)
        Both in 0..1, and 1 where a pixel counts.
    settings : MembraneLoss

    Notes
    -----
    Cross-entropy with soft targets, since a block of the grid can be part wall; a wall weighs
    ``wall_weight`` times any other pixel. Dice over the batch, of both.
    """
    wall, inside, counts = target.unbind(1)
    weight = counts * (1 + (settings.wall_weight - 1) * wall)
    parts = {
        "wall": weighted_mean(cross_entropy(logits[:, 0], wall, reduction="none"), weight),
        "inside": weighted_mean(cross_entropy(logits[:, 1], inside, reduction="none"), counts),
        "dice_loss": dice_loss(torch.sigmoid(logits[:, 0]) * counts, wall * counts)
        + dice_loss(torch.sigmoid(logits[:, 1]) * counts, inside * counts),
    }
    parts["loss"] = (
        parts["wall"] + settings.inside * parts["inside"] + settings.dice * parts["dice_loss"]
    )
    return parts


class _Membrane:
    """The `Trainable` of membranes."""

    scores: Mapping[str, str] = MEMBRANE_SCORES
    metric = "wall_f1"
    scored_on = (
        "Pooled over planes spread over each validation volume, on the slices' own grid. Interiors "
        "are those of 2021: all labels, eroded by 2 x 2 pixels."
    )

    def inherit(self, recipe: MembraneRecipe, start: ModelDescription | None) -> MembraneRecipe:
        """Return the recipe: it says everything itself."""
        return recipe

    def build_task(self, stage: MembraneRecipe, *, data: Path) -> MembraneTask:
        """Return the task of a recipe."""
        return MembraneTask(stage, data=data)

    def write_package(self, made: TrainedNetwork) -> ModelPackage:
        """Write the package."""
        return package_membrane(made)

    def watch(self, task: MembraneTask, folder: Path) -> Watch | None:
        """Return what draws the same validation planes at every epoch into a folder."""
        if not task.validation:
            return None
        planes = task.recipe.crops.planes

        def draw(network: Any, row: Row) -> None:
            path = folder / f"{int(row['epoch']):04d}.png"
            draw_planes(path, EvaluatedNetwork(network), task.validation[0], planes)

        return draw

    def baselines(self, recipe: MembraneRecipe, *, data: Path) -> dict[str, dict[str, float]]:
        """Return the scores of methods without training; see `baseline_scores`."""
        rows = read_samples(data, splits=["validation"])
        return baseline_scores(rows, data=data, recipe=recipe)


MEMBRANE = _Membrane()
