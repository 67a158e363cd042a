"""The nucleus network of 2020, with the libraries that it named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from skimage.measure import label as components

from fatescope.base import imported
from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare.pixels import read_plane
from fatescope.train._torchvision import ensure_torchvision
from fatescope.train.dataset import SegmentationDataset
from fatescope.train.encoder_weights import fill_encoder, read_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.prepare import Sample
    from fatescope.train.network_settings import LibraryNetwork


CROP_PX, CROPPED_PX = (350, 400), 256
"""The random crop, and what it is brought to before the last change of size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNuclei:
    """A trained network and its course."""

    network: Any
    size_px: int
    loss: tuple[float, ...]  # Dice loss of each epoch
    iou: tuple[float, ...]  # of each epoch's own batches, while they were learnt
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


def fit_published_nuclei(
    samples: Sequence[Sample],
    *,
    epochs: int,
    batches: int,
    batch: int,
    rate: float,
    size_px: int,
    seed: int,
    weights: LibraryNetwork | None = None,
    progress: Callable[[int, int, str], None] | None = None,
) -> PublishedNuclei:
    """Train FPN on ResNet18 as in 2020: Dice loss, Adam, one joint transform, no validation.

    Parameters
    ----------
    samples : sequence of Sample
        Training images; masks are labels above 0.
    epochs, batches, batch : int
        ``batches`` batches of ``batch`` augmented images in each epoch.
    rate : float
        Of Adam, constant.
    size_px : int
        Images are squeezed to this square, by the nearest pixel, masks too.
    seed : int
    weights : LibraryNetwork, optional
        Its file holds the weights with which the encoder begins, checked by its sha256.
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
    pairs = _pairs(samples, size_px=size_px, seed=seed)
    order = np.random.default_rng(seed)
    losses, ious = [], []
    torch.set_num_threads(1)  # more would change the last bits, and fight with other folds
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # first weights, and dropout
        network, dice = _parts()
        if weights is not None:
            fill_encoder(network.encoder, read_weights(weights), name=weights.encoder)
        network.to(memory_format=torch.channels_last)  # a quarter cheaper on CPU
        optimizer = torch.optim.Adam(network.parameters(), lr=rate)
        for epoch in range(epochs):
            drawn = [_draw(pairs, batch, order) for _ in range(batches)]
            loss, iou = _learn(network, dice, optimizer, drawn)
            losses.append(loss)
            ious.append(iou)
            if progress:
                progress(epoch + 1, epochs, "epochs of the published network")
    network.eval()
    with torch.no_grad():
        drawn = [_draw(pairs, batch, order) for _ in range(batches)]
        training_iou = _iou([_overlap(network(image), mask) for image, mask in drawn])
    return PublishedNuclei(
        network=network,
        size_px=size_px,
        loss=tuple(losses),
        iou=tuple(ious),
        training_iou=training_iou,
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
    transform = joint_transform(size_px, shortest_px=shortest, seed=seed)
    return SegmentationDataset(samples, transform=transform, target=_foreground, scale=scale)


def _learn(
    network: Any, dice: Any, optimizer: Any, drawn: Sequence[tuple[torch.Tensor, torch.Tensor]]
) -> tuple[float, float]:
    """Take one step for each batch; return the mean loss and the pixel IoU on the way."""
    total, overlaps = 0.0, []
    network.train()
    for image, mask in drawn:
        found = network(image.contiguous(memory_format=torch.channels_last))
        loss = dice(found, mask)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss.detach())
        overlaps.append(_overlap(found.detach(), mask))
    return total / len(drawn), _iou(overlaps)


def _iou(overlaps: Sequence[tuple[float, float]]) -> float:
    shared, either = np.sum(overlaps, axis=0)
    return float(shared / max(either, 1))


def joint_transform(size_px: int, *, shortest_px: int, seed: int) -> Any:
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


def _parts() -> tuple[Any, Any]:
    ensure_torchvision()
    smp = imported("segmentation_models_pytorch")
    network = smp.FPN(
        "resnet18", encoder_weights=None, in_channels=1, classes=1, activation="sigmoid"
    )
    return network, smp.losses.DiceLoss("binary", from_logits=False)


def _draw(
    pairs: SegmentationDataset, batch: int, order: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = order.choice(len(pairs), batch, replace=len(pairs) < batch)
    images, masks = zip(*[pairs[int(i)] for i in chosen], strict=True)
    return torch.stack(images), torch.stack(masks)


def _foreground(labels: LabelImage) -> FloatArray:
    return np.asarray((labels > 0)[None], np.float32)


def _square(pixels: FloatArray, size_px: int) -> FloatArray:
    return np.asarray(cv2.resize(pixels, (size_px, size_px), interpolation=cv2.INTER_NEAREST))


def _overlap(found: torch.Tensor, mask: torch.Tensor) -> tuple[float, float]:
    inside, true = found > 0.5, mask > 0.5
    return float((inside & true).sum()), float((inside | true).sum())
