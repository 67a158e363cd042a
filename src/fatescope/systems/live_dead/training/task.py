"""Cells in boxes, live or dead: crops with centres; scored as prediction scores."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch

from fatescope.models import Boxes, ModelDescription
from fatescope.prepare import read_samples
from fatescope.systems.live_dead.training.crops import BoxCrops, load_box_planes
from fatescope.systems.live_dead.training.loss import box_loss
from fatescope.systems.live_dead.training.network import build_box_network
from fatescope.systems.live_dead.training.package import describe_boxes, package_boxes
from fatescope.systems.live_dead.training.scoring import propose, score_boxes, summarise_boxes
from fatescope.train.evaluated import EvaluatedNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.models import ModelPackage
    from fatescope.systems.live_dead.training.settings import BoxRecipe
    from fatescope.train.task import Row
    from fatescope.train.trainables import TrainedNetwork

Batch = tuple[torch.Tensor, torch.Tensor]
_USUAL_SCORE = 0.35
"""Scores while training are those at this threshold, before one is chosen."""


class LiveDeadTask:
    """The fit of a recipe for networks that find cells and tell live from dead.

    Parameters
    ----------
    recipe : BoxRecipe
    data : Path
        Folder with ``samples.csv``; rows of the split ``test`` are not opened.
    """

    def __init__(self, recipe: BoxRecipe, *, data: Path) -> None:
        self._recipe = recipe
        self._data = data
        self._validation = read_samples(data, splits=["validation"])
        self.seed = recipe.seed
        self.stream = repr((data, recipe.seed, recipe.crops, recipe.classes))

    @cached_property
    def _crops(self) -> BoxCrops:
        """The training images, read when the first batch is asked for: others may share it."""
        recipe = self._recipe
        planes = load_box_planes(
            read_samples(self._data, splits=["train"]),
            classes=recipe.classes,
            usual_px=recipe.crops.diameter_px,
        )
        return BoxCrops(planes, settings=recipe.crops, seed=recipe.seed)

    def build(self) -> torch.nn.Module:
        """Return the network of the recipe with random weights."""
        network = build_box_network(self._recipe.network, seed=self.seed)
        return network.to(memory_format=torch.channels_last)

    def batch(self, step: int, size: int) -> Batch:
        """Return images (B, 1, Y, X) and targets (B, 8, Y / 4, X / 4) of a step."""
        crops = [self._crops.crop(n) for n in range(step * size, (step + 1) * size)]
        images, targets = zip(*crops, strict=True)
        return torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(targets))

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the parts of `box_loss`."""
        image, target = batch
        logits = network.logits(image.contiguous(memory_format=torch.channels_last))
        return box_loss(logits.float(), target, settings=self._recipe.loss)

    def validate(self, network: Any) -> Row:
        """Return the scores of `box_scoring` on the validation units, at the usual thresholds."""
        if not self._validation:
            return {}
        description = describe_boxes(self._recipe.replace(mirrored=False))
        proposed = propose(
            EvaluatedNetwork(network),
            self._validation,
            description=description,
            classes=self._recipe.classes,
        )
        usual = description.output_as(Boxes).replace(least_score=_USUAL_SCORE)
        row = summarise_boxes(score_boxes(proposed, usual))
        merit = np.nan_to_num([row[name] for name in ("f1", "accuracy", "ap_dead")]).mean()
        return {**row, "merit": float(merit)}


class _LiveDead:
    """How recipes of networks that find cells in boxes are trained."""

    scores: ClassVar = {
        "f1": "F1 of detection",
        "accuracy": "accuracy of the class",
        "ap_dead": "area under precision-recall, dead",
        "merit": "mean of the three",
    }
    metric = "merit"
    scored_on = (
        "Pooled over whole validation images: a found box belongs to the true one that holds its "
        "centre."
    )

    def inherit(self, recipe: BoxRecipe, start: ModelDescription | None) -> BoxRecipe:
        return recipe

    def build_task(self, stage: BoxRecipe, *, data: Path) -> LiveDeadTask:
        return LiveDeadTask(stage, data=data)

    def write_package(self, made: TrainedNetwork) -> ModelPackage:
        return package_boxes(made)


LIVE_DEAD = _LiveDead()
