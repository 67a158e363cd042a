"""The network on compact cell names: as published in 2020, and trained as it should be.

Five hidden layers of 256, 128, 128, 128 and 64 units and 32 outputs, ReLU, dropout 0.2 three
times, Adam at 0.001, batches of 150, the rate times 0.7 when the loss has not fallen for more
than six epochs, 30 epochs. What differs between the two is what it is given and what it is
judged on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from fatescope.base import InputError

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray

Progress = Callable[[int, int, str], None]

WIDTHS = (256, 128, 128, 128, 64)
DROPOUT, RATE, BATCH, FACTOR, PATIENCE = 0.2, 1e-3, 150, 0.7, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedNames:
    """A trained network as plain arrays, and its course.

    Parameters
    ----------
    weights : tuple of (ndarray, ndarray)
        (out, in) matrix and bias of each layer, float32.
    mean, sd : ndarray of float, shape (n_features,)
        What features are shifted and scaled by (0 and 1 as published).
    loss, train_accuracy, check_accuracy, rate : ndarray of float, shape (epochs,)
        ``check_accuracy`` is on the rows or embryos that the fit was told to watch.
    """

    weights: tuple[tuple[FloatArray, FloatArray], ...]
    mean: FloatArray
    sd: FloatArray
    loss: FloatArray
    train_accuracy: FloatArray
    check_accuracy: FloatArray
    rate: FloatArray

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFit:
    """The published procedure: the fit, and the rows that it was judged on."""

    fitted: FittedNames
    rows: int
    rows_after_sampling: int
    accuracy: float
    copies: float
    majority: float


def fit_as_published(
    features: FloatArray,
    labels: IntArray,
    *,
    n_classes: int,
    epochs: int,
    seed: int,
    progress: Progress | None = None,
) -> PublishedFit:
    """Over-sample all rows, then split rows at random: the order that the notebook has.

    Parameters
    ----------
    features : ndarray of float, shape (n, 5)
        x, y, z, time, size, raw.
    labels : ndarray of int, shape (n,)
    n_classes, epochs, seed
    progress : callable, optional

    Returns
    -------
    PublishedFit
        ``accuracy`` is that of the last epoch on the 10 %; ``copies`` is the share of those rows
        that are copies of a row in the other 90 %.

    Raises
    ------
    InputError
        If there are no rows.
    """
    from imblearn.over_sampling import RandomOverSampler
    from sklearn.model_selection import train_test_split

    if not len(labels):
        raise InputError("the table has no row with one of the 32 compact names.")
    number = np.arange(len(labels))[:, None]
    sampled, sampled_labels = RandomOverSampler(random_state=seed).fit_resample(number, labels)
    train, test, train_labels, test_labels = train_test_split(
        sampled[:, 0], sampled_labels, test_size=0.1, random_state=seed
    )
    fitted = _fit(
        features[train],
        train_labels,
        features[test],
        test_labels,
        n_classes=n_classes,
        epochs=epochs,
        seed=seed,
        scaled=False,
        progress=progress,
        what="as published",
    )
    return PublishedFit(
        fitted=fitted,
        rows=len(labels),
        rows_after_sampling=len(sampled_labels),
        accuracy=float(fitted.check_accuracy[-1]),
        copies=float(np.isin(test, train).mean()),
        majority=float(np.bincount(labels).max() / len(labels)),
    )


def fit_corrected(
    features: FloatArray,
    labels: IntArray,
    check_features: FloatArray,
    check_labels: IntArray,
    *,
    n_classes: int,
    rows_per_class: int,
    epochs: int,
    seed: int,
    progress: Progress | None = None,
) -> FittedNames:
    """Train on embryos, watch other embryos, sample inside the training set only.

    Parameters
    ----------
    features, labels
        Rows of the training embryos, shapes (n, 5) and (n,).
    check_features, check_labels
        Rows of the validation embryos.
    n_classes : int
    rows_per_class : int
        Rows of each class in the over-sampled training set; larger classes are thinned to it.
    epochs, seed, progress
    """
    from imblearn.over_sampling import RandomOverSampler

    rng = np.random.default_rng(seed)
    kept = np.concatenate(
        [
            rng.permutation(np.flatnonzero(labels == c))[:rows_per_class]
            for c in range(n_classes)
            if (labels == c).any()
        ]
    )
    number, sampled_labels = RandomOverSampler(random_state=seed).fit_resample(
        kept[:, None], labels[kept]
    )
    return _fit(
        features[number[:, 0]],
        sampled_labels,
        check_features,
        check_labels,
        n_classes=n_classes,
        epochs=epochs,
        seed=seed,
        scaled=True,
        progress=progress,
        what="corrected",
    )


def build_names_network(n_features: int, n_classes: int) -> nn.Sequential:
    """Return the published network; dropout follows the three middle layers."""
    layers: list[nn.Module] = []
    sizes = (n_features, *WIDTHS)
    for i, (a, b) in enumerate(pairwise(sizes)):
        layers += [nn.Linear(a, b), nn.ReLU()]
        if i in (1, 2, 3):
            layers.append(nn.Dropout(DROPOUT))
    return nn.Sequential(*layers, nn.Linear(sizes[-1], n_classes))


def _fit(
    features: FloatArray,
    labels: IntArray,
    check_features: FloatArray,
    check_labels: IntArray,
    *,
    n_classes: int,
    epochs: int,
    seed: int,
    scaled: bool,
    progress: Progress | None,
    what: str,
) -> FittedNames:
    """Run the training loop that both procedures share."""
    torch.manual_seed(seed)
    mean = features.mean(axis=0) if scaled else np.zeros(features.shape[1])
    sd = np.maximum(features.std(axis=0), 1e-6) if scaled else np.ones(features.shape[1])
    x, y = _tensor((features - mean) / sd), torch.as_tensor(labels)
    check = _tensor((check_features - mean) / sd), torch.as_tensor(check_labels)
    network = build_names_network(features.shape[1], n_classes)
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=FACTOR, patience=PATIENCE
    )
    course: dict[str, list[float]] = {k: [] for k in ("loss", "train", "check", "rate")}
    for epoch in range(epochs):
        course["rate"].append(optimizer.param_groups[0]["lr"])
        loss, accuracy = _epoch(network, optimizer, x, y)
        schedule.step(loss)
        course["loss"].append(loss)
        course["train"].append(accuracy)
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
        rate=np.array(course["rate"]),
    )


def _epoch(
    network: nn.Sequential, optimizer: torch.optim.Optimizer, x: Any, y: Any
) -> tuple[float, float]:
    network.train()
    order = torch.randperm(len(y))
    total, right = 0.0, 0
    for start in range(0, len(y), BATCH):
        rows = order[start : start + BATCH]
        logits = network(x[rows])
        loss = nn.functional.cross_entropy(logits, y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
        right += int((logits.argmax(1) == y[rows]).sum())
    return total / len(y), right / len(y)


def _accuracy(network: nn.Sequential, x: Any, y: Any) -> float:
    network.eval()
    with torch.no_grad():
        right = sum(
            int((network(a).argmax(1) == b).sum())
            for a, b in zip(x.split(8192), y.split(8192), strict=True)
        )
    return right / max(len(y), 1)


def _tensor(values: FloatArray) -> Any:
    return torch.as_tensor(np.ascontiguousarray(values, dtype=np.float32))
