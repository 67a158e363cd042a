"""Cells in boxes, live or dead: crops with centres; scored as prediction scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from fatescope.models import PERCENTILES, Boxes, ImageInput, ModelDescription, Tiling
from fatescope.models.outputs import BOX_CORNERS
from fatescope.prepare import read_samples
from fatescope.train.box_crops import BoxCrops, load_box_planes
from fatescope.train.box_loss import box_loss
from fatescope.train.box_network import STRIDE_PX, build_box_network
from fatescope.train.box_scoring import propose, score_boxes, summarise_boxes
from fatescope.train.evaluated import EvaluatedNetwork

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.train.box_settings import BoxRecipe
    from fatescope.train.task import Row

Batch = tuple[torch.Tensor, torch.Tensor]
TILE_PX, HALO_PX, DIVISOR = 1024, 96, 16


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
        planes = load_box_planes(
            read_samples(data, splits=["train"]),
            classes=recipe.classes,
            usual_px=recipe.crops.diameter_px,
        )
        self._crops = BoxCrops(planes, settings=recipe.crops, seed=recipe.seed)
        self._validation = read_samples(data, splits=["validation"])

    @property
    def seed(self) -> int:
        """Seed of the recipe."""
        return self._recipe.seed

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
        description = draft_description(self._recipe)
        proposed = propose(
            EvaluatedNetwork(network),
            self._validation,
            description=description,
            classes=self._recipe.classes,
        )
        scores = score_boxes(proposed, description.output_as(Boxes).replace(least_score=0.35))
        return summarise_boxes(scores)


def draft_description(recipe: BoxRecipe) -> ModelDescription:
    """Describe the package of a recipe as far as the recipe alone knows it."""
    low, high = recipe.crops.zoom
    size = recipe.crops.diameter_px
    return ModelDescription(
        name=recipe.name,
        summary=recipe.summary,
        task=recipe.task,
        cite=recipe.cite,
        input=ImageInput(
            percentiles=PERCENTILES,
            diameter_px=size,
            diameter_range_px=(round(size * low, 1), round(size * high, 1)),
            tiling=Tiling(
                tile_px=(TILE_PX, TILE_PX), halo_px=(HALO_PX, HALO_PX), divisor=(DIVISOR, DIVISOR)
            ),
            modality=recipe.modality,
            polarity="any",
        ),
        output=Boxes(channels=(*BOX_CORNERS, *recipe.classes), stride_px=STRIDE_PX),
    )
