"""The nucleus network of 2020, with the libraries that it named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from skimage.measure import label as components

from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare.pixels import read_plane
from fatescope.systems.reproduction.settings import NucleiRecipe, resnet18
from fatescope.train.dataset import SegmentationDataset
from fatescope.train.fit import fit, report_progress
from fatescope.train.fit_settings import PLAIN, FitSettings
from fatescope.train.published import Batch, DiceFpn, chance_of_step, overlap
from fatescope.train.schedule_settings import Constant

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Progress
    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.prepare import Sample
    from fatescope.train.network_settings import LibraryNetwork
    from fatescope.train.task import Row

CROP_PX, CROPPED_PX = (350, 400), 256
"""The random crop, and what it is brought to before the last change of size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNuclei:
    """A trained network and its course."""

    network: Any
    size_px: int
    loss: tuple[float, ...]  # Dice loss of each epoch
    iou: tuple[float, ...]  # of each epoch's own batches, while they were trained on
    training_iou: float  # as the notebook: on augmented training images, after the last epoch

    def probability(self, pixels: np.ndarray) -> FloatArray:
        """Return the map of an image on its own grid, (Y, X), float32, in 0..1."""
        found = self.small_map(_square(scale(pixels), self.size_px))
        size = pixels.shape[1], pixels.shape[0]
        return np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR))

    def small_map(self, image: FloatArray) -> FloatArray:
        """Return the map of an image that `augmented_pair` gave, on the network's own grid."""
        with torch.no_grad():
            return np.asarray(self.network(torch.from_numpy(image)[None, None])[0, 0].numpy())


