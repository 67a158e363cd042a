"""Scores of pixels by class, with intervals over wells: whole images, and the kept tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import Table
from fatescope.evaluate import PixelCounts, score_classes
from fatescope.evaluate.pixel_classes import precision_recall
from fatescope.systems.reproduction.intervals import interval_over_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base import FloatArray

WHOLE, KEPT = "whole images", "kept tiles"
_MOST_PLACES = 60  # of a curve


def average_precisions(sums: FloatArray) -> FloatArray:
    """Return the average precision of many samples: sums (n, 512), other pixels first."""
    values = np.asarray(sums, np.float64).reshape(len(sums), 2, -1)[:, :, ::-1].cumsum(axis=2)
    other, mine = values[:, 0], values[:, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision, recall = mine / (mine + other), mine / mine[:, -1:]
    found = (np.nan_to_num(precision) * np.diff(recall, axis=1, prepend=0.0)).sum(axis=1)
    return np.asarray(found)


def interval_over_wells(wells: Sequence[PixelCounts], k: int) -> tuple[float, float]:
    """Return the 95 % interval of the average precision of a class; NaN for too few."""
    sums = np.stack([w.values[k].reshape(-1) for w in wells])
    found = interval_over_units(sums, average_precisions)
    return found or (float("nan"), float("nan"))


def score_tables(
    arm: str, counts: Mapping[str, Mapping[str, PixelCounts]], classes: Sequence[str]
) -> dict[str, Table]:
    """Return the tables ``scores``, ``wells`` and ``curves`` of an arm.

    Parameters
    ----------
    arm : str
    counts : mapping
        For `WHOLE` and `KEPT`: counts by the name of the well.
    classes : sequence of str
    """
    scores: list[dict[str, Any]] = []
    wells: list[dict[str, Any]] = []
    curves: list[Table] = []
    for where, by_well in counts.items():
        total = PixelCounts.total(list(by_well.values()))
        found = score_classes(total)
        single = {w: score_classes(c) for w, c in by_well.items()}
        for k, name in enumerate(classes):
            head = {"arm": arm, "where": where, "class": name}
            low, high = interval_over_wells(list(by_well.values()), k)
            columns = ("auprc", "auroc", "precision", "recall", "f1")
            values = {c: float(getattr(found, c)[k]) for c in columns}
            scores.append(
                {**head, **values, "low": low, "high": high, "accuracy": found.accuracy}
                | {"wells": len(by_well), "share": _share(total, k)}
            )
            wells += [{**head, "well": w, "auprc": float(s.auprc[k])} for w, s in single.items()]
            curves.append(_curve(head, total, k))
    return {
        "scores": Table.from_rows(scores),
        "wells": Table.from_rows(wells),
        "curves": Table.concatenate(curves),
    }


def _share(total: PixelCounts, k: int) -> float:
    """Return the share of pixels of a class: what guessing reaches."""
    return float(total.confusion[k].sum() / max(int(total.confusion.sum()), 1))


def _curve(head: Mapping[str, str], total: PixelCounts, k: int) -> Table:
    """Return precision and recall at places that are spread over recall."""
    precision, recall = precision_recall(total.values[k])
    known = np.flatnonzero(np.isfinite(precision) & np.isfinite(recall))
    if len(known) > _MOST_PLACES:
        wanted = np.linspace(recall[known[0]], recall[known[-1]], _MOST_PLACES)
        nearest = np.searchsorted(recall[known], wanted).clip(max=len(known) - 1)
        known = known[np.unique(nearest)]
    n = len(known)
    columns: dict[str, Any] = {c: np.full(n, v, dtype=object) for c, v in head.items()}
    return Table({**columns, "recall": recall[known], "precision": precision[known]})


def difference_over_wells(
    wells: Table, arm: str, base: str, *, where: str, name: str
) -> tuple[float, float, float]:
    """Return the mean over wells of what an arm gains over another, and its 95 % interval."""

    def of(key: str) -> dict[str, float]:
        rows = wells.rows(
            (wells["arm"] == key) & (wells["where"] == where) & (wells["class"] == name)
        )
        return dict(zip(rows["well"].tolist(), rows["auprc"].tolist(), strict=True))

    ours, theirs = of(arm), of(base)
    gains = np.array([ours[w] - theirs[w] for w in ours if w in theirs])
    gains = gains[np.isfinite(gains)]
    if not len(gains):
        return float("nan"), float("nan"), float("nan")
    found = interval_over_units(gains[:, None], lambda s: s[:, 0] / len(gains))
    low, high = found or (float("nan"), float("nan"))
    return float(gains.mean()), low, high
