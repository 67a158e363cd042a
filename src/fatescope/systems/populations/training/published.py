"""The counting network of 2020: ResNet18 on whole frames, seven numbers, mean squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from fatescope.train.fit import fit, report_progress
from fatescope.train.fit_settings import PLAIN, FitSettings
from fatescope.train.library_networks import segmentation_library
from fatescope.train.published import begun, chance_of_step
from fatescope.train.schedule_settings import Constant, Stairs

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import BoolArray, FloatArray, IntArray, Progress
    from fatescope.train.network_settings import LibraryNetwork
    from fatescope.train.task import Row

LETTERS = ("A", "E", "M", "P", "C", "D", "Z")
"""Groups of cells by the first letter of their names, in the published order."""
Augmentation = Literal["reported", "later"]
Batch = tuple[torch.Tensor, torch.Tensor]
_AT_ONCE = 32  # frames, for memory


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFrames:
    """Frames with counts, whoever counted.

    ``frames`` has shape (n, side, side, 3), uint8, blue green red; ``counts`` (n, 7), by `LETTERS`.
    """

    frames: NDArray[np.uint8]
    counts: FloatArray

    def rows(self, which: IntArray | BoolArray) -> LabelledFrames:
        """Return some of the frames."""
        return LabelledFrames(frames=self.frames[which], counts=self.counts[which])

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedCounts:
    """A network with the largest count of each group, by which its numbers are scaled."""

    network: Any
    largest: FloatArray  # (7,)
    course: tuple[Row, ...]  # loss and validation loss by epoch, on counts scaled to 0 to 1

    def count(self, frames: NDArray[np.uint8]) -> FloatArray:
        """Return counts (n, 7), rounded; below 0 they are 0, which the published code made 255."""
        found = []
        with torch.no_grad():
            for first in range(0, len(frames), _AT_ONCE):
                found.append(self.network(_tensor(frames[first : first + _AT_ONCE])).numpy())
        scaled = np.concatenate([*found, np.zeros((0, len(LETTERS)), np.float32)])
        return np.maximum(np.rint(scaled * self.largest), 0)

    def losses(self, samples: LabelledFrames) -> FloatArray:
        """Return the loss of each frame as published: the sum of absolute errors, scaled."""
        errors = np.abs(self.count(samples.frames) - samples.counts) / self.largest
        return np.asarray(errors.sum(axis=1))


class PublishedCountsTask:
    """Whole frames with seven counts, scaled by the largest of each group.

    Parameters
    ----------
    training, validation : LabelledFrames
        In the published split, frames of the same movies. Both are augmented, as published.
    largest : ndarray of float, shape (7,)
    augmentation : str
        ``reported``: flips and a small affine change; ``later``: contrast, transposition and an
        elastic change too.
    seed : int
    weights : LibraryNetwork, optional
        A file of weights with which ResNet18 begins, checked by its sha256.
    """

    def __init__(
        self,
        training: LabelledFrames,
        validation: LabelledFrames,
        *,
        largest: FloatArray,
        augmentation: Augmentation,
        seed: int,
        weights: LibraryNetwork | None = None,
    ) -> None:
        self.seed = seed
        self._training, self._validation = training, validation
        self._largest = largest
        self._weights = weights
        self._transform: Any = _transform(augmentation)

    def build(self) -> Any:
        """Return ResNet18 with seven outputs; it begins at random unless a file is given."""
        return begun(CountingNetwork, seed=self.seed, weights=self._weights)

    def batch(self, step: int, size: int) -> Batch:
        """Return augmented frames (B, 3, side, side) and scaled counts (B, 7) of a step."""
        rng = np.random.default_rng([self.seed, step])
        chosen = rng.choice(len(self._training), size, replace=len(self._training) < size)
        return self._augmented(self._training.rows(chosen), rng)

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the mean squared error."""
        frames, counts = batch
        return {"loss": torch.nn.functional.mse_loss(network(frames), counts)}

    def validate(self, network: Any) -> Row:
        """Return the loss on the validation frames, augmented as published."""
        if not len(self._validation):
            return {}
        rng = np.random.default_rng([self.seed, 2**31])
        squares = []
        with torch.no_grad():
            for first in range(0, len(self._validation), _AT_ONCE):
                rows = np.arange(first, min(first + _AT_ONCE, len(self._validation)))
                frames, counts = self._augmented(self._validation.rows(rows), rng)
                squares.append(((network(frames) - counts) ** 2).mean(dim=1).numpy())
        return {"validation_loss": float(np.concatenate(squares).mean())}

    def _augmented(self, samples: LabelledFrames, rng: np.random.Generator) -> Batch:
        chance_of_step(self._transform, rng)
        changed = [self._transform(image=frame)["image"] for frame in samples.frames]
        counts = torch.from_numpy((samples.counts / self._largest).astype(np.float32))
        return _tensor(np.stack(changed)), counts


