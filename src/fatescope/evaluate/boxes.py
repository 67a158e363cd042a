"""Found boxes against true ones: which cells were found, and whether their class is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.numeric.settings import BootstrapSettings

CALIBRATION_BINS = 10  # of probability; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxScores:
    """One image: its found boxes, those that are there, and which belongs to which."""

    score: FloatArray  # (n,) of found boxes
    p: FloatArray  # (n,) probability of the class in question, of found boxes
    match: IntArray  # (n,) number of the true box, -1 where there is none
    truth: BoolArray  # (m,) whether a true box is of the class in question

    @property
    def found_class(self) -> tuple[FloatArray, BoolArray]:
        """Probability and truth of the boxes that have a partner."""
        inside = self.match >= 0
        return self.p[inside], self.truth[self.match[inside]]


def match_boxes(found: FloatArray, score: FloatArray, true: FloatArray) -> IntArray:
    """Match one to one: the centre of a found box lies in the true box.

    Parameters
    ----------
    found, true : ndarray of float, shapes (n, 4) and (m, 4)
        ``y0, x0, y1, x1``, half-open.
    score : ndarray of float, shape (n,)
        Higher ones choose first; of several boxes that hold its centre each takes the one whose
        own centre is nearest.

    Returns
    -------
    ndarray of int, shape (n,)
        Number of the true box, or -1.

    Examples
    --------
    >>> found = np.array([[0, 0, 4, 4], [8, 8, 9, 9.0]])
    >>> match_boxes(found, np.ones(2), np.array([[1, 1, 5, 5.0]]))
    array([ 0, -1])
    """
    match = np.full(len(found), -1, np.int64)
    free = np.ones(len(true), np.bool_)
    middle = (true[:, :2] + true[:, 2:]) / 2
    for i in np.argsort(-score, kind="stable").tolist():
        centre = (found[i, :2] + found[i, 2:]) / 2
        inside = free & (true[:, :2] <= centre).all(axis=1) & (centre < true[:, 2:]).all(axis=1)
        if inside.any():
            away = np.where(inside, np.square(middle - centre).sum(axis=1), np.inf)
            match[i] = int(away.argmin())
            free[match[i]] = False
    return match


def box_f1(images: Sequence[BoxScores]) -> float:
    """Return F1 of detection, pooled over images; NaN where nothing is there and nothing found."""
    tp = sum(int((s.match >= 0).sum()) for s in images)
    both = sum(len(s.score) + len(s.truth) for s in images)
    return 2 * tp / both if both else float("nan")


def class_f1(images: Sequence[BoxScores]) -> float:
    """Return the mean F1 of both classes: found, and the class right; NaN as `box_f1`."""
    tp, both = np.zeros(2), np.zeros(2)
    for s in images:
        said, hit = s.p >= 0.5, _is_true(s)
        tp += ((s.match >= 0) & ~said & ~hit).sum(), (said & hit).sum()
        both += (~said).sum() + (~s.truth).sum(), said.sum() + s.truth.sum()
    known = both > 0
    return float((2 * tp[known] / both[known]).mean()) if known.any() else float("nan")


def box_accuracy(images: Sequence[BoxScores]) -> float:
    """Return the share of found cells whose likelier class is the true one."""
    p, truth = _pooled(images)
    return float(((p >= 0.5) == truth).mean()) if p.size else float("nan")


def box_precision(images: Sequence[BoxScores]) -> float:
    """Return the area under precision-recall of the class, as a detection.

    Boxes are ranked by their score times the probability of the class; true boxes of the class
    that were not found count as missed. The area is the mean precision over true boxes of the
    class.
    """
    rank = np.concatenate([s.score * s.p for s in images]) if images else np.zeros(0)
    hit = np.concatenate([_is_true(s) for s in images]) if images else np.zeros(0, np.bool_)
    return _area(rank, hit, sum(int(s.truth.sum()) for s in images))


def found_precision(images: Sequence[BoxScores]) -> float:
    """Return the area under precision-recall of the class among cells that were found."""
    p, truth = _pooled(images)
    return _area(p, truth, int(truth.sum()))


def calibration_error(images: Sequence[BoxScores]) -> float:
    """Return the expected calibration error over `CALIBRATION_BINS` equal bins of probability."""
    p, truth = _pooled(images)
    if not p.size:
        return float("nan")
    which = np.minimum((p * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gap = np.bincount(which, p - truth, minlength=CALIBRATION_BINS)
    return float(np.abs(gap).sum() / len(p))


def box_interval(
    images: Sequence[BoxScores],
    units: Sequence[str],
    score: Callable[[Sequence[BoxScores]], float],
    settings: BootstrapSettings,
) -> tuple[float, float] | None:
    """Return the percentile interval of a score over independent units, drawn with replacement.

    ``None`` for fewer than two units, whose spread is unknown, and for a score that is.
    """
    members: dict[str, list[BoxScores]] = {}
    for one, unit in zip(images, units, strict=True):
        members.setdefault(unit, []).append(one)
    groups = list(members.values())
    if len(groups) < 2:
        return None
    rng = np.random.default_rng(settings.seed)
    drawn = rng.integers(len(groups), size=(settings.resamples, len(groups)))
    values = np.array([score([s for i in row for s in groups[i]]) for row in drawn])
    if not np.isfinite(values).any():
        return None
    tail = (1 - settings.level) / 2
    low, high = np.nanquantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _is_true(scores: BoxScores) -> BoolArray:
    hit = np.zeros(len(scores.match), np.bool_)
    inside = scores.match >= 0
    hit[inside] = scores.truth[scores.match[inside]]
    return hit


def _pooled(images: Sequence[BoxScores]) -> tuple[FloatArray, BoolArray]:
    parts = [s.found_class for s in images]
    if not parts:
        return np.zeros(0), np.zeros(0, np.bool_)
    return np.concatenate([p for p, _ in parts]), np.concatenate([t for _, t in parts])


def _area(rank: FloatArray, hit: BoolArray, n_true: int) -> float:
    """Return average precision: of equal ranks none stands before the other."""
    if not n_true:
        return float("nan")
    order = np.argsort(-rank, kind="stable")
    ranked, hits = rank[order], hit[order]
    last = np.flatnonzero(np.diff(ranked, append=-np.inf))
    tp = np.cumsum(hits)[last]
    precision = tp / (last + 1)
    return float((np.diff(tp, prepend=0) * precision).sum() / n_true)
