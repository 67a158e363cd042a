"""Nuclei: crops with foreground, distance, border and offsets; scored as prediction scores."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from fatescope.prepare.store import read_samples
from fatescope.systems.nuclei.training.losses import nucleus_loss
from fatescope.systems.nuclei.training.package import draft_instances, package_network, score_draft
from fatescope.systems.nuclei.training.validation import score_network
from fatescope.train.crops import CropSource
from fatescope.train.networks import build_network
from fatescope.train.planes import load_planes
from fatescope.train.provenance import Provenance
from fatescope.train.recipe import inherited

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.models import ModelDescription, ModelPackage
    from fatescope.prepare import Sample
    from fatescope.train.scoring import Scored
    from fatescope.train.settings import InstanceRecipe, RecipeStage
    from fatescope.train.task import Row
    from fatescope.train.trainables import TrainedNetwork

Batch = tuple[torch.Tensor, torch.Tensor]

LOSS_CROPS = 16
"""Crops over which the loss of one image is averaged."""


class NucleiTask:
    """One stage of a recipe for networks that draw nuclei.

    Parameters
    ----------
    stage : Stage
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are not opened.
    """

    def __init__(self, stage: RecipeStage, *, data: Path) -> None:
        self._stage = stage
        self._data = data
        self._validation = read_samples(data, splits=["validation"])
        self.seed, self.stream = stage.seed, repr((data, stage.seed, stage.crops))

    @cached_property
    def _crops(self) -> CropSource:
        """The training images, read when the first batch is asked for: others may share it."""
        stage = self._stage
        rows = read_samples(self._data, splits=["train"])
        images = load_planes(rows, working_px=stage.crops.diameter_px)
        return CropSource(images, settings=stage.crops, seed=stage.seed)

    def build(self) -> torch.nn.Module:
        """Return the network of the stage with random weights."""
        network = build_network(self._stage.network, seed=self.seed)
        return network.to(memory_format=torch.channels_last)

    def batch(self, step: int, size: int) -> Batch:
        """Return images (B, 1, Y, X) and targets (B, 8, Y, X) of a step."""
        return stack_crops(self._crops, range(step * size, (step + 1) * size))

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


def stack_crops(crops: CropSource, numbers: Sequence[int]) -> Batch:
    """Return crops by number as tensors."""
    images, targets = zip(*[crops.crop(n) for n in numbers], strict=True)
    return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets))


def sample_losses(network: Any, samples: Sequence[Sample], *, stage: RecipeStage) -> list[float]:
    """Return the loss of a network on each sample: the mean over crops of its own.

    The crops of a sample are the same for every network that is trained with the same crops, so
    that losses of several seeds can be averaged.
    """
    losses = []
    for plane in load_planes(samples, working_px=stage.crops.diameter_px):
        crops = CropSource([plane], settings=stage.crops, seed=0)
        image, target = stack_crops(crops, range(LOSS_CROPS))
        with torch.no_grad():
            parts = nucleus_loss(network.logits(image).float(), target, settings=stage.loss)
        losses.append(float(parts["loss"]))
    return losses


class _Instances:
    """How recipes of networks that draw outlines are trained."""

    scores: ClassVar = {"ap50": "AP at 0.50", "ap75": "AP at 0.75", "ap_mean": "mean AP 0.50-0.90"}
    metric = "ap_mean"
    scored_on = "Pooled over whole validation images, found as predict finds them."

    def inherit(self, recipe: InstanceRecipe, start: ModelDescription | None) -> InstanceRecipe:
        return inherited(recipe, start)

    def build_task(self, stage: RecipeStage, *, data: Path) -> NucleiTask:
        return NucleiTask(stage, data=data)

    def losses(self, network: Any, samples: Sequence[Sample], *, stage: RecipeStage) -> list[float]:
        return sample_losses(network, samples, stage=stage)

    def score_held(
        self, network: Any, held: Sequence[Sample], *, recipe: InstanceRecipe
    ) -> list[Scored]:
        provenance = Provenance(command="", steps=recipe.fit.steps)
        draft = draft_instances(network, held, recipe=recipe, provenance=provenance)
        return score_draft(draft, [s for s in held if s.split == "test"], precision="fp32")

    def write_package(self, made: TrainedNetwork) -> ModelPackage:
        return package_network(made)


INSTANCES = _Instances()
