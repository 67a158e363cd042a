"""Populations: the network, and its training on frames of movies with nuclei from tables."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.functional import (
    avg_pool2d,
    binary_cross_entropy_with_logits,
    interpolate,
    log_softmax,
    softplus,
)

from fatescope.prepare.store import read_samples
from fatescope.systems.populations.inference import N_BINS, cells_of_bins, pad_frame
from fatescope.systems.populations.training.movie_frames import FrameSource, read_counted
from fatescope.train.networks import Residual, convolution

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base.types import FloatArray
    from fatescope.models import ModelDescription, ModelPackage
    from fatescope.prepare import Sample
    from fatescope.systems.populations.training.movie_frames import CountedFrame
    from fatescope.systems.populations.training.settings import PopulationNetwork, PopulationRecipe
    from fatescope.train.scoring import Scored
    from fatescope.train.task import Row
    from fatescope.train.trainables import TrainedNetwork


class CountNetwork(nn.Module):  # type: ignore[misc] # torch is not followed
    """(B, 1, Y, X) to logits of the numbers of cells and of a neighbour, (B, N_BINS + 1).

    While it learns, it also draws where the nuclei of the embryo are, at a quarter of the
    resolution; the sum of that map is one of the things that the logits are made from.

    Parameters
    ----------
    settings : PopulationNetwork
    """

    def __init__(self, settings: PopulationNetwork) -> None:
        super().__init__()
        a, b, c, d = settings.widths
        self.stem = nn.Sequential(
            convolution(1, a, size=6, stride=2), convolution(a, b, stride=2), Residual(b)
        )
        self.middle = nn.Sequential(convolution(b, c, stride=2), Residual(c), Residual(c))
        self.deep = nn.Sequential(convolution(c, d, stride=2), Residual(d))
        self.from_deep, self.from_middle = nn.Conv2d(d, c, 1), nn.Conv2d(c, b, 1)
        self.draw = nn.Sequential(convolution(b, b), nn.Conv2d(b, 1, 1))
        self.hidden = nn.Sequential(nn.Linear(2 * d + c + 2, settings.hidden), nn.ReLU())
        self.last = nn.Linear(settings.hidden, N_BINS + 1)

    def both(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits, and the map of nuclei, (B, 1, Y / 4, X / 4)."""
        fine = self.stem(x)
        middle = self.middle(fine)
        deep = self.deep(middle)
        up = middle + interpolate(self.from_deep(deep), scale_factor=2.0, mode="nearest")
        wider = interpolate(self.from_middle(up), scale_factor=2.0, mode="nearest")
        nuclei = softplus(self.draw(fine + wider) - 3)
        total = nuclei.sum(dim=(2, 3)) + 0.5
        parts = [
            deep.mean(dim=(2, 3)),
            deep.amax(dim=(2, 3)),
            up.mean(dim=(2, 3)),
            torch.log(total),
            torch.sqrt(total) / 10,
        ]
        return self.last(self.hidden(torch.cat(parts, dim=1))), nuclei

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits; what the exported graph computes."""
        return self.both(x)[0]


Batch = tuple[torch.Tensor, ...]

VALIDATED = 400
"""Frames of validation movies that a score is made from, evenly taken."""


class PopulationTask:
    """Counts in frames of movies.

    Parameters
    ----------
    stage : PopulationRecipe
    data : Path
        Folder with ``samples.csv`` of `prepare pairs --movies`; test rows are not opened.
    """

    def __init__(self, stage: PopulationRecipe, *, data: Path) -> None:
        self._stage = stage
        self._data = data
        held = read_samples(data, splits=["validation"])
        step = max(1, len(held) // VALIDATED)
        self._validation = read_counted(held[::step])
        self.seed, self.stream = stage.seed, repr((data, stage.seed, stage.frames))

    @cached_property
    def _source(self) -> FrameSource:
        """The training frames, read when the first batch is asked for: others may share them."""
        frames = read_counted(read_samples(self._data, splits=["train"]))
        return FrameSource(frames, settings=self._stage.frames, seed=self.seed)

    def build(self) -> torch.nn.Module:
        """Return the network with random weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = CountNetwork(self._stage.network)
        return network.to(memory_format=torch.channels_last)

    def batch(self, step: int, size: int) -> Batch:
        """Return frames, maps of nuclei, counts and neighbours."""
        return self._source.batch(step, size)

    def loss(self, network: Any, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the loss and its three parts."""
        image, truth, counts, beside = batch
        logits, drawn = network.both(image.contiguous(memory_format=torch.channels_last))
        logits, drawn = logits.float(), drawn.float()
        settings = self._stage.loss
        chances = chances_loss(logits, counts, width=settings.width).mean()
        soft = avg_pool2d(truth, 3, stride=1, padding=1)
        nuclei = ((drawn - soft) ** 2).sum(dim=(1, 2, 3)) / torch.sqrt(counts)
        known = beside >= 0
        neighbour = chances.new_zeros(())
        if known.any():
            neighbour = binary_cross_entropy_with_logits(logits[known, -1], beside[known])
        parts = {"chances": chances, "nuclei": nuclei.mean(), "neighbour": neighbour}
        total = chances + settings.nuclei * parts["nuclei"] + settings.neighbour * neighbour
        return {"loss": total, **parts}

    def validate(self, network: Any) -> Row:
        """Return how far the likeliest number is from the truth, and how often it is near."""
        if not self._validation:
            return {}
        said = predicted_counts(network, self._validation)
        true = np.array([len(f.at) for f in self._validation])
        off = np.abs(said - true) / true
        return {"agreement": float(1 - np.median(off)), "within_10": float((off <= 0.1).mean())}


def chances_loss(logits: torch.Tensor, counts: torch.Tensor, *, width: float) -> torch.Tensor:
    """Return how far the chances of each frame are from its number of cells, (B,); 0 is best.

    Cross entropy less that of the target itself, which no network can change.
    """
    cells = torch.from_numpy(np.log2(cells_of_bins())).float().to(counts.device)
    away = (cells - torch.log2(counts)[:, None]) / (cells[1] - cells[0])
    target = log_softmax(-0.5 * (away / width) ** 2, dim=1)
    return (target.exp() * (target - log_softmax(logits[:, :-1], dim=1))).sum(dim=1)


def frame_losses(
    network: Any, frames: Sequence[CountedFrame], *, stage: PopulationRecipe
) -> list[float]:
    """Return the loss of the number of cells in each frame, as it lies; 0 is sure and right."""
    counts = torch.tensor([float(len(f.at)) for f in frames])
    logits = torch.from_numpy(frame_logits(network, frames)).float()
    return [float(v) for v in chances_loss(logits, counts, width=stage.loss.width)]


def frame_logits(network: Any, frames: Sequence[CountedFrame]) -> FloatArray:
    """Return the logits of frames, (n, N_BINS + 1)."""
    out = []
    device = next(network.parameters()).device
    with torch.no_grad():
        for frame in frames:
            level = pad_frame(frame.pixels.astype(np.float32) / 128)
            out.append(network(torch.from_numpy(level)[None, None].to(device)).float().cpu())
    return np.asarray(torch.cat(out))


def predicted_counts(network: Any, frames: Sequence[CountedFrame]) -> FloatArray:
    """Return the mean number of cells that the network says, on the logarithm, for each frame."""
    chances = np.exp(_log_softmax(frame_logits(network, frames)[:, :-1]))
    return np.asarray(2 ** (chances @ np.log2(cells_of_bins())))


def _log_softmax(logits: FloatArray) -> FloatArray:
    high = logits.max(axis=1, keepdims=True)
    return np.asarray(logits - high - np.log(np.exp(logits - high).sum(axis=1, keepdims=True)))


class _Populations:
    """How recipes of networks that count are trained."""

    scores: ClassVar = {
        "agreement": "1 less the median relative error of a frame",
        "within_10": "frames that are right within 10 %",
    }
    metric = "agreement"
    scored_on = "Single frames of the validation movies, before the movie as a whole is considered."

    def inherit(self, recipe: PopulationRecipe, start: ModelDescription | None) -> PopulationRecipe:
        return recipe if start is None or recipe.cite else recipe.replace(cite=start.cite)

    def build_task(self, stage: PopulationRecipe, *, data: Path) -> PopulationTask:
        return PopulationTask(stage, data=data)

    def losses(
        self, network: Any, samples: Sequence[Sample], *, stage: PopulationRecipe
    ) -> list[float]:
        return frame_losses(network, read_counted(samples), stage=stage)

    def score_held(
        self, network: Any, held: Sequence[Sample], *, recipe: PopulationRecipe
    ) -> list[Scored]:
        return []  # the card tells of whole movies, not of frames

    def write_package(self, made: TrainedNetwork) -> ModelPackage:
        from fatescope.systems.populations.training.package import package_counts

        return package_counts(made)


POPULATIONS = _Populations()
