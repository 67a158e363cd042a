"""Many images, one answer: pooled scores, scores per image, intervals and strata."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.table import Table
from fatescope.evaluate.score import FINDING, THRESHOLDS, LabelScores
from fatescope.numeric import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray
    from fatescope.evaluate.settings import ScoreSettings


def pool_scores(scores: Sequence[LabelScores]) -> LabelScores:
    """Add up the counts and sums of several images.

    Sums of fractions are rounded once, at the end, so that the order of images does not matter.
    """
    return LabelScores(
        n_images=sum(s.n_images for s in scores),
        n_true=sum(s.n_true for s in scores),
        n_pred=sum(s.n_pred for s in scores),
        tp=tuple(sum(s.tp[k] for s in scores) for k in range(len(THRESHOLDS))),
        found=tuple(sum(s.found[k] for s in scores) for k in range(len(FINDING))),
        merged=sum(s.merged for s in scores),
        split=sum(s.split for s in scores),
        missed=sum(s.missed for s in scores),
        invented=sum(s.invented for s in scores),
        iou_sum=math.fsum(s.iou_sum for s in scores),
        seg_sum=math.fsum(s.seg_sum for s in scores),
        shared_px=sum(s.shared_px for s in scores),
        true_px=sum(s.true_px for s in scores),
        pred_px=sum(s.pred_px for s in scores),
    )


def summarise_scores(
    scores: Sequence[LabelScores],
    settings: ScoreSettings,
    *,
    units: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Summarise the scores of images as the contract's ``evaluate`` document has them.

    Parameters
    ----------
    scores : sequence of LabelScores
        One for each image.
    settings : ScoreSettings
        The bootstrap.
    units : sequence of str, optional
        The independent unit of each image; each image is its own if left out.

    Returns
    -------
    dict
        ``ap`` and ``f1`` by threshold (``"0.50"`` to ``"0.95"``; ``f1`` also at ``"0.10"`` and
        ``"0.30"``, where objects are found, whatever their outlines), pooled; ``mean_ap_50_90``,
        pooled; ``ap_per_image`` (mean over images, at 0.50); ``pq`` and ``seg``, pooled;
        ``mean_iou`` and ``dice`` of the foreground, each the mean over images; ``n_images``;
        ``low`` and ``high`` of ``ap["0.50"]``; then counts (of objects, and of those ``merged``,
        ``split``, ``missed`` and ``invented``) and the pooled pixel scores. A value
        that is not defined is ``None``.

    Raises
    ------
    InputError
        If there is no score, or ``units`` has another length.
    """
    if not scores:
        raise InputError("there is no image to score.")
    units = _check_units(units, len(scores))
    pooled = pool_scores(scores)
    interval = bootstrap_interval(_unit_counts(scores, units), _ap50, settings)
    return {
        "ap": {_key(t): pooled.ap(t) for t in THRESHOLDS},
        "f1": {_key(t): pooled.f1(t) for t in FINDING + THRESHOLDS},
        "mean_ap_50_90": pooled.mean_ap,
        "ap_per_image": _mean([s.ap(50) for s in scores]),
        "pq": pooled.pq,
        "mean_iou": _mean([s.iou for s in scores]),
        "dice": _mean([s.dice for s in scores]),
        "seg": pooled.seg,
        "n_images": pooled.n_images,
        "low": None if interval is None else interval[0],
        "high": None if interval is None else interval[1],
        "interval_of": f"ap 0.50 pooled, {settings.level:.0%} bootstrap over units",
        "n_units": len(set(units)),
        "n_true": pooled.n_true,
        "n_pred": pooled.n_pred,
        "merged": pooled.merged,
        "split": pooled.split,
        "missed": pooled.missed,
        "invented": pooled.invented,
        "iou_pooled": pooled.iou,
        "dice_pooled": pooled.dice,
        "mean_matched_iou": pooled.iou_sum / pooled.tp[0] if pooled.tp[0] else None,
    }


def score_strata(
    scores: Sequence[LabelScores],
    strata: Sequence[str],
    settings: ScoreSettings,
    *,
    units: Sequence[str] | None = None,
) -> Table:
    """Summarise each stratum (type of image, size class) on its own.

    Returns
    -------
    Table
        One row per stratum, sorted by name: ``stratum, n_images, n_units, n_true, n_pred,
        merged, split, ap_50, low, high, ap_75, mean_ap_50_90, pq, seg``; NaN where not defined.

    Raises
    ------
    InputError
        If ``strata`` or ``units`` has another length than ``scores``.
    """
    if len(strata) != len(scores):
        raise InputError(f"`strata` must hold {len(scores)} names; got {len(strata)}.")
    units = _check_units(units, len(scores))
    rows = []
    for stratum in sorted(set(strata)):
        which = [i for i, name in enumerate(strata) if name == stratum]
        own = [scores[i] for i in which]
        summary = summarise_scores(own, settings, units=[units[i] for i in which])
        flat = {"ap_50": summary["ap"]["0.50"], "ap_75": summary["ap"]["0.75"], **summary}
        rows.append({"stratum": stratum, **flat})
    counts = ("n_images", "n_units", "n_true", "n_pred", "merged", "split")
    values = ("ap_50", "low", "high", "ap_75", "mean_ap_50_90", "pq", "seg")
    return Table(
        {
            "stratum": np.array([r["stratum"] for r in rows], dtype=object),
            **{c: np.array([r[c] for r in rows], dtype=np.int64) for c in counts},
            **{v: np.array([r[v] for r in rows], dtype=np.float64) for v in values},
        }
    )


def _check_units(units: Sequence[str] | None, count: int) -> Sequence[str]:
    if units is None:
        return [str(i) for i in range(count)]
    if len(units) != count:
        raise InputError(f"`units` must hold {count} names, one per image; got {len(units)}.")
    return units


def _unit_counts(scores: Sequence[LabelScores], units: Sequence[str]) -> FloatArray:
    """Return matched, true and predicted objects of each unit, shape (n_units, 3)."""
    names, row = np.unique(np.asarray(units, dtype=str), return_inverse=True)
    counts = np.zeros((len(names), 3))
    np.add.at(counts, row, [[s.tp[0], s.n_true, s.n_pred] for s in scores])
    return counts


def _ap50(sums: FloatArray) -> FloatArray:
    total = sums[:, 1] + sums[:, 2] - sums[:, 0]
    return np.where(total > 0, sums[:, 0] / np.maximum(total, 1), 1.0)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _key(percent: int) -> str:
    return f"{percent / 100:.2f}"
