"""How sure each name is, in numbers that mean what they say, and what else it could be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas import at_phase
from fatescope.lineage.naming.evidence import phases
from fatescope.lineage.naming.tracked import NamedTree

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

WEIGHTS: dict[str, tuple[float, ...]] = {
    "tracked": (0.316, 1.392, -0.264, 0.065, 0.1),
    "movie": (-1.318, 1.538, -1.816, 0.398, -0.264),
}
"""Logistic weights: constant, margin, distance, spread, cells; fitted on the tuning embryos of
``benchmarks/naming.py``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """Per row: the probability that the name is right, and the second choice (-1: none)."""

    confidence: FloatArray
    second: IntArray


def certainty_features(
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
    features, second = certainty_features(atlas, found, frame=frame)
    weight = np.array(WEIGHTS[kind])
    p = 1 / (1 + np.exp(-(weight[0] + features @ weight[1:])))
    name = found.row_names()
    known = (name >= 0) & atlas.known[np.maximum(name, 0)]
    confidence = np.where(known, p, np.where(name >= 0, 0.5 * p, 0.0))
    return Certainty(confidence=confidence, second=second[found.chains.of_row])
