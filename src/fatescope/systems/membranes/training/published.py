"""The membrane network of 2021, with the libraries that it named, and its arms of correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import torch

from fatescope.prepare.published_slices import squeezed
from fatescope.train.library_networks import segmentation_library
from fatescope.train.published import Batch, DiceFpn, chance_of_step, overlap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.train.network_settings import LibraryNetwork
    from fatescope.train.task import Row

Augmentation = Literal["2020", "2021"]
NOISE_SHARE, NOISE_SD = 0.8, 0.05
CONSTANT = "constant"
"""What the plateau scheduler of 2021 was given after each epoch: always 1."""
_REACH_PX = 4  # of the square: half of the widest wall between cells
_VALIDATION_BATCH = 16  # planes at once, for memory


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskedPlane:
    """An image of 8 bits and its mask of 0 and 255, of one size."""

    image: NDArray[np.uint8]
    mask: NDArray[np.uint8]


class PublishedMembraneTask(DiceFpn):
    """The task of 2021: one joint transform, interiors without their rim.

    Parameters
    ----------
    training, validation : sequence of MaskedPlane
    size_px : int
        Images are squeezed to this square, by the nearest pixel, masks too.
    augmentation : {"2020", "2021"}
        Which published list of transforms.
    noise_mean : float
        Of the noise added to most training images: 0.5 as published, in units of 0 to 1.
    is_eroded : bool
        Whether masks lose a rim of 2 x 2 pixels after the transform, as in 2021.
    seed : int
    weights : LibraryNetwork, optional
        Its file holds the weights with which the encoder begins.
    """

    def __init__(
        self,
        training: Sequence[MaskedPlane],
        validation: Sequence[MaskedPlane],
        *,
        size_px: int,
        augmentation: Augmentation,
        noise_mean: float,
        is_eroded: bool,
        seed: int,
        weights: LibraryNetwork | None = None,
    ) -> None:
        super().__init__(seed=seed, weights=weights)
        self._training, self._validation = list(training), list(validation)
        self._size, self._noise, self._eroded = size_px, noise_mean, is_eroded
        self._transform = joint_transform(augmentation, seed=seed)
        self._pass = [0.0, 0.0]

    def batch(self, step: int, size: int) -> Batch:
        """Return augmented images and masks of a step, both (B, 1, Y, X)."""
        rng = np.random.default_rng([self.seed, step])
        chance_of_step(self._transform, rng)
        chosen = rng.choice(len(self._training), size, replace=len(self._training) < size)
        pairs = [self._augmented(self._training[int(i)], rng) for i in chosen]
        images, masks = (
            torch.from_numpy(np.stack(part)[:, None]) for part in zip(*pairs, strict=True)
        )
        return images, masks

    def _augmented(
        self, plane: MaskedPlane, rng: np.random.Generator
    ) -> tuple[FloatArray, FloatArray]:
        """Transform image and mask together, erode the mask, squeeze both, add noise."""
        both = self._transform(image=plane.image, mask=plane.mask)
        image, mask = self._square(both["image"], both["mask"])
        if rng.random() < NOISE_SHARE:
            noise = rng.normal(self._noise, NOISE_SD, image.shape)
            image = np.asarray(image + noise, np.float32)
        return image, mask

    def _square(
        self, image: NDArray[np.uint8], mask: NDArray[np.uint8]
    ) -> tuple[FloatArray, FloatArray]:
        if self._eroded:
            mask = cv2.erode(mask, np.ones((2, 2), np.uint8))
        found = squeezed(image, self._size) / np.float32(255)
        return np.asarray(found, np.float32), (squeezed(mask, self._size) > 0).astype(np.float32)

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the Dice loss; pixels that both and either call interior are summed up."""
        parts = super().loss(network, batch)
        for i, name in enumerate(("shared_px", "either_px")):
            self._pass[i] += float(parts[name])
        return parts

    def training_iou(self) -> float:
        """Return the IoU of the batches since the last call, while they were trained on."""
        shared, either = self._pass
        self._pass = [0.0, 0.0]
        return shared / max(either, 1.0)

    def validate(self, network: Any) -> Row:
        """Return pixel IoU, Dice, precision and recall on the validation rows, not augmented."""
        row: Row = {"training_iou": self.training_iou(), CONSTANT: 1.0}
        if not self._validation:
            return row
        sums = np.zeros(3)
        for start in range(0, len(self._validation), _VALIDATION_BATCH):
            part = self._validation[start : start + _VALIDATION_BATCH]
            pairs = [self._square(p.image, p.mask) for p in part]
            image = torch.from_numpy(np.stack([i for i, _ in pairs])[:, None])
            true = np.stack([m for _, m in pairs]) > 0.5
            with torch.no_grad():
                found = network(image)[:, 0].numpy() > 0.5
            sums += [(found & true).sum(), (found & ~true).sum(), (true & ~found).sum()]
        shared, wrong, missed = sums.tolist()
        return row | {
            "iou": shared / max(shared + wrong + missed, 1),
            "dice": 2 * shared / max(2 * shared + wrong + missed, 1),
            "precision": shared / max(shared + wrong, 1),
            "recall": shared / max(shared + missed, 1),
        }


