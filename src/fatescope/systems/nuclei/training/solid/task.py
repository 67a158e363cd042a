"""Nuclei in space: crops of the maps of planes; scored as stacks are divided."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from fatescope.models import find_package, read_package
from fatescope.models.outputs import PLANE_MAPS
from fatescope.prepare.store import read_samples
from fatescope.systems.nuclei.training.solid.crops import SolidCropSource
from fatescope.systems.nuclei.training.solid.network import build_solid_network
from fatescope.systems.nuclei.training.solid.package import package_solid
from fatescope.systems.nuclei.training.solid.scoring import RULE, SCORES, score_drawn, solid_row
from fatescope.systems.nuclei.training.solid.stacks import load_drawn, load_volumes
from fatescope.train.evaluated import EvaluatedNetwork
from fatescope.train.losses import dice_loss, weighted_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fatescope.models import ModelDescription, ModelPackage
    from fatescope.systems.nuclei.training.solid.settings import SolidLoss, SolidRecipe
    from fatescope.systems.nuclei.training.solid.stacks import DrawnStack
    from fatescope.train.one_fit import Watch
    from fatescope.train.task import Row
    from fatescope.train.trainables import TrainedNetwork

Batch = tuple[torch.Tensor, torch.Tensor]


class SolidTask:
    """A recipe for the network that draws nuclei in space.

    Parameters
    ----------
    recipe : SolidRecipe
    data : Path
        Folder with ``samples.csv`` of stacks; rows of the split ``test`` are not opened.
    """

    def __init__(self, recipe: SolidRecipe, *, data: Path) -> None:
        self.recipe = recipe
        self._data = data
        self.seed = recipe.seed
        self.stream = repr((data, recipe.seed, recipe.crops, recipe.plane_model))

    @cached_property
    def _crops(self) -> SolidCropSource:
        """The training stacks, drawn when the first batch is asked for: others may share it."""
        volumes = load_volumes(read_samples(self._data, splits=["train"]), recipe=self.recipe)
        return SolidCropSource(volumes, settings=self.recipe.crops, seed=self.seed)

    @cached_property
    def _validation(self) -> list[DrawnStack]:
        rows = read_samples(self._data, splits=["validation"])
        return load_drawn(rows, plane_model=self.recipe.plane_model)

    def build(self) -> torch.nn.Module:
        """Return the network with random weights."""
        network = build_solid_network(self.recipe.network, seed=self.seed)
        return network.to(memory_format=torch.channels_last_3d)  # a quarter cheaper on CPU

    def batch(self, step: int, size: int) -> Batch:
        """Return maps of planes (B, 3, Z, Y, X) and targets (B, 3, Z, Y, X) of a step."""
        numbers = range(step * size, (step + 1) * size)
        shown, targets = zip(*[self._crops.crop(n) for n in numbers], strict=True)
        return torch.from_numpy(np.stack(shown)), torch.from_numpy(np.stack(targets))

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts of `solid_loss`."""
        shown, target = batch
        logits = network.logits(shown.contiguous(memory_format=torch.channels_last_3d))
        return solid_loss(logits.float(), target, settings=self.recipe.loss)

    def validate(self, network: Any) -> Row:
        """Return the scores on the validation units."""
        if not self._validation:
            return {}
        return self.scores(EvaluatedNetwork(network))

    def scores(self, network: EvaluatedNetwork | None) -> Row:
        """Score a network on the validation units; without one, the rule."""
        planes = read_package(find_package(self.recipe.plane_model)).description
        return solid_row([score_drawn(d, network, planes=planes) for d in self._validation])


def solid_loss(
    logits: torch.Tensor, target: torch.Tensor, *, settings: SolidLoss
) -> dict[str, torch.Tensor]:
    """Return the parts of the loss and their weighted sum, ``loss``.

    Parameters
    ----------
    logits : Tensor, shape (B, 2, Z, Y, X)
        Foreground and distance, before the sigmoid.
    target : Tensor, shape (B, 3, Z, Y, X)
        Both in 0..1, and 1 where a voxel counts.
    settings : SolidLoss

    Notes
    -----
    Cross-entropy and Dice of the foreground; squared error of the distance, heavier inside nuclei.
    """
    foreground, distance, counts = target.unbind(1)
    probability = torch.sigmoid(logits)
    error = (probability[:, 1] - distance) ** 2
    entropy = cross_entropy(logits[:, 0], foreground, reduction="none")
    parts = {
        "foreground": weighted_mean(entropy, counts),
        "dice": dice_loss(probability[:, 0] * counts, foreground * counts),
        "distance": weighted_mean(error * (1 + settings.inside * foreground), counts),
    }
    parts["loss"] = (
        parts["foreground"] + settings.dice * parts["dice"] + settings.distance * parts["distance"]
    )
    return parts


class _Solid:
    """The `Trainable` of nuclei in space."""

    scores: Mapping[str, str] = SCORES
    metric = "f1_50"
    scored_on = (
        "Pooled over whole validation stacks, at the size that prediction estimates, on the grid "
        f"of the maps ({', '.join(PLANE_MAPS)}), which is half as fine as the network of planes "
        "sees a stack."
    )

    def inherit(self, recipe: SolidRecipe, start: ModelDescription | None) -> SolidRecipe:
        """Return the recipe: it says everything itself."""
        return recipe

    def build_task(self, stage: SolidRecipe, *, data: Path) -> SolidTask:
        """Return the task of a recipe."""
        return SolidTask(stage, data=data)

    def write_package(self, made: TrainedNetwork) -> ModelPackage:
        """Write the package."""
        return package_solid(made)

    def watch(self, task: SolidTask, folder: Path) -> Watch | None:
        """Return nothing: a stack has no film."""
        return None

    def baselines(self, recipe: SolidRecipe, *, data: Path) -> dict[str, dict[str, float]]:
        """Return the scores of the rule on the validation units."""
        if not read_samples(data, splits=["validation"]):
            return {}
        return {RULE: SolidTask(recipe, data=data).scores(None)}


SOLID = _Solid()
