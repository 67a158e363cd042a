"""How sure each name is, in numbers that mean what they say, and what else it could be.

Two kinds of doubt go into one probability. The alignment as a whole is doubtful where the frame
fits badly, or where another pose or time that gives other names fits nearly as well. Neighbours
are ambiguous where an exchange would cost little, or where a nucleus lies aside from its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas import FITTED, at_phase
from fatescope.lineage.naming.evidence import phases
from fatescope.lineage.naming.tracked import NamedTree
from fatescope.storage import read_fitted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.naming.frame_fit import FrameFit

_NATS = 10.0
"""By how much a whole frame must fit worse for its hypothesis to count e times less."""
_DISAGREEMENT = 3
"""Its column among `frame_features`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """Per row: the probability that the name is right, and the second choice (-1: none)."""

    confidence: FloatArray
    second: IntArray


def track_features(
    atlas: Atlas, found: NamedTree, *, frame: IntArray
) -> tuple[FloatArray, IntArray]:
    """Return what confidence is made from, per row, and the second choice of each track.

    Columns: the smallest margin on the way from the root (log), the distance of the track from
    where it is expected (in spreads), the spread of the embryo, the number of cells (log2).
    """
    chains, name = found.chains, found.named.name
    margin = np.maximum(found.named.margin, 0.0)
    weakest = np.arange(len(chains))
    for k in range(len(chains)):
        m = chains.mother[k]
        if m >= 0 and margin[weakest[m]] < margin[k]:
            weakest[k] = weakest[m]
    second = np.array([_other(atlas, found, k, int(weakest[k])) for k in range(len(chains))])
    row_name = name[chains.of_row]
    safe = np.where(row_name >= 0, row_name, 0)
    begin, life = phases(atlas, chains, found.clock, chains.of_row, safe)
    expected = at_phase(found.fit.expected, safe, (found.clock.minutes(frame) - begin) / life)
    off = (found.fit.placed - expected) / atlas.position_sd[safe]
    far = np.sqrt((off**2).mean(1))
    total = np.bincount(chains.of_row, weights=far, minlength=len(chains)) / chains.n_rows
    count = np.bincount(frame - frame.min())[frame - frame.min()]
    features = np.stack(
        [
            np.log1p(margin[weakest])[chains.of_row],
            np.minimum(total, 6.0)[chains.of_row],
            np.full(len(frame), found.fit.spread),
            np.log2(np.maximum(count, 1)) - 6,
        ],
        axis=1,
    )
    return features, second


def _other(atlas: Atlas, found: NamedTree, track: int, weakest: int) -> int:
    """Return what a track were called if the weakest decision above it were the other way."""
    chains, name = found.chains, found.named.name
    path = []
    k = track
    while k != weakest:
        path.append(k)
        k = int(chains.mother[k])
    if name[k] < 0:
        return -1
    mother = int(chains.mother[k])
    if mother >= 0 and name[mother] >= 0:
        pair = atlas.daughters[name[mother]]
        other = int(pair[1] if pair[0] == name[k] else pair[0])
    else:
        ranked = np.argsort(-found.named.best[k], kind="stable")[:2]
        other = int(ranked[1] if ranked[0] == name[k] else ranked[0])
    for child in reversed(path):
        if other < 0:
            return -1
        above = atlas.mother[name[child]] if name[child] >= 0 else -1
        if above < 0:
            return -1
        which = int(atlas.daughters[above, 1] == name[child])
        other = int(atlas.daughters[other, which])
    return other


def certainty(atlas: Atlas, found: NamedTree, *, frame: IntArray, kind: str) -> Certainty:
    """Return confidence and second choice of every row.

    Parameters
    ----------
    kind : str
        ``"tracked"``, or ``"movie"`` where links were made here.
    """
    features, second = track_features(atlas, found, frame=frame)
    weight = _weights(kind, "margin", "distance", "spread", "cells")
    p = 1 / (1 + np.exp(-(weight[0] + features @ weight[1:])))
    name = found.row_names()
    known = (name >= 0) & atlas.known[np.maximum(name, 0)]
    confidence = np.where(known, p, np.where(name >= 0, 0.5 * p, 0.0))
    return Certainty(confidence=confidence, second=second[found.chains.of_row])


def doubtful_cost(n: int) -> float:
    """Return the cost per nucleus above which the pose or time of a frame is hardly right."""
    doubtful = read_fitted(FITTED)["doubtful_frame"]
    return float(doubtful["cost"] + doubtful["per_doubling"] * np.log2(n / 64))


def most_believed() -> float:
    """Return the most that is believed of the names of a doubtful frame."""
    return float(read_fitted(FITTED)["doubtful_frame"]["most"])


def _weights(kind: str, *columns: str) -> FloatArray:
    fitted = read_fitted(FITTED)[kind]
    return np.array([fitted[c] for c in ("constant", *columns)])


def frame_features(fits: Sequence[FrameFit]) -> tuple[FloatArray, IntArray]:
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
    n, fewest = len(best.cost), read_fitted(FITTED)["frame"]["least_cells"]
    weight = np.exp([-n * (f.total - best.total) / _NATS for f in fits])
    differs = np.stack([f.names() != best.names() for f in fits])[:, best.row]
    features = np.stack(
        [
            2 * np.log1p(margin),
            far,
            np.full(len(far), best.total),
            weight @ differs / weight.sum(),
            np.full(len(far), max(np.log2(n) - 6, fewest)),
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

    ``fits``: finished hypotheses of one frame, the best first.
    """
    best = fits[0]
    n = len(best.cost)
    second, confidence = np.full(n, -1), np.zeros(n)
    features, second[best.row] = frame_features(fits)
    weight = _weights("frame", "price", "distance", "cost", "disagreement", "cells")
    logit = weight[0] + features @ weight[1:]
    likely = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    most = 1 - features[:, _DISAGREEMENT]
    doubtful = read_fitted(FITTED)["doubtful_frame"]
    if n <= doubtful["symmetric"]:
        most = np.minimum(most, doubtful["symmetric_most"])
    if best.total > doubtful_cost(n):
        most = np.minimum(most, most_believed())
    confidence[best.row] = np.minimum(likely, most)
    return Certainty(confidence=confidence, second=second)