class CountingNetwork(torch.nn.Module):  # type: ignore[misc]
    """ResNet18, the mean over the frame, and seven linear outputs."""

    def __init__(self) -> None:
        super().__init__()
        encoders = segmentation_library().encoders
        self.encoder = encoders.get_encoder("resnet18", in_channels=3, depth=5, weights=None)
        self.last = torch.nn.Linear(self.encoder.out_channels[-1], len(LETTERS))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return (B, 7) from (B, 3, Y, X)."""
        deepest: torch.Tensor = self.encoder(frames)[-1]
        counts: torch.Tensor = self.last(deepest.mean(dim=(2, 3)))
        return counts


@dataclass(frozen=True, slots=True, kw_only=True)
class CountsPlan:
    """How long and how fast one training of 2020 ran; an epoch is ``batches`` batches."""

    epochs: int
    batches: int
    batch: int
    rate: float
    halved_every: int  # epochs; 0: the rate stays
    augmentation: Augmentation
    seed: int


def fit_published_counts(
    training: LabelledFrames,
    validation: LabelledFrames,
    plan: CountsPlan,
    *,
    largest: FloatArray,
    folder: Path,
    start: FittedCounts | None = None,
    weights: LibraryNetwork | None = None,
    progress: Progress | None = None,
) -> FittedCounts:
    """Train the network by Adam, or go on with the one that was trained before.

    ``training``, ``validation``, ``largest``, ``weights``: see `PublishedCountsTask`; ``folder``:
    takes checkpoint and log; a call that was killed continues; ``start``: whose weights are the
    beginning: as published, the optimiser starts again.
    """
    task = PublishedCountsTask(
        training,
        validation,
        largest=largest,
        augmentation=plan.augmentation,
        seed=plan.seed,
        weights=weights,
    )
    period = plan.halved_every * plan.batches
    settings = FitSettings(
        steps=plan.epochs * plan.batches,
        batch=plan.batch,
        optimizer="adam",
        learning_rate=plan.rate,
        schedule=Stairs(period=period) if period else Constant(),
        steps_per_epoch=plan.batches,
        validate_every=1,
        precision="float32",
        **PLAIN,
    )
    before = None if start is None else start.network.state_dict()
    fitted = fit(
        task,
        settings,
        folder=folder,
        weights=None if before is None else lambda network: _load(network, before),
        report=report_progress(progress, "training the counting network"),
    )
    return FittedCounts(network=fitted.network, largest=largest, course=tuple(fitted.history))


def _load(network: torch.nn.Module, state: dict[str, torch.Tensor]) -> None:
    network.load_state_dict(state)


def _tensor(frames: NDArray[np.uint8]) -> torch.Tensor:
    """Return frames as the network takes them: 0.5 taken off and divided by 0.5."""
    values = frames.astype(np.float32) / np.float32(127.5) - np.float32(1)
    channels_first = torch.from_numpy(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))
    return channels_first.contiguous(memory_format=torch.channels_last)


def _transform(augmentation: Augmentation) -> Any:
    """Return the published transforms (Albumentations): 10 degrees, a shift of a tenth."""
    import albumentations as augment

    turned = augment.Affine(rotate=(-10, 10), translate_percent=(-0.1, 0.1), p=1.0)
    flips = [augment.HorizontalFlip(p=0.5), augment.VerticalFlip(p=0.5)]
    if augmentation == "reported":
        return augment.Compose([*flips, turned])
    return augment.Compose(
        [
            *flips,
            augment.RandomBrightnessContrast(brightness_limit=0, contrast_limit=0.2, p=0.9),
            augment.Transpose(p=0.5),
            augment.ElasticTransform(p=0.5),
            turned,
        ]
    )
