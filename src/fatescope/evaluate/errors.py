"""What went wrong with each object: missed, invented, merged, split, or badly outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.table import Table
from fatescope.evaluate.match import match_objects
from fatescope.evaluate.overlap import Overlap, find_overlap

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray, LabelImage

_LEAST = 0.1
"""Share of an object that must be covered before it counts as seen at all."""


def explain_errors(true: LabelImage, pred: LabelImage, *, percent: int = 50) -> Table:
    """Name what happened to every true and every predicted object.

    Parameters
    ----------
    true, pred : ndarray of int, shape (Y, X) or (Z, Y, X)
        Instance labels on one grid, 0 = background.
    percent : int
        Least IoU of a match, in percent.

    Returns
    -------
    Table
        ``kind, label_true, label_pred, iou, z, y, x``: one row per true object (in the order of
        labels), then one per predicted object that is not the partner of a true one. Labels are
        0 where there is none; ``iou`` is that of the pair, NaN without one; the place is the
        centre of the true object, or of the predicted one.

        ========  ============================================================================
        matched   one to one with IoU of at least ``percent``
        merged    a prediction covers more than half of this true object and of another one
        split     two predictions or more lie with more than half of themselves in it
        missed    no prediction covers a tenth of it
        inexact   something is there, but neither of the above: a bad outline
        invented  a prediction of which less than a tenth lies on true objects
        extra     any other prediction without a partner: a piece of a split, a second hit
        ========  ============================================================================

    Raises
    ------
    InputError
        If the shapes differ or the labels are not whole numbers.
    """
    overlap = find_overlap(true, pred)
    best, kind, lone, lone_kind = _judged(overlap, match_objects(overlap, percent=percent).pair)
    partner = np.where(best >= 0, overlap.pred_row[best] if len(overlap.shared) else -1, -1)
    pred_label = np.append(overlap.pred_label, 0)
    iou = np.append(overlap.iou, np.nan)
    centre = np.concatenate([overlap.true_centre, overlap.pred_centre[lone]])
    none = np.zeros(len(lone), dtype=np.int64)
    return Table(
        {
            "kind": np.concatenate([kind, lone_kind]),
            "label_true": np.concatenate([overlap.true_label, none]),
            "label_pred": np.concatenate([pred_label[partner], overlap.pred_label[lone]]),
            "iou": np.concatenate([iou[best], np.full(len(lone), np.nan)]),
            "z": centre[:, 0] if true.ndim == 3 else np.zeros(len(centre)),
            "y": centre[:, -2],
            "x": centre[:, -1],
        }
    )


def count_errors(overlap: Overlap, pair: IntArray) -> dict[str, int]:
    """Return how many objects are merged, split, missed and invented; see `explain_errors`."""
    _, kind, _, lone_kind = _judged(overlap, pair)
    kinds = np.concatenate([kind, lone_kind])
    return {name: int((kinds == name).sum()) for name in ("merged", "split", "missed", "invented")}


def _judged(overlap: Overlap, pair: IntArray) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
    """Return partner and kind of true objects, then rows and kinds of lone predictions."""
    best = _best_partner(overlap)
    best[overlap.true_row[pair]] = pair
    kind = _kinds_of_true(overlap, pair)
    best[kind == "missed"] = -1
    lone, lone_kind = _lone_predictions(overlap, best)
    return best, kind, lone, lone_kind


def _best_partner(overlap: Overlap) -> IntArray:
    """Return for each true object its pair with the most shared pixels, or -1."""
    best = np.full(len(overlap.true_label), -1)
    order = np.lexsort((-np.arange(len(overlap.shared)), overlap.shared))
    best[overlap.true_row[order]] = order
    return best


def _kinds_of_true(overlap: Overlap, pair: IntArray) -> FloatArray:
    count = len(overlap.true_label)
    of_true = overlap.shared / overlap.true_size[overlap.true_row]
    of_pred = overlap.shared / overlap.pred_size[overlap.pred_row]
    seen = np.zeros(count)
    np.maximum.at(seen, overlap.true_row, of_true)
    swallowed = np.bincount(
        overlap.pred_row[of_true > 0.5], minlength=max(1, len(overlap.pred_label))
    )
    merged = _mark(overlap.true_row[(of_true > 0.5) & (swallowed[overlap.pred_row] > 1)], count)
    pieces = np.bincount(overlap.true_row[of_pred > 0.5], minlength=count)
    matched = _mark(overlap.true_row[pair], count)
    kind = np.full(count, "inexact", dtype=object)
    kind[seen < _LEAST] = "missed"
    kind[pieces > 1] = "split"
    kind[merged] = "merged"
    kind[matched] = "matched"
    return kind


def _lone_predictions(overlap: Overlap, best: IntArray) -> tuple[IntArray, FloatArray]:
    """Return the rows of predictions that are no true object's partner, and their kinds."""
    taken = _mark(overlap.pred_row[best[best >= 0]], len(overlap.pred_label))
    on_true = np.zeros(len(overlap.pred_label))
    np.add.at(on_true, overlap.pred_row, overlap.shared)
    lone = np.flatnonzero(~taken)
    kind = np.full(len(lone), "extra", dtype=object)
    kind[on_true[lone] < _LEAST * overlap.pred_size[lone]] = "invented"
    return lone, kind


def _mark(rows: IntArray, count: int) -> BoolArray:
    marked = np.zeros(count, dtype=bool)
    marked[rows] = True
    return marked
