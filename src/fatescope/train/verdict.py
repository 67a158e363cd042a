"""One sentence on a training run, from its curves: what happened, and what to try."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base.types import FloatArray

Kind = Literal["too short", "diverged", "overfit", "still improving", "underfit", "settled"]

SMALLEST_CHANGE = 0.01
"""Change of a score that counts: twice the AP which the project lets int8 cost."""
SMALLEST_SHARE = 0.1
"""Or that of a score which is still near 0, beside the score itself."""
LOSS_CHANGE = 0.05
"""Share of the loss that counts: the tests let epochs wander by 2 %, ends are means of several."""
DIVERGED = 1.5
"""Last loss beside the lowest: far beyond what chance or a kick of 25 % does to it."""
UNDERFIT = 0.5
"""Last loss beside that of the first epoch: less than halved, hardly more than the share of
foreground was trained."""
_FEWEST = 5  # epochs: what is said is of the last fifth


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the curves of a training run say."""

    kind: Kind
    sentence: str


def assess_curves(
    history: Sequence[Mapping[str, float]], *, metric: str = "ap_mean", words: str = ""
) -> Verdict:
    """Judge a run by its loss and, where it was measured, by a score on validation images.

    Parameters
    ----------
    history : sequence of mappings
        Rows of ``log.csv`` with ``step`` and ``loss``, some with the metric.
    metric : str
        A score of which the larger is better.
    words : str
        What the sentence calls it; default: as its column.

    Returns
    -------
    Verdict
        The first that fits, in this order: *diverged* (a loss that is no number, or ends
        `DIVERGED` times above its lowest), *too short* (fewer than five epochs), *overfit* (the
        score ends below its best while the loss fell on), *still improving* (in the last fifth),
        *underfit* (flat, loss not halved), *settled* (flat).

    Notes
    -----
    "Below" and "improving" mean by more than `SMALLEST_CHANGE`, or `SMALLEST_SHARE` of a score
    below 0.1, and more than twice the score's own wandering. Ends are means over a tenth of the
    rows, single rows wander. A one-cycle schedule ends at a rate of almost 0 and flattens every
    curve a little: *settled* means settled at this length.
    """
    loss = np.array([row["loss"] for row in history], dtype=float)
    scored = [(row["step"], row[metric]) for row in history if metric in row]
    if not np.isfinite(loss).all():
        bad = history[int(np.flatnonzero(~np.isfinite(loss))[0])]["step"]
        return _diverged(f"the loss was no number at step {bad:.0f}")
    if len(loss) < _FEWEST:
        return Verdict("too short", f"Too short to say: {len(loss)} epochs, five are needed.")
    end = _end(loss)
    if end > DIVERGED * loss.min():
        return _diverged(f"the loss ended at {end:.3g}, {end / loss.min():.1f} times its lowest")
    score = np.array([value for _, value in scored])
    if len(score) >= _FEWEST:
        return _by_score(loss, score, [step for step, _ in scored], words or metric)
    if end < (1 - LOSS_CHANGE) * _before(loss):
        fallen = 1 - end / _before(loss)
        return _improving(f"the loss fell by {fallen:.0%} in the last fifth of the run")
    return _flat(loss, _course("the loss", _before(loss), end))


def _by_score(loss: FloatArray, score: FloatArray, steps: list[float], metric: str) -> Verdict:
    counts = min(SMALLEST_CHANGE, SMALLEST_SHARE * float(score.max()))
    smallest = max(counts, 2 * _wandering(score))
    best, end = int(score.argmax()), _end(score)
    at_best = loss[min(round((best + 1) / len(score) * len(loss)), len(loss)) - 1]
    if score[best] - end > smallest and _end(loss) < (1 - LOSS_CHANGE) * at_best:
        return Verdict(
            "overfit",
            f"Overfit: {metric} was best at step {steps[best]:.0f} ({score[best]:.3f}) and ended "
            f"at {end:.3f} while the loss fell on. Try more images, stronger augmentation, or "
            f"about {steps[best]:.0f} steps.",
        )
    if end - _before(score) > smallest:
        return _improving(f"{metric} rose from {_before(score):.3f} to {end:.3f} in the last fifth")
    return _flat(loss, _course(metric, _before(score), end))


def _course(what: str, before: float, end: float) -> str:
    """Return what happened in the last fifth in words that do not deny a change."""
    was, now = f"{before:.3g}", f"{end:.3g}"
    return f"{what} stayed at {now}" if was == now else f"{what} went from {was} to {now}"


def _diverged(what: str) -> Verdict:
    return Verdict(
        "diverged", f"Diverged: {what}. Try a third of the rate, and look at preview.png."
    )


def _improving(what: str) -> Verdict:
    return Verdict("still improving", f"Still improving: {what}. Try twice the steps.")


def _flat(loss: FloatArray, what: str) -> Verdict:
    ratio = _end(loss) / loss[0]
    if ratio > UNDERFIT:
        return Verdict(
            "underfit",
            f"Underfit: {what} in the last fifth of the run, and the loss is still {ratio:.0%} of "
            "that of the first epoch. Try a higher rate, a wider network, milder augmentation, or "
            "check that labels fit images.",
        )
    return Verdict(
        "settled",
        f"Settled: {what} in the last fifth of the run. More images would help, more steps little.",
    )


def _end(values: FloatArray) -> float:
    return float(values[-max(1, len(values) // 10) :].mean())


def _before(values: FloatArray) -> float:
    """Return the mean over a tenth of the rows, a fifth of the run before its end."""
    width, back = max(1, len(values) // 10), max(1, math.ceil(len(values) / 5))
    last = len(values) - back
    return float(values[max(0, last - width) : last].mean())


def _wandering(values: FloatArray) -> float:
    """Return the standard deviation of single values about their trend, from second differences."""
    late = np.diff(values[len(values) // 2 :], n=2)
    # Variance of a second difference of independent values: 1 + 4 + 1 times theirs.
    return float(1.4826 * np.median(np.abs(late)) / math.sqrt(6)) if late.size else 0.0


def write_verdict(path: Path, verdict: Verdict) -> None:
    """Write the sentence as a text of one line."""
    with write_beside(path) as part:
        part.write_text(verdict.sentence + "\n", encoding="utf-8")


def read_verdict(path: Path) -> str:
    """Return the sentence of `write_verdict`, or nothing where there is no such file."""
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