class PublishedNucleiTask(DiceFpn):
    """The task of 2020: one joint transform, no validation.

    Parameters
    ----------
    samples : sequence of Sample
        Training images; masks are labels above 0.
    size_px : int
        Images are squeezed to this square, by the nearest pixel, masks too.
    seed : int
    weights : LibraryNetwork, optional
        Its file holds the weights with which the encoder begins, checked by its sha256.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        size_px: int,
        seed: int,
        weights: LibraryNetwork | None = None,
    ) -> None:
        super().__init__(seed=seed, weights=weights)
        self._pairs = _pairs(samples, size_px=size_px, seed=seed)

    def batch(self, step: int, size: int) -> Batch:
        """Return augmented images and masks of a step, both (B, 1, Y, X)."""
        rng = np.random.default_rng([self.seed, step])
        chance_of_step(self._pairs.transform, rng)
        chosen = rng.choice(len(self._pairs), size, replace=len(self._pairs) < size)
        images, masks = zip(*[self._pairs[int(i)] for i in chosen], strict=True)
        return torch.stack(images), torch.stack(masks)

    def validate(self, network: Any) -> Row:
        """Return nothing: all images were trained on."""
        return {}


def fit_published_nuclei(
    samples: Sequence[Sample],
    recipe: NucleiRecipe,
    *,
    folder: Path,
    progress: Progress | None = None,
) -> PublishedNuclei:
    """Train the network of 2020 by Adam.

    Parameters
    ----------
    samples : sequence of Sample
        See `PublishedNucleiTask`.
    recipe : NucleiRecipe
    folder : Path
        Takes checkpoint and log; a call that was killed continues.
    progress : callable, optional

    Raises
    ------
    ModelError
        If the file of weights cannot be read, has another checksum, or does not fit ResNet18.

    Notes
    -----
    Different from the notebook: the encoder begins at random, unless a file of weights is given
    (the ImageNet weights are on a server that may not be asked here).
    """
    batches, batch = recipe.batches, recipe.batch
    task = PublishedNucleiTask(
        samples, size_px=recipe.size_px, seed=recipe.seed, weights=resnet18(recipe, "fpn")
    )
    settings = FitSettings(
        steps=recipe.epochs * batches,
        batch=batch,
        optimizer="adam",
        learning_rate=recipe.rate,
        schedule=Constant(),
        steps_per_epoch=batches,
        precision="float32",
        **PLAIN,
    )
    what = "training the published network"
    fitted = fit(task, settings, folder=folder, report=report_progress(progress, what))
    with torch.no_grad():
        drawn = [task.batch(settings.steps + n, batch) for n in range(batches)]
        overlaps = [overlap(fitted.network(image), mask) for image, mask in drawn]
    row = {name: float(sum(o[name] for o in overlaps)) for name in overlaps[0]}
    return PublishedNuclei(
        network=fitted.network,
        size_px=recipe.size_px,
        loss=tuple(row["loss"] for row in fitted.history),
        iou=tuple(_iou(row) for row in fitted.history),
        training_iou=_iou(row),
    )


def augmented_pairs(
    sample: Sample, n: int, *, size_px: int, seed: int
) -> list[tuple[FloatArray, NDArray[np.bool_]]]:
    """Return ``n`` augmented versions of an image and its mask, as the network is trained on."""
    pairs = _pairs([sample], size_px=size_px, seed=seed)
    drawn = [pairs[0] for _ in range(n)]
    return [(image[0].numpy(), mask[0].numpy() > 0) for image, mask in drawn]


def scale(pixels: np.ndarray) -> FloatArray:
    """Return intensities from 0 to 1: 8-bit divided by 255, as published; others by percentiles."""
    if pixels.dtype == np.uint8:
        return np.asarray(pixels / np.float32(255), np.float32)
    return normalise_plane(pixels, percentiles=PERCENTILES)


def _pairs(samples: Sequence[Sample], *, size_px: int, seed: int) -> SegmentationDataset:
    shortest = min(min(read_plane(s.image).shape) for s in samples)
    transform = nuclei_transform(size_px, shortest_px=shortest, seed=seed)
    return SegmentationDataset(samples, transform=transform, target=_foreground, scale=scale)


def nuclei_transform(size_px: int, *, shortest_px: int, seed: int) -> Any:
    """Return the published transform of 2020: image and mask move together, in that order.

    Parameters
    ----------
    size_px : int
        Side of the square that comes out, by the nearest pixel.
    shortest_px : int
        Shortest side of the images: the random crop of 350 to 400 px cannot be larger.
    seed : int

    Notes
    -----
    The distortion mirrors at the border and is not held inside the image, and the crop is of
    350 to 400 px: the defaults of 2020, some of which Albumentations has changed since.
    """
    import albumentations as augment

    crop = tuple(min(side, shortest_px) for side in CROP_PX)
    return augment.Compose(
        [
            augment.GridDistortion(border_mode=cv2.BORDER_REFLECT_101, normalized=False, p=0.5),
            augment.Transpose(p=0.5),
            augment.VerticalFlip(p=0.5),
            augment.HorizontalFlip(p=0.5),
            augment.RandomRotate90(p=0.5),
            augment.RandomBrightnessContrast(p=0.5),
            augment.RandomSizedCrop(min_max_height=crop, size=(CROPPED_PX, CROPPED_PX), p=0.3),
            augment.Resize(size_px, size_px, interpolation=cv2.INTER_NEAREST),
        ],
        seed=seed,
    )


def threshold_instances(probability: FloatArray, *, threshold: float) -> LabelImage:
    """Return the connected parts of what is above a threshold: all that such a map can give."""
    return np.asarray(components(probability > threshold), np.int32)


def _foreground(labels: LabelImage) -> FloatArray:
    return np.asarray((labels > 0)[None], np.float32)


def _square(pixels: FloatArray, size_px: int) -> FloatArray:
    return np.asarray(cv2.resize(pixels, (size_px, size_px), interpolation=cv2.INTER_NEAREST))


def _iou(row: Row) -> float:
    """Return the pixel IoU, pooled over batches."""
    return row["shared_px"] / max(row["either_px"], 1)
