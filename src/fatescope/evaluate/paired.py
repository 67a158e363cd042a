"""Old against new on the same images: the difference of a score, with a paired interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base.errors import InputError
from fatescope.evaluate.membranes import value_of_sums
from fatescope.evaluate.score import THRESHOLDS
from fatescope.numeric import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.base.types import FloatArray
    from fatescope.evaluate.membranes import MembraneScores
    from fatescope.evaluate.score import LabelScores
    from fatescope.evaluate.settings import ComparedScore, ScoreSettings

Outcome = Literal["better", "worse", "cannot-tell"]
_UP_TO_90 = [k for k, t in enumerate(THRESHOLDS) if t <= 90]
_N = len(THRESHOLDS) + 3  # matches by threshold; true + found objects; shared and joint pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """What a comparison says; ``low`` and ``high`` are of the difference, new minus old."""

    score: ComparedScore
    old: float
    new: float
    difference: float
    low: float | None
    high: float | None
    outcome: Outcome
    n_images: int
    n_units: int

    @property
    def span(self) -> str:
        """The interval in words; empty where there is none."""
        return (
            ""
            if self.low is None or self.high is None
            else (f"{signed(self.low)} to {signed(self.high)}")
        )

    def sentence(self, names: tuple[str, str], *, score: str, sure: str, shown: str) -> str:
        """Return the answer as one sentence: which is better, by how much, how sure, on what.

        ``names`` of old and new; ``score`` as people call it; ``sure``: the interval, or why there
        is none; ``shown``: how many images of what.
        """
        old, new = names
        word = {
            "better": f"{new} is better than {old}",
            "worse": f"{new} is worse than {old}",
            "cannot-tell": f"Which of {old} and {new} is better cannot be said",
        }[self.outcome]
        numbers = f"{self.old:.3f} -> {self.new:.3f}, difference {signed(self.difference)}"
        return f"{word}: {score} {numbers} ({sure}), on {shown}."


def signed(difference: float) -> str:
    """Return three decimals with their sign, or one figure where those would all be 0."""
    text = f"{difference:+.3f}"
    return text if float(text) or not difference else f"{difference:+.1g}"


def compare_scores(
    old: Sequence[LabelScores],
    new: Sequence[LabelScores],
    *,
    units: Sequence[str],
    score: ComparedScore,
    settings: ScoreSettings,
) -> PairedDifference:
    """Compare two methods on the same images by resampling units, both with the same draw.

    Parameters
    ----------
    old, new : sequence of LabelScores
        One for each image, in the same order.
    units : sequence of str
        The independent unit of each image.
    score : {"ap_50", "ap_75", "mean_ap_50_90", "iou"}
        Pooled over images; ``iou`` is that of the foreground, pixel by pixel.
    settings : ScoreSettings
        The bootstrap.

    Returns
    -------
    PairedDifference
        ``better`` where the whole interval lies above 0, ``worse`` where it lies below, else
        ``cannot-tell``: also for a single unit, whose spread is unknown.

    Raises
    ------
    InputError
        If the lengths differ, or there is nothing to compare.

    Notes
    -----
    The interval is that of percentiles, which is too narrow for fewer than about six units.
    """
    if not len(old) == len(new) == len(units) or not units:
        raise InputError(
            f"old, new and units must have one entry for each image; got {len(old)}, {len(new)} "
            f"and {len(units)}."
        )
    names, row = np.unique(np.array(units, dtype=object).astype(str), return_inverse=True)
    sums = np.zeros((len(names), 2 * _N))
    np.add.at(sums, row, np.concatenate([_sums(old), _sums(new)], axis=1))
    return _difference(
        sums, lambda of: _value(of, score), score=score, settings=settings, n_images=len(units)
    )


def compare_membrane_scores(
    old: Sequence[MembraneScores],
    new: Sequence[MembraneScores],
    *,
    units: Sequence[str],
    score: ComparedScore,
    settings: ScoreSettings,
) -> PairedDifference:
    """Compare two methods on the same planes of membranes, as `compare_scores` does.

    Parameters
    ----------
    old, new : sequence of MembraneScores
        One for each plane, in the same order.
    units : sequence of str
        What is resampled: the unit of each plane or, of a single one, its blocks of planes.
    score : {"wall_f1", "iou"}
        Pooled over planes.
    settings : ScoreSettings
    """
    names, row = np.unique(np.array(units, dtype=object).astype(str), return_inverse=True)
    both = [[*a.as_sums(), *b.as_sums()] for a, b in zip(old, new, strict=True)]
    sums = np.zeros((len(names), len(both[0])))
    np.add.at(sums, row, np.array(both, dtype=float))
    return _difference(
        sums,
        lambda of: value_of_sums(of, score),
        score=score,
        settings=settings,
        n_images=len(units),
    )


def _difference(
    sums: FloatArray,
    value: Callable[[FloatArray], FloatArray],
    *,
    score: ComparedScore,
    settings: ScoreSettings,
    n_images: int,
) -> PairedDifference:
    """Return the difference of sums (units, old and new): its bootstrap draws both alike."""
    half = sums.shape[1] // 2

    def difference(of: FloatArray) -> FloatArray:
        return value(of[:, half:]) - value(of[:, :half])

    total = sums.sum(axis=0, keepdims=True)
    interval = bootstrap_interval(sums, difference, settings)
    low, high = interval or (None, None)
    outcome: Outcome = "cannot-tell"
    if low is not None and high is not None:
        outcome = "better" if low > 0 else "worse" if high < 0 else "cannot-tell"
    return PairedDifference(
        score=score,
        old=float(value(total[:, :half])[0]),
        new=float(value(total[:, half:])[0]),
        difference=float(difference(total)[0]),
        low=low,
        high=high,
        outcome=outcome,
        n_images=n_images,
        n_units=len(sums),
    )


def _sums(scores: Sequence[LabelScores]) -> FloatArray:
    """Return what adds up over images, shape (n, `_N`)."""
    return np.array(
        [
            (*s.tp, s.n_true + s.n_pred, s.shared_px, s.true_px + s.pred_px - s.shared_px)
            for s in scores
        ],
        dtype=float,
    )


def _value(sums: FloatArray, score: ComparedScore) -> FloatArray:
    """Return the score of each row of sums; 1 where nothing was to be found and nothing was."""
    if score == "iou":
        return _ratio(sums[:, -2], sums[:, -1])
    matched, objects = sums[:, :-3], sums[:, -3]
    ap = _ratio(matched, objects[:, None] - matched)
    if score == "mean_ap_50_90":
        return np.asarray(ap[:, _UP_TO_90].mean(axis=1))
    return np.asarray(ap[:, THRESHOLDS.index(int(score.removeprefix("ap_")))])


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.where(whole > 0, part / np.maximum(whole, 1), 1.0)
