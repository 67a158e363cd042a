"""Samples as a torch Dataset that takes any Albumentations pipeline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data import Dataset

from fatescope.base import InputError
from fatescope.models.inputs import PERCENTILES
from fatescope.predict.normalise import normalise_plane
from fatescope.prepare.pixels import read_label_plane, read_plane
from fatescope.prepare.targets import nucleus_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.prepare.store import Sample

LARGEST_LABEL = 2**24
"""Labels pass through Albumentations as float32, which holds whole numbers up to here."""


class SegmentationDataset(Dataset):  # type: ignore[misc] # torch is not followed
    """Images and targets, one pair per sample.

    One transform moves image and labels together; targets are computed from the labels that
    come out of it.

    Parameters
    ----------
    samples : sequence of Sample
        As `fatescope.prepare.read_samples` returns them.
    transform : albumentations.Compose, optional
        Called with ``image`` (Y, X) float32, about 0..1, and ``mask`` (Y, X) float32 that holds
        whole numbers; must return both. ``None`` changes nothing.
    target : callable, optional
        Makes (channel, Y, X) from labels (Y, X); the three maps of `nucleus_targets` if not given.
    scale : callable, optional
        Brings intensities (Y, X) to about 0..1; percentiles if not given.

    Examples
    --------
    ::

        import albumentations as A
        from fatescope.prepare import read_samples
        from fatescope.train import SegmentationDataset

        flips = A.Compose([A.RandomCrop(128, 128), A.HorizontalFlip(), A.RandomRotate90()])
        pairs = SegmentationDataset(read_samples(folder, splits=["train"]), transform=flips)
        image, target = pairs[0]  # (1, 128, 128) and (3, 128, 128), float32
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        transform: Callable[..., dict[str, Any]] | None = None,
        target: Callable[[LabelImage], FloatArray] | None = None,
        scale: Callable[[np.ndarray], FloatArray] | None = None,
    ) -> None:
        self.samples = list(samples)
        self.transform = transform
        self.scale = scale or partial(normalise_plane, percentiles=PERCENTILES)
        self.target = target or (lambda labels: nucleus_targets(labels, border_px=1.5).stack())

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return image (1, Y, X) and target (channel, Y, X), both float32."""
        image, labels = self.pair(index)
        target = np.ascontiguousarray(self.target(labels), dtype=np.float32)
        return torch.from_numpy(np.ascontiguousarray(image)[None]), torch.from_numpy(target)

    def pair(self, index: int) -> tuple[FloatArray, LabelImage]:
        """Return the transformed image (float32) and labels (int32), both (Y, X)."""
        sample = self.samples[index]
        image = self.scale(read_plane(sample.image))
        labels = read_label_plane(sample.labels)
        if image.shape != labels.shape:
            raise InputError(
                f"{sample.image} has shape {image.shape}, but {sample.labels} has {labels.shape}."
            )
        if labels.max(initial=0) >= LARGEST_LABEL:
            raise InputError(f"{sample.labels} holds labels of {LARGEST_LABEL} and more.")
        if self.transform is not None:
            moved = self.transform(image=image, mask=labels.astype(np.float32))
            image, labels = moved["image"], moved["mask"]
        return np.asarray(image, np.float32), np.rint(labels).astype(np.int32)
