"""How far to trust the names of one frame: the alignment as a whole, and each nucleus in it.

Two kinds of doubt go into one probability. The alignment as a whole is doubtful where the frame
fits badly, or where another pose or time that gives other names fits nearly as well. Neighbours
are ambiguous where an exchange would cost little, or where a nucleus lies aside from its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.naming.confidence import Certainty

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.naming.frame_fit import FrameFit

WEIGHTS = (9.6, 0.378, -0.788, -2.594, -4.195, -1.487)
"""Logistic weights: constant and the columns of `certainty_features`; fitted on frames of embryos
that the atlas had been built without."""
_DISAGREEMENT = 3
_FEWEST = -1.5
"""Frames of fewer nuclei (log2 of a 64th) were not among those."""
_SYMMETRIC, _AT_MOST = 5, 0.75
"""Up to five cells look alike from two sides: half of the frames of four cells were half right."""
_WORST_COST, _PER_DOUBLING, DOUBTFUL = 2.7, -0.25, 0.6
"""Cost of a doubtful frame of 64 nuclei, its change when nuclei double (wrong poses fit better
among more names), and the most that is believed of its names."""
_NATS = 10.0
"""By how much a whole frame must fit worse for its hypothesis to count e times less."""


def doubtful_cost(n: int) -> float:
    """Return the cost per nucleus above which the pose or time of a frame is hardly right."""
    return float(_WORST_COST + _PER_DOUBLING * np.log2(n / 64))


def certainty_features(fits: Sequence[FrameFit]) -> tuple[FloatArray, IntArray]:
    """Return what confidence is made from, for each named nucleus of the best fit, and its rival.

    Columns: price of the cheapest other name (log), distance from where it is expected, cost of
    the whole frame per nucleus, share of the other hypotheses that disagree, nuclei (log2).
    """
    best = fits[0]
    price = _prices(best)
    rival = price.argmin(1)
    margin = np.maximum(price[np.arange(len(rival)), rival], 0)
    own = best.cost[best.row, best.column]
    far = np.sqrt(np.maximum(own - own.min(initial=np.inf), 0))
    n = len(best.cost)
    weight = np.exp([-n * (f.total - best.total) / _NATS for f in fits])
    differs = np.stack([f.names() != best.names() for f in fits])[:, best.row]
    features = np.stack(
        [
            2 * np.log1p(margin),
            far,
            np.full(len(far), best.total),
            weight @ differs / weight.sum(),
            np.full(len(far), max(np.log2(n) - 6, _FEWEST)),
        ],
        axis=1,
    )
    return features, best.name[rival]


def _prices(fit: FrameFit) -> FloatArray:
    """Return what each other name would cost a nucleus and the present owner of that name."""
    own = fit.cost[fit.row, fit.column]
    holder = np.full(len(fit.name), -1)
    holder[fit.column] = fit.row
    others = fit.cost[fit.row].copy()
    others[np.arange(len(fit.row)), fit.column] = np.inf
    exchange = np.where(
        holder >= 0,
        fit.cost[holder][:, fit.column].T - fit.cost[holder, np.arange(len(holder))],
        0.0,
    )
    return np.asarray(others + exchange - own[:, None])


def frame_certainty(fits: Sequence[FrameFit]) -> Certainty:
    """Return confidence and second choice of every nucleus.

    Parameters
    ----------
    fits : sequence of FrameFit
        Finished hypotheses of one frame, the best first.
    """
    best = fits[0]
    n = len(best.cost)
    second, confidence = np.full(n, -1), np.zeros(n)
    features, second[best.row] = certainty_features(fits)
    logit = WEIGHTS[0] + features @ np.array(WEIGHTS[1:])
    likely = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    most = 1 - features[:, _DISAGREEMENT]
    if n <= _SYMMETRIC:
        most = np.minimum(most, _AT_MOST)
    if best.total > doubtful_cost(n):
        most = np.minimum(most, DOUBTFUL)
    confidence[best.row] = np.minimum(likely, most)
    return Certainty(confidence=confidence, second=second)
