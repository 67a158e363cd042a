"""Membranes: windows of planes with walls and insides; scored by pixels, and by walls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from fatescope.evaluate import (
    MembraneScores,
    borders_of,
    pool_membranes,
    published_interior,
    score_membranes,
)
from fatescope.predict.membrane import plane_window, run_plane
from fatescope.prepare.store import read_samples
from fatescope.train.evaluated import EvaluatedNetwork
from fatescope.train.membrane_crops import MembraneCropSource, load_membranes
from fatescope.train.networks import build_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.predict.membrane import MapModel
    from fatescope.train.membrane_crops import MembraneVolume
    from fatescope.train.membrane_settings import MembraneLoss, MembraneRecipe
    from fatescope.train.task import Row

Batch = tuple[torch.Tensor, torch.Tensor]
N_MAPS = 2
_HALF = 0.5


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
        self._recipe = recipe
        volumes = load_membranes(read_samples(data, splits=["train"]), settings=recipe.crops)
        self._crops = MembraneCropSource(volumes, settings=recipe.crops, seed=recipe.seed)
        rows = read_samples(data, splits=["validation"])
        self.validation = load_membranes(rows, settings=recipe.crops)

    @property
    def seed(self) -> int:
        """Seed of the recipe."""
        return self._recipe.seed

    def build(self) -> torch.nn.Module:
        """Return the network with random weights."""
        shape = self._recipe.network.replace(n_outputs=N_MAPS)
        network = build_network(shape, seed=self.seed, n_inputs=self._recipe.crops.planes)
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
        return membrane_loss(logits.float(), target, settings=self._recipe.loss)

    def validate(self, network: Any) -> Row:
        """Return the scores on planes of the validation units."""
        if not self.validation:
            return {}
        model = EvaluatedNetwork(network)
        planes, per_volume = self._recipe.crops.planes, self._recipe.validation_planes
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
        "wall": _mean(cross_entropy(logits[:, 0], wall, reduction="none"), weight),
        "inside": _mean(cross_entropy(logits[:, 1], inside, reduction="none"), counts),
        "dice": _dice(torch.sigmoid(logits[:, 0]) * counts, wall * counts)
        + _dice(torch.sigmoid(logits[:, 1]) * counts, inside * counts),
    }
    parts["loss"] = (
        parts["wall"] + settings.inside * parts["inside"] + settings.dice * parts["dice"]
    )
    return parts


def _mean(error: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (error * weight).sum() / weight.sum().clamp(min=1.0)


def _dice(probability: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    both = (probability * truth).sum()
    return 1 - (2 * both + 1) / (probability.sum() + truth.sum() + 1)


def score_planes(
    model: MapModel, volumes: Sequence[MembraneVolume], planes: int, per_volume: int
) -> Iterator[tuple[str, MembraneScores, FloatArray]]:
    """Yield unit, scores and maps of planes spread over each volume.

    Parameters
    ----------
    model : MapModel
    volumes : sequence of MembraneVolume
    planes : int
        That the network sees at once.
    per_volume : int
        See `shown_planes`.

    Yields
    ------
    str, MembraneScores, ndarray of float32, shape (2, Y, X)
        The maps on the slices' own grid.
    """
    for volume in volumes:
        for z in shown_planes(volume, per_volume):
            maps = on_pixels(
                run_plane(plane_window(volume.levelled, z, planes=planes), model), volume
            )
            yield f"{volume.unit}, plane {z}", score_maps(maps, volume, z), maps


def shown_planes(volume: MembraneVolume, n: int) -> list[int]:
    """Return planes of a volume that are samples and hold cells, evenly spread; all if few do."""
    seen = [z for z in volume.planes if volume.cells[z].any()] or list(volume.planes)
    at = np.linspace(0, len(seen) - 1, min(n + 2, len(seen)) if len(seen) > n else len(seen))
    inner = at[1:-1] if len(seen) > n + 1 else at
    return [seen[round(i)] for i in inner]


def on_pixels(maps: FloatArray, volume: MembraneVolume) -> FloatArray:
    """Bring maps of a plane, (2, Y, X), from the grid of prediction to that of the slice."""
    box = (slice(0, 1), *(slice(0, n) for n in volume.cells.shape[1:]))
    return np.stack([volume.grid.enlarge(m[None], box)[0] for m in maps])


def score_maps(maps: FloatArray, volume: MembraneVolume, z: int) -> MembraneScores:
    """Score maps of plane ``z`` on the slice's own grid: interior is inside and no wall."""
    from skimage.morphology import skeletonize

    wall, inside = maps > _HALF
    found: NDArray[np.bool_] = np.asarray(skeletonize(wall))
    return score_membranes(
        inside & ~wall,
        found,
        true_interior=published_interior(volume.labels[z]),
        true_walls=borders_of(volume.cells[z]),
    )
