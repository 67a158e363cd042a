"""Found centres of nuclei against true ones, where truth is a table and not outlines."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.evaluate.match import largest_matching
from fatescope.evaluate.score import ratio
from fatescope.numeric import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.evaluate.settings import ScoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class CentreScores:
    """One frame: true and found centres, those that belong together, and how far apart they are."""

    n_true: int
    n_pred: int
    tp: int
    distance_sum: float  # µm, over the pairs

    @property
    def f1(self) -> float:
        """2 TP over all centres; 1 where there is nothing to find and nothing found."""
        return ratio(2 * self.tp, self.n_true + self.n_pred)

    @property
    def count_error(self) -> float | None:
        """How far the number of centres is off, as a share of the true one; None of none."""
        return abs(self.n_pred - self.n_true) / self.n_true if self.n_true else None


def match_centres(true: FloatArray, pred: FloatArray, *, within: float) -> IntArray:
    """Match as many centres as possible, one to one, and of these ways the nearest.

    Parameters
    ----------
    true, pred : ndarray of float, shapes (n, d) and (m, d)
        In µm, or any unit that is the same along all axes.
    within : float
        Greatest distance of a pair.

    Returns
    -------
    ndarray of int, shape (k, 2)
        Rows of ``true`` and of ``pred``.

    Examples
    --------
    >>> match_centres(np.array([[0.0], [4.0]]), np.array([[1.0], [9.0]]), within=2).tolist()
    [[0, 0]]
    """
    from scipy.spatial import cKDTree

    if not len(true) or not len(pred):
        return np.empty((0, 2), np.int64)
    near = cKDTree(true).sparse_distance_matrix(cKDTree(pred), within, output_type="coo_matrix")
    row, column = near.row.astype(np.int64), near.col.astype(np.int64)
    keep = largest_matching(row, column, 1 - near.data / within)
    return np.stack([row[keep], column[keep]], axis=1)


def score_centres(true: FloatArray, pred: FloatArray, *, within: float) -> CentreScores:
    """Score the found centres of a frame; see `match_centres`."""
    pairs = match_centres(true, pred, within=within)
    away = np.linalg.norm(true[pairs[:, 0]] - pred[pairs[:, 1]], axis=1)
    return CentreScores(
        n_true=len(true), n_pred=len(pred), tp=len(pairs), distance_sum=math.fsum(away.tolist())
    )


def summarise_centres(
    scores: Sequence[CentreScores], settings: ScoreSettings, *, units: Sequence[str]
) -> dict[str, Any]:
    """Summarise the scores of frames.

    Returns
    -------
    dict
        ``f1``, ``precision`` and ``recall`` pooled, ``low`` and ``high`` of ``f1`` over units,
        ``count_error`` (mean over frames of the share by which the number is off),
        ``mean_distance_um`` of the pairs, and counts. What is not defined is ``None``.

    Raises
    ------
    InputError
        If there is no frame to score.
    """
    if not scores:
        raise InputError("there is no frame to score.")
    names, row = np.unique(np.asarray(units, dtype=str), return_inverse=True)
    each = np.array([[s.tp, s.n_true, s.n_pred] for s in scores], float)
    counts = np.zeros((len(names), 3))
    np.add.at(counts, row, each)
    interval = bootstrap_interval(counts, _f1, settings)
    tp, n_true, n_pred = (int(n) for n in each.sum(axis=0))
    off = [s.count_error for s in scores if s.count_error is not None]
    return {
        "f1": ratio(2 * tp, n_true + n_pred),
        "low": None if interval is None else interval[0],
        "high": None if interval is None else interval[1],
        "precision": ratio(tp, n_pred),
        "recall": ratio(tp, n_true),
        "count_error": math.fsum(off) / len(off) if off else None,
        "mean_distance_um": math.fsum(s.distance_sum for s in scores) / tp if tp else None,
        "n_images": len(scores),
        "n_units": len(names),
        "n_true": n_true,
        "n_pred": n_pred,
        "n_matched": tp,
    }


def _f1(sums: FloatArray) -> FloatArray:
    total = sums[:, 1] + sums[:, 2]
    return np.where(total > 0, 2 * sums[:, 0] / np.maximum(total, 1), 1.0)
