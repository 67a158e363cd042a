"""A small classifier of table rows, trained by one loop: the network of 2020 in its two forms."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import nn

from fatescope.base import Progress

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray

Schedule = Literal["constant", "loss"]

DROPOUT, LEARNING_RATE, FACTOR, PATIENCE = 0.2, 1e-3, 0.7, 6


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
class FittedNames:
    """A trained network as plain arrays, and its course.

    Parameters
    ----------
    weights : tuple of (ndarray, ndarray)
        (out, in) matrix and bias of each layer, float32.
    mean, sd : ndarray of float, shape (n_features,)
        What features are shifted and scaled by (0 and 1 as published).
    loss, train_accuracy, check_accuracy, learning_rate : ndarray of float, shape (epochs,)
        ``loss`` is the mean over the batches of an epoch, with dropout. Accuracies are those of
        the network after the epoch, in evaluation mode: on its training rows, and on the rows or
        embryos held back. ``learning_rate`` is the one that the epoch ran with.
    """

    weights: tuple[tuple[FloatArray, FloatArray], ...]
    mean: FloatArray
    sd: FloatArray
    loss: FloatArray
    train_accuracy: FloatArray
    check_accuracy: FloatArray
    learning_rate: FloatArray

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


def fit_names(
    features: FloatArray,
    labels: IntArray,
    check_features: FloatArray,
    check_labels: IntArray,
    *,
    n_classes: int,
    layout: Layout,
    schedule: Schedule,
    epochs: int,
    seed: int,
    scaled: bool,
    progress: Progress | None,
    what: str,
) -> FittedNames:
    """Train by Adam at 0.001 and ReduceLROnPlateau (factor 0.7, patience 6).

    Parameters
    ----------
    features, labels
        Training rows, shapes (n, k) and (n,).
    check_features, check_labels
        Rows that are only scored after each epoch.
    n_classes : int
    layout : Layout
    schedule : {"constant", "loss"}
        What the scheduler is given after each epoch: always 1.0, so that the learning rate falls
        every seventh epoch whatever happens, or the mean loss of the epoch.
    epochs, seed : int
    scaled : bool
        Whether features are shifted and scaled by their mean and standard deviation.
    progress : callable, optional
    what : str
        Names the fit in the progress.
    """
    mean = features.mean(axis=0) if scaled else np.zeros(features.shape[1])
    sd = np.maximum(features.std(axis=0), 1e-6) if scaled else np.ones(features.shape[1])
    x, y = _tensor((features - mean) / sd), torch.as_tensor(labels)
    check = _tensor((check_features - mean) / sd), torch.as_tensor(check_labels)
    course: dict[str, list[float]] = {k: [] for k in ("loss", "train", "check", "rate")}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_names_network(features.shape[1], n_classes, layout)
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=FACTOR, patience=PATIENCE
        )
        for epoch in range(epochs):
            course["rate"].append(optimizer.param_groups[0]["lr"])
            loss = _epoch(network, optimizer, x, y, batch=layout.batch)
            plateau.step(1.0 if schedule == "constant" else loss)
            course["loss"].append(loss)
            course["train"].append(_accuracy(network, x, y))
            course["check"].append(_accuracy(network, *check))
            if progress is not None:
                progress(epoch + 1, epochs, f"epochs, {what}")
    return FittedNames(
        weights=tuple(
            (m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy())
            for m in network
            if isinstance(m, nn.Linear)
        ),
        mean=mean,
        sd=sd,
        loss=np.array(course["loss"]),
        train_accuracy=np.array(course["train"]),
        check_accuracy=np.array(course["check"]),
        learning_rate=np.array(course["rate"]),
    )


def _epoch(
    network: nn.Sequential, optimizer: torch.optim.Optimizer, x: Any, y: Any, *, batch: int
) -> float:
    """Take one step for each batch; return the mean loss over rows."""
    network.train()
    order = torch.randperm(len(y))
    total = 0.0
    for start in range(0, len(y), batch):
        rows = order[start : start + batch]
        loss = nn.functional.cross_entropy(network(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    return total / len(y)


def _accuracy(network: nn.Sequential, x: Any, y: Any) -> float:
    """Return the share of rows named right, without dropout."""
    network.eval()
    with torch.no_grad():
        right = sum(
            int((network(a).argmax(1) == b).sum())
            for a, b in zip(x.split(8192), y.split(8192), strict=True)
        )
    return right / max(len(y), 1)


def _tensor(values: FloatArray) -> Any:
    return torch.as_tensor(np.ascontiguousarray(values, dtype=np.float32))
