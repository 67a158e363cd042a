"""Scores of one image, as sums that can be added over images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.evaluate.errors import count_errors
from fatescope.evaluate.match import match_objects
from fatescope.evaluate.overlap import find_overlap

if TYPE_CHECKING:
    from fatescope.base.types import IntArray, LabelImage

THRESHOLDS = tuple(range(50, 100, 5))
"""Least IoU of a match, in percent: 50, 55 ... 95."""

FINDING = (10, 30)
"""Least IoU, in percent, at which an object counts as found, however its outline is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScores:
    """Counts and sums over one image, or over many.

    Parameters
    ----------
    n_images, n_true, n_pred : int
        Images, true objects, predicted objects.
    tp : tuple of int
        Matched pairs at each of `THRESHOLDS`.
    found : tuple of int
        Matched pairs at each of `FINDING`.
    merged, split, missed, invented : int
        What went wrong with objects, at 0.50; see `explain_errors`. These and ``found`` are 0
        where a comparison of models keeps the other sums alone.
    iou_sum : float
        Sum of the IoU of the pairs matched at 0.50.
    seg_sum : float
        Sum over true objects of the IoU with the prediction that covers more than half of it.
    shared_px, true_px, pred_px : int
        Pixels of the foreground in both, in the truth, in the prediction.
    """

    n_images: int
    n_true: int
    n_pred: int
    tp: tuple[int, ...]
    found: tuple[int, ...] = (0,) * len(FINDING)
    merged: int = 0
    split: int = 0
    missed: int = 0
    invented: int = 0
    iou_sum: float
    seg_sum: float
    shared_px: int
    true_px: int
    pred_px: int

    def fp(self, percent: int) -> int:
        """Return the predicted objects without a match at IoU ``percent`` / 100."""
        return self.n_pred - self.tp[THRESHOLDS.index(percent)]

    def fn(self, percent: int) -> int:
        """Return the true objects without a match at IoU ``percent`` / 100."""
        return self.n_true - self.tp[THRESHOLDS.index(percent)]

    def ap(self, percent: int) -> float:
        """Return TP / (TP + FP + FN); 1 where there is nothing to find and nothing found."""
        tp = self.tp[THRESHOLDS.index(percent)]
        return ratio(tp, self.n_true + self.n_pred - tp)

    @property
    def mean_ap(self) -> float:
        """Mean of `ap` from 0.50 to 0.90."""
        return sum(self.ap(t) for t in THRESHOLDS if t <= 90) / 9

    def f1(self, percent: int) -> float:
        """Return 2 TP / (2 TP + FP + FN); 1 where there is nothing to find and nothing found."""
        matched = dict(zip(FINDING + THRESHOLDS, self.found + self.tp, strict=True))
        return ratio(2 * matched[percent], self.n_true + self.n_pred)

    @property
    def pq(self) -> float:
        """Panoptic quality: summed IoU of the matches at 0.50 over TP + FP / 2 + FN / 2."""
        return ratio(2 * self.iou_sum, self.n_true + self.n_pred)

    @property
    def seg(self) -> float | None:
        """The Cell Tracking Challenge's SEG; ``None`` where there is no true object."""
        return self.seg_sum / self.n_true if self.n_true else None

    @property
    def iou(self) -> float:
        """IoU of the foreground, pixel by pixel."""
        return ratio(self.shared_px, self.true_px + self.pred_px - self.shared_px)

    @property
    def dice(self) -> float:
        """Dice coefficient of the foreground, pixel by pixel."""
        return ratio(2 * self.shared_px, self.true_px + self.pred_px)


def ratio(part: float, whole: float) -> float:
    """Return ``part / whole``, and 1 for 0 / 0: nothing was to be done and nothing was."""
    return part / whole if whole else 1.0


def score_labels(true: LabelImage, pred: LabelImage) -> LabelScores:
    """Score one predicted label image against the truth.

    Parameters
    ----------
    true, pred : ndarray of int, shape (Y, X) or (Z, Y, X)
        Instance labels on one grid. 0 is background; the numbers need not agree.

    Returns
    -------
    LabelScores
        Counts and sums; add those of several images with `pool_scores`.

    Raises
    ------
    InputError
        If the shapes differ or the labels are not whole numbers.

    References
    ----------
    Panoptic quality: Kirillov et al., Panoptic segmentation, CVPR 2019. SEG: Maška et al., A
    benchmark for comparison of cell tracking algorithms, Bioinformatics 30, 2014.

    Examples
    --------
    >>> score = score_labels(np.array([[1, 1, 0, 2]]), np.array([[5, 5, 0, 0]]))
    >>> score.ap(50), score.pq, score.seg
    (0.5, 0.6666666666666666, 0.5)
    """
    overlap = find_overlap(true, pred)
    matches = [match_objects(overlap, percent=percent) for percent in THRESHOLDS]
    found = tuple(len(match_objects(overlap, percent=percent)) for percent in FINDING)
    covers = 2 * overlap.shared > overlap.true_size[overlap.true_row]
    return LabelScores(
        n_images=1,
        n_true=len(overlap.true_label),
        n_pred=len(overlap.pred_label),
        tp=tuple(len(match) for match in matches),
        found=found,
        **count_errors(overlap, matches[0].pair),
        iou_sum=_sum_iou(overlap.shared, overlap.union, matches[0].pair),
        seg_sum=_sum_iou(overlap.shared, overlap.union, np.flatnonzero(covers)),
        shared_px=int(overlap.shared.sum()),
        true_px=int(overlap.true_size.sum()),
        pred_px=int(overlap.pred_size.sum()),
    )


def _sum_iou(shared: IntArray, union: IntArray, which: IntArray) -> float:
    return math.fsum((shared[which] / union[which]).tolist())
