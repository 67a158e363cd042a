"""A small classifier of table rows: the network of 2020 in its two forms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn

from fatescope.train.fit import fit, report_progress
from fatescope.train.fit_settings import PLAIN, FitSettings
from fatescope.train.schedule_settings import Plateau

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.train.task import Row

Schedule = Literal["constant", "loss"]
Batch = tuple[torch.Tensor, torch.Tensor]

DROPOUT, LEARNING_RATE, FACTOR, PATIENCE = 0.2, 1e-3, 0.7, 6
"""As published in 2020; factor and patience (epochs) are those of the plateau schedule."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Hidden layers, which of them dropout follows, and the rows of a batch."""

    hidden: tuple[int, ...]
    dropout_after: tuple[int, ...]  # counted from 1
    batch: int

    def sizes(self, n_features: int, n_classes: int) -> tuple[int, ...]:
        """Return the number of values before, between and after the layers."""
        return (n_features, *self.hidden, n_classes)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesFit:
    """How a network of names is trained.

    Parameters
    ----------
    layout : Layout
    n_classes : int
    schedule : {"constant", "loss"}
        What the scheduler is given after each epoch: always 1.0, so that the learning rate falls
        every seventh epoch whatever happens, or the mean loss of the epoch.
    epochs, seed : int
    scaled : bool
        Whether features are shifted and scaled by their mean and standard deviation.
    """

    layout: Layout
    n_classes: int
    schedule: Schedule
    epochs: int
    seed: int
    scaled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNames:
    """A trained network as plain arrays, and its course.

    Parameters
    ----------
    weights : tuple of (ndarray, ndarray)
        (out, in) matrix and bias of each layer, float32.
    mean, sd : ndarray of float, shape (n_features,)
        What features are shifted and scaled by (0 and 1 as published).
    history : sequence of mappings
        One row for each epoch: ``loss`` is the mean over its batches, with dropout;
        ``training_accuracy`` and ``validation_accuracy`` are those of the network after the epoch,
        in evaluation mode, the latter on the rows or embryos held back; ``learning_rate`` is the
        one that the epoch ran with.
    """

    weights: tuple[tuple[FloatArray, FloatArray], ...]
    mean: FloatArray
    sd: FloatArray
    history: Sequence[Row]

    def course(self, name: str) -> FloatArray:
        """Return a column of the history, shape (epochs,)."""
        return np.array([row[name] for row in self.history])

    def predict(self, features: FloatArray) -> IntArray:
        """Return the class of each row."""
        return np.asarray(names_logits(self, features).argmax(axis=1))


def names_logits(fitted: FittedNames, features: FloatArray) -> FloatArray:
    """Run the network in NumPy: the same numbers without torch."""
    x: FloatArray = ((features - fitted.mean) / fitted.sd).astype(np.float32)
    for i, (matrix, bias) in enumerate(fitted.weights):
        x = x @ matrix.T + bias
        if i + 1 < len(fitted.weights):
            x = np.maximum(x, 0)
    return np.asarray(x)


def build_names_network(n_features: int, n_classes: int, layout: Layout) -> nn.Sequential:
    """Return linear layers with ReLU between them, and dropout of 0.2 where the layout says."""
    layers: list[nn.Module] = []
    sizes = layout.sizes(n_features, n_classes)
    for i, (a, b) in enumerate(pairwise(sizes[:-1]), start=1):
        layers += [nn.Linear(a, b), nn.ReLU()]
        if i in layout.dropout_after:
            layers.append(nn.Dropout(DROPOUT))
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


