"""What a design of targets consists of: what is drawn, what is an error, how it is decoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.train.crops import MARGIN_PX, CropSource, cut, spoil

if TYPE_CHECKING:
    import torch

    from fatescope.train.networks import SmallUNet

WORKING_PX = 22.0
"""Median diameter of a nucleus in the pictures that a network sees."""

RADIUS_PX = WORKING_PX / 2
"""Lengths that a network draws are in this unit."""

Thresholds = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LabelledCrop:
    """A crop before it is given targets. Labels reach ``MARGIN_PX`` further than the image."""

    image: np.ndarray  # (Y, X) float32
    labels: np.ndarray  # (Y + 2 * MARGIN_PX, ...) int32
    known: np.ndarray  # 0 beyond the picture, float32, shape of labels
    instances: bool  # False: which nuclei touch is not known

    def inner(self, maps: np.ndarray) -> np.ndarray:
        """Cut the margin off the last two axes."""
        inside = slice(MARGIN_PX, -MARGIN_PX)
        return maps[..., inside, inside]


class LabelledCrops(CropSource):
    """The crops of `CropSource`, to the last bit, with labels in place of one kind of targets."""

    def labelled(self, number: int) -> LabelledCrop:
        rng = np.random.default_rng((self._seed, number))
        picture = self._pictures[rng.choice(len(self._pictures), p=self._weights)]
        image, labels, known = cut(picture, settings=self._settings, rng=rng)
        image = spoil(image, settings=self._settings, rng=rng)
        inside = slice(MARGIN_PX, -MARGIN_PX)
        image = np.ascontiguousarray(image[inside, inside])
        return LabelledCrop(image, labels, known, picture.instances)


@dataclass(frozen=True, slots=True)
class Design:
    """One way to draw nuclei.

    Parameters
    ----------
    network : callable
        From a seed to a network with random weights.
    target : callable
        From a crop to what the network should draw and the weights of it, float32 (C, y, x).
    loss : callable
        Of logits and targets (B, C, y, x).
    maps : callable
        From logits to what `decode` takes.
    decode : callable
        From maps (C, y, x), the shape (Y, X) of the picture at working size, and thresholds, to
        labels.
    start, grids
        Thresholds to begin with, and what is tried for each.
    """

    name: str
    title: str
    network: Callable[[int], SmallUNet]
    target: Callable[[LabelledCrop], np.ndarray]
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    maps: Callable[[torch.Tensor], torch.Tensor]
    decode: Callable[[np.ndarray, tuple[int, int], Thresholds], np.ndarray]
    start: Thresholds
    grids: Sequence[tuple[str, Sequence[float]]]


def weights(crop: LabelledCrop, *, rim_px: int = 1) -> np.ndarray:
    """Return where foreground, and where instances, count: (2, Y, X), as `CropSource` has them."""
    known = crop.inner(crop.known)
    both = np.stack([known, known * crop.instances])
    if rim_px:
        both[:, :rim_px] = both[:, -rim_px:] = 0
        both[:, :, :rim_px] = both[:, :, -rim_px:] = 0
    return both


def drop_small(labels: np.ndarray, least_px: float) -> np.ndarray:
    """Remove objects under an area."""
    area = np.bincount(labels.ravel())
    labels[area[labels] < least_px] = 0
    return labels
