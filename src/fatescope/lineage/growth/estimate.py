"""Counts with intervals for every frame, from the embryos that a movie matches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.growth.curves import FIRST_MIN, GROUPS, LAST_MIN, UNKNOWN

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.growth.curves import GrowthCurves
    from fatescope.lineage.growth.match import GrowthMatch

INTERVAL = (0.05, 0.5, 0.95)
_NEVER_FEWER = ("E", "D", "P4")
"""No cell of these dies in the embryo (Sulston 1983), Z2 and Z3 counting as P4. Embryos whose
recording ends leave the others behind, and the median of those left may be lower."""
_LEAST_KNOWN = 0.25
"""Share of the weight of embryos that must have been recorded at a moment for it to be counted."""


@dataclass(frozen=True, kw_only=True)
class PopulationEstimate:
    """Cells of each group in each frame.

    Parameters
    ----------
    count, low, high : ndarray of int, shape (frames, len(`GROUPS`))
        Median and 90 % interval; 0 in frames that are abstained from.
    clock_min : ndarray of float, shape (frames,)
        Minutes since the first division of AB, of a typical embryo.
    abstained : ndarray of bool, shape (frames,)
    """

    count: IntArray
    low: IntArray
    high: IntArray
    clock_min: FloatArray
    abstained: BoolArray


def estimate_populations(
    match: GrowthMatch, curves: GrowthCurves, *, n_frames: int, up_to: int
) -> PopulationEstimate:
    """Return what the matched embryos say of every frame.

    Parameters
    ----------
    match : GrowthMatch
    curves : GrowthCurves
    n_frames : int
    up_to : int
        Frames with more cells are abstained from.
    """
    minutes = match.minutes(n_frames)
    place = np.rint(minutes).astype(np.int64) - FIRST_MIN
    inside = place <= LAST_MIN - FIRST_MIN
    values = curves.count[match.embryo[:, None], np.clip(place, 0, LAST_MIN - FIRST_MIN)]
    known = inside & (values[:, :, 0] != UNKNOWN)
    weight = match.weight[:, None] * known
    share = weight.sum(axis=0)
    out = np.zeros((len(INTERVAL), n_frames, len(GROUPS)), dtype=np.int64)
    for g in range(len(GROUPS)):
        out[:, :, g] = _quantiles(values[:, :, g], weight)
    clock = _quantiles(minutes, np.broadcast_to(match.weight[:, None], minutes.shape))[1]
    low, count, high = out
    abstained = (share < _LEAST_KNOWN) | (count[:, 0] > up_to)
    for g in map(GROUPS.index, _NEVER_FEWER):
        out[:, ~abstained, g] = np.maximum.accumulate(out[:, ~abstained, g], axis=1)
    for numbers in (low, count, high):
        numbers[abstained] = 0
    return PopulationEstimate(count=count, low=low, high=high, clock_min=clock, abstained=abstained)


def _quantiles(values: FloatArray | IntArray, weight: FloatArray) -> FloatArray:
    """Return weighted quantiles along the first axis, one row for each of `INTERVAL`."""
    order = np.argsort(values, axis=0, kind="stable")
    ranked = np.take_along_axis(values, order, axis=0)
    upto = np.cumsum(np.take_along_axis(weight, order, axis=0), axis=0)
    upto = upto / np.maximum(upto[-1:], 1e-12)
    rows = [np.argmax(upto >= q - 1e-9, axis=0) for q in INTERVAL]
    return np.stack([np.take_along_axis(ranked, r[None], axis=0)[0] for r in rows])
