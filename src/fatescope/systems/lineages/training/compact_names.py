"""The network on compact cell names: the two runs of 2020, and one trained as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.systems.lineages.training.names import FittedNames, Layout, NamesFit, fit_names

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import Progress
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.systems.lineages.training.names import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRun:
    """A run of 2020: what it was given, and the network that it trained.

    Parameters
    ----------
    table : str
        Part of the name of the table.
    columns : tuple of str
        What the network sees of a row, as it stands in the table.
    letters : int
        Length of a compact name.
    layout : Layout
    """

    table: str
    columns: tuple[str, ...]
    letters: int
    layout: Layout


REPORTED = PublishedRun(
    table="20081016_alr-1_10A2_3_L1",
    columns=("x", "y", "time", "size"),
    letters=3,
    layout=Layout(hidden=(256, 128, 128, 64), dropout_after=(2, 3), batch=100),
)
"""The run of 6 June 2020, which the post reports."""
LATER = PublishedRun(
    table="unc",
    columns=("x", "y", "z", "time", "size"),
    letters=2,
    layout=Layout(hidden=(256, 128, 128, 128, 64), dropout_after=(2, 3, 4), batch=150),
)
"""The run of 10 June 2020, on another table cropped at 200 nuclei."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFit:
    """The published procedure: the fit, and the rows that it was scored on."""

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
    run: PublishedRun,
    n_classes: int,
    epochs: int,
    seed: int,
    folder: Path,
    schedule: Schedule = "constant",
    progress: Progress | None = None,
) -> PublishedFit:
    """Over-sample all rows, then split rows at random: the order that the notebook has.

    ``features`` (n, k): the run's columns, raw; ``labels`` (n,); ``n_classes``, ``epochs``,
    ``seed``, ``folder``: see `fit_names`; ``schedule`` {"constant", "loss"}: the notebook calls
    ``step(1.)``; the post says that the rate falls when the loss stays.

    The result: ``accuracy`` is that of the last epoch on the 10 %; ``copies`` is the share of those
    rows that are copies of a row in the other 90 %. Raises `InputError` if there are no rows.
    """
    from imblearn.over_sampling import RandomOverSampler
    from sklearn.model_selection import train_test_split

    if not len(labels):
        raise InputError("the table has no row with one of the compact names.")
    number = np.arange(len(labels))[:, None]
    sampled, sampled_labels = RandomOverSampler(random_state=seed).fit_resample(number, labels)
    train, test, train_labels, test_labels = train_test_split(
        sampled[:, 0], sampled_labels, test_size=0.1, random_state=seed
    )
    fitted = fit_names(
        (features[train], train_labels),
        (features[test], test_labels),
        NamesFit(
            layout=run.layout,
            n_classes=n_classes,
            schedule=schedule,
            epochs=epochs,
            seed=seed,
            scaled=False,
        ),
        folder=folder,
        progress=progress,
        what="as published" if schedule == "constant" else "with the schedule on the loss",
    )
    return PublishedFit(
        fitted=fitted,
        rows=len(labels),
        rows_after_sampling=len(sampled_labels),
        accuracy=fitted.history[-1]["validation_accuracy"],
        copies=float(np.isin(test, train).mean()),
        majority=float(np.bincount(labels).max() / len(labels)),
    )


def fit_corrected(
    training: tuple[FloatArray, IntArray],
    validation: tuple[FloatArray, IntArray],
    *,
    n_classes: int,
    rows_per_class: int,
    epochs: int,
    seed: int,
    folder: Path,
    progress: Progress | None = None,
) -> FittedNames:
    """Train on embryos, watch other embryos, sample inside the training set only.

    The network is that of the later run; the scheduler is given the loss.

    ``training``: features, shape (n, 5), and classes, shape (n,), of the training embryos;
    ``validation``: those of the validation embryos; ``rows_per_class``: rows of each class in the
    over-sampled training set; larger classes are thinned to it; ``epochs``, ``seed``, ``folder``,
    ``progress``: see `fit_names`.
    """
    from imblearn.over_sampling import RandomOverSampler

    features, labels = training
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
    return fit_names(
        (features[number[:, 0]], sampled_labels),
        validation,
        NamesFit(
            layout=LATER.layout,
            n_classes=n_classes,
            schedule="loss",
            epochs=epochs,
            seed=seed,
            scaled=True,
        ),
        folder=folder,
        progress=progress,
        what="corrected",
    )
