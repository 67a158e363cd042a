"""Scores of classes at pixels, from counts that add up over tiles, images and wells.

A probability is counted by its whole number from 0 to 255, and so the areas under the curves are
exact for what prediction works with, in memory that does not grow with the images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray

_VALUES = 256  # of a byte


@dataclass(frozen=True, slots=True)
class PixelCounts:
    """Counts over pixels of known class.

    Parameters
    ----------
    values : ndarray of int64, shape (C, 2, 256)
        By class: pixels of other classes and of this one, by the probability given to it.
    confusion : ndarray of int64, shape (C, C)
        True class (rows) and likeliest class (columns).
    """

    values: IntArray
    confusion: IntArray

    @staticmethod
    def of_plane(
        maps: NDArray[np.uint8], truth: NDArray[np.uint8], *, uncertain: int = 255
    ) -> PixelCounts:
        """Count one plane.

        Parameters
        ----------
        maps : ndarray of uint8, shape (C, Y, X)
            Probability of each class, 0 to 255.
        truth : ndarray of uint8, shape (Y, X)
            Class of each pixel; ``uncertain`` ones do not count.

        Raises
        ------
        InputError
            If the shapes differ, or a class has no map.
        """
        if maps.shape[1:] != truth.shape:
            raise InputError(
                f"maps are {maps.shape[1:]} px and the truth {truth.shape}. Both need one grid."
            )
        known = truth != uncertain
        true, given = truth[known].astype(np.intp), maps[:, known]
        n = len(maps)
        if true.size and int(true.max()) >= n:
            raise InputError(f"the truth holds class {int(true.max())}, and there are {n} maps.")
        values = np.zeros((n, 2, _VALUES), np.int64)
        for c in range(n):
            mine = true == c
            values[c, 1] = np.bincount(given[c][mine], minlength=_VALUES)
            values[c, 0] = np.bincount(given[c], minlength=_VALUES) - values[c, 1]
        likeliest = given.argmax(axis=0)
        confusion = np.bincount(true * n + likeliest, minlength=n * n).reshape(n, n)
        return PixelCounts(values, confusion)

    @staticmethod
    def total(parts: Sequence[PixelCounts]) -> PixelCounts:
        """Add counts of planes."""
        return PixelCounts(
            np.sum([p.values for p in parts], axis=0), np.sum([p.confusion for p in parts], axis=0)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassScores:
    """Scores of ``C`` classes, each against all others; NaN where a class is not there at all."""

    auprc: FloatArray  # (C,) average precision
    auroc: FloatArray  # (C,)
    precision: FloatArray  # (C,) of the likeliest class; likewise:
    recall: FloatArray
    f1: FloatArray
    accuracy: float  # of all pixels


def score_classes(counts: PixelCounts) -> ClassScores:
    """Return the scores of counts.

    Notes
    -----
    Average precision is the sum over thresholds of precision times the step of recall, without
    interpolation; pixels of one probability are one step. The area under the ROC curve counts
    ties as half.
    """
    hit = np.diag(counts.confusion).astype(np.float64)
    true, given = counts.confusion.sum(axis=1), counts.confusion.sum(axis=0)
    total = counts.confusion.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = hit / given, hit / true
        f1 = 2 * hit / (true + given)
        accuracy = float(hit.sum() / total) if total else float("nan")
    return ClassScores(
        auprc=np.array([_average_precision(v) for v in counts.values]),
        auroc=np.array([_roc_area(v) for v in counts.values]),
        precision=np.where(true > 0, np.nan_to_num(precision), np.nan),
        recall=recall,
        f1=np.where(true > 0, f1, np.nan),
        accuracy=accuracy,
    )


def precision_recall(values: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return precision and recall of one class at each probability, the highest first."""
    other, mine = values[:, ::-1].cumsum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return mine / (mine + other), mine / mine[-1]


def _average_precision(values: IntArray) -> float:
    if not values[1].any():
        return float("nan")
    precision, recall = precision_recall(values)
    steps = np.diff(recall, prepend=0.0)
    return float((np.nan_to_num(precision) * steps).sum())


def _roc_area(values: IntArray) -> float:
    other, mine = values.astype(np.float64)
    if not (other.any() and mine.any()):
        return float("nan")
    below = np.cumsum(other) - other / 2
    return float((mine * below).sum() / (mine.sum() * other.sum()))