class NamesTask:
    """Rows of features with a class each; an epoch takes every row once.

    Parameters
    ----------
    training, validation : (ndarray, ndarray)
        Features, shape (n, k), as the network sees them, and classes, shape (n,).
    how : NamesFit
    """

    def __init__(
        self,
        training: tuple[FloatArray, IntArray],
        validation: tuple[FloatArray, IntArray],
        *,
        how: NamesFit,
    ) -> None:
        self.seed = how.seed
        self._training, self._validation = _tensors(*training), _tensors(*validation)
        self._n_classes, self._layout = how.n_classes, how.layout
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)

    @property
    def steps_per_epoch(self) -> int:
        """Batches that take every row once; the last one may be smaller."""
        return math.ceil(len(self._training[1]) / self._layout.batch)

    def build(self) -> nn.Sequential:
        """Return the network of the layout with random weights."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return build_names_network(self._training[0].shape[1], self._n_classes, self._layout)

    def batch(self, step: int, size: int) -> Batch:
        """Return features (B, k) and classes (B,) of a step."""
        epoch, number = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            order = torch.Generator().manual_seed((self.seed << 32) + epoch)
            self._order = torch.randperm(len(self._training[1]), generator=order)
            self._epoch = epoch
        rows = self._order[number * size : (number + 1) * size]
        return self._training[0][rows], self._training[1][rows]

    def loss(self, network: nn.Module, batch: Batch) -> dict[str, torch.Tensor]:
        """Return the cross-entropy."""
        features, classes = batch
        return {"loss": nn.functional.cross_entropy(network(features), classes)}

    def validate(self, network: nn.Module) -> Row:
        """Return both accuracies, and ``constant``: the 1 that the notebook gave its scheduler."""
        return {
            "training_accuracy": _accuracy(network, *self._training),
            "validation_accuracy": _accuracy(network, *self._validation),
            "constant": 1.0,
        }


def fit_names(
    training: tuple[FloatArray, IntArray],
    validation: tuple[FloatArray, IntArray],
    how: NamesFit,
    *,
    folder: Path,
    progress: Progress | None,
    what: str,
) -> FittedNames:
    """Train by Adam at 0.001 and ReduceLROnPlateau (factor 0.7, patience 6).

    Parameters
    ----------
    training : (ndarray, ndarray)
        Features, shape (n, k), and classes, shape (n,).
    validation : (ndarray, ndarray)
        Rows that are only scored after each epoch.
    how : NamesFit
    folder : Path
        Takes checkpoint and log; a call that was killed continues.
    progress : callable, optional
    what : str
        Names the fit in the progress.
    """
    features, _ = training
    mean = features.mean(axis=0) if how.scaled else np.zeros(features.shape[1])
    sd = np.maximum(features.std(axis=0), 1e-6) if how.scaled else np.ones(features.shape[1])
    task = NamesTask(*(((x - mean) / sd, y) for x, y in (training, validation)), how=how)
    settings = FitSettings(
        steps=how.epochs * task.steps_per_epoch,
        batch=how.layout.batch,
        optimizer="adam",
        learning_rate=LEARNING_RATE,
        schedule=Plateau(metric=how.schedule, factor=FACTOR, patience=PATIENCE),
        steps_per_epoch=task.steps_per_epoch,
        validate_every=1,
        precision="float32",
        **PLAIN,
    )
    fitted = fit(
        task, settings, folder=folder, report=report_progress(progress, f"training, {what}")
    )
    return FittedNames(
        weights=tuple(
            (m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy())
            for m in fitted.network
            if isinstance(m, nn.Linear)
        ),
        mean=mean,
        sd=sd,
        history=fitted.history,
    )


def _accuracy(network: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of rows named right, without dropout."""
    device = next(network.parameters()).device
    with torch.no_grad():
        right = sum(
            int((network(a.to(device)).argmax(1).cpu() == b).sum())
            for a, b in zip(x.split(8192), y.split(8192), strict=True)
        )
    return right / max(len(y), 1)


def _tensors(features: FloatArray, classes: IntArray) -> Batch:
    values: Any = np.ascontiguousarray(features, dtype=np.float32)
    return torch.as_tensor(values), torch.as_tensor(classes)
