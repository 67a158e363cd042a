"""Which true object shares how many pixels with which predicted one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.checks import check_label_image
from fatescope.base.errors import InputError
from fatescope.numeric import Runs, find_runs

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray, LabelImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Sizes of all objects and of all overlaps that are not empty; nothing is n times m.

    ``n`` true and ``m`` predicted objects, ``k`` pairs that share a pixel, sorted by true and
    then by predicted object. Pairs hold rows of the objects, not labels.
    """

    true_label: IntArray  # (n,)
    true_size: IntArray  # (n,) px
    true_centre: FloatArray  # (n, d)
    pred_label: IntArray  # (m,)
    pred_size: IntArray  # (m,) px
    pred_centre: FloatArray  # (m, d)
    true_row: IntArray  # (k,)
    pred_row: IntArray  # (k,)
    shared: IntArray  # (k,) px

    @property
    def union(self) -> IntArray:
        """Pixels in either object of each pair, shape (k,)."""
        return self.true_size[self.true_row] + self.pred_size[self.pred_row] - self.shared

    @property
    def iou(self) -> FloatArray:
        """Intersection over union of each pair, shape (k,)."""
        return np.asarray(self.shared / self.union)


def _check_pair(true: LabelImage, pred: LabelImage) -> None:
    """Raise `InputError` unless both are label images of one shape."""
    check_label_image(true, name="true")
    check_label_image(pred, name="pred")
    if true.shape != pred.shape:
        raise InputError(
            f"`true` has shape {true.shape} and `pred` {pred.shape}. Scores need both on the same "
            "grid: predict on the image that the truth belongs to, or resample with nearest "
            "neighbour."
        )


def find_overlap(true: LabelImage, pred: LabelImage) -> Overlap:
    """Count the pixels that true and predicted objects share.

    Parameters
    ----------
    true, pred : ndarray of int, shape (Y, X) or (Z, Y, X)
        Instance labels on one grid. 0 is background; the numbers need not agree.

    Returns
    -------
    Overlap
        Sizes, centres and shared pixels, all in whole numbers.

    Raises
    ------
    InputError
        If the shapes differ or the labels are not whole numbers.
    """
    _check_pair(true, pred)
    runs = find_runs([true, pred])
    sides = [_objects(runs, side) for side in (0, 1)]
    (true_label, true_size, true_centre, _), (pred_label, pred_size, pred_centre, _) = sides
    both = (runs.values[0] > 0) & (runs.values[1] > 0)
    code = sides[0][3][both] * max(1, len(pred_label)) + sides[1][3][both]
    pairs, of_run = np.unique(code, return_inverse=True)
    shared = _sums(of_run, runs.length[both], len(pairs))
    return Overlap(
        true_label=true_label,
        true_size=true_size,
        true_centre=true_centre,
        pred_label=pred_label,
        pred_size=pred_size,
        pred_centre=pred_centre,
        true_row=pairs // max(1, len(pred_label)),
        pred_row=pairs % max(1, len(pred_label)),
        shared=shared,
    )


def _objects(runs: Runs, side: int) -> tuple[IntArray, IntArray, FloatArray, IntArray]:
    """Return label, size and centre of each object, and the row of each run (-1: background)."""
    value = runs.values[side]
    inside = value > 0
    label, of_run = np.unique(value[inside].astype(np.int64), return_inverse=True)
    row = np.full(len(value), -1, dtype=np.int64)
    row[inside] = of_run
    length = runs.length[inside]
    size = _sums(of_run, length, len(label))
    place = runs.corner[:, inside] * length
    place[-1] += length * (length - 1) // 2
    total = np.stack([_sums(of_run, p, len(label)) for p in place], axis=1)
    return label, size, total / np.maximum(size, 1)[:, None], row


def _sums(row: IntArray, values: IntArray, count: int) -> IntArray:
    total = np.zeros(count, dtype=np.int64)
    np.add.at(total, row, values)
    return total