class WalledTask(PublishedMembraneTask):
    """The same, and its loss counts walls too: Dice of interiors alone fills a silhouette first.

    For the network that a quick run begins with, which has few steps; nothing of this is published.
    """

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the Dice loss of interiors, and of the gaps that closing them would fill."""
        image, mask = batch
        found = network(image.contiguous(memory_format=torch.channels_last)).float()
        whole = _closed(mask)
        dice = segmentation_library().losses.DiceLoss("binary", from_logits=False)
        walls = dice((1 - found) * whole, whole - mask)
        return {"loss": dice(found, mask) + walls, **overlap(found, mask)}


def _closed(mask: torch.Tensor) -> torch.Tensor:
    """Return masks of 0 and 1, shape (B, 1, Y, X), without gaps up to twice the reach."""
    side = 2 * _REACH_PX + 1
    padded = torch.nn.functional.pad(mask, [side - 1] * 4)  # what is outside is no cell

    def widened(values: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.max_pool2d(values, side, stride=1)

    return -widened(-widened(padded))


class PassOverValidation(PublishedMembraneTask):
    """The tuning of 2021: trained on validation rows, scored by the IoU of that pass."""

    def validate(self, network: Any) -> Row:
        """Return the IoU of the training pass as the score."""
        return {"iou": self.training_iou()}


def interior_map(network: Any, pixels: NDArray[np.uint8], *, size_px: int) -> FloatArray:
    """Return the map of an image on its own grid, (Y, X), in 0..1; no noise is added."""
    image = np.asarray(squeezed(pixels, size_px) / np.float32(255), np.float32)
    with torch.no_grad():
        found = network(torch.from_numpy(image)[None, None])[0, 0].numpy()
    size = pixels.shape[1], pixels.shape[0]
    return np.asarray(cv2.resize(found, size, interpolation=cv2.INTER_LINEAR))


def joint_transform(augmentation: Augmentation, *, seed: int) -> Any:
    """Return a published list of transforms: image and mask move together, in that order.

    Notes
    -----
    In 2021 image and mask were of unequal sizes, and Albumentations stretched a distortion to each;
    version 2 does not, so masks are brought to the size of the image before it. Distortions mirror
    at the border: the default of that time.
    """
    import albumentations as augment

    mirror = cv2.BORDER_REFLECT_101
    lists = {
        "2020": [
            augment.Transpose(p=0.5),
            augment.VerticalFlip(p=0.5),
            augment.HorizontalFlip(p=0.5),
            augment.RandomRotate90(p=0.5),
        ],
        "2021": [
            augment.GridDistortion(border_mode=mirror, normalized=False, p=1.0),
            augment.Transpose(p=0.5),
            augment.RandomRotate90(p=1.0),
            augment.RandomBrightnessContrast(p=0.9),
            augment.Affine(  # what ShiftScaleRotate was
                translate_percent=(-0.0625, 0.0625),
                scale=(0.9, 1.1),
                rotate=(-45, 45),
                border_mode=mirror,
                p=0.9,
            ),
            augment.OpticalDistortion(distort_limit=(-0.3, 0.3), border_mode=mirror, p=1.0),
        ],
    }
    return augment.Compose(lists[augmentation], seed=seed)
