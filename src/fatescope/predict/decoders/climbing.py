"""From a distance map to nuclei: cores, then every pixel climbs to the core it belongs to.

1. cores: smoothed distance map, less the border map, above a threshold; connected components.
2. ring: every other foreground pixel points to its best neighbour, uphill; the pointers are
   followed at most `_CLIMB_PX` pixels. What reaches no core stays together as a weak region.

The same code serves 2D (YX) and 3D (ZYX).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.decoders.regions import (
    HOLE_PX,
    Regions,
    binomial,
    components,
    shifted,
    within,
)
from fatescope.predict.tiling import FULL, bands

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.models.outputs import Thresholds

_DOUBLINGS = 5
_CLIMB_PX = 2**_DOUBLINGS
_SMOOTH_PX = 2
_MARGIN_PX = HOLE_PX + _SMOOTH_PX + 2
REACH_PX = _CLIMB_PX + _MARGIN_PX + 2
"""How far, in working pixels, a pixel's region can depend on its surroundings."""


def regions_by_climbing(
    maps: NDArray[np.uint8],
    foreground: NDArray[np.bool_],
    thresholds: Thresholds,
    *,
    own: slice,
    cut: tuple[bool, bool],
) -> Regions:
    """Divide the foreground by a distance map; see `find_regions`."""
    height = climb_map(maps, thresholds)
    core = foreground & (height >= round(thresholds.core * FULL) * _unit(foreground.ndim))
    core[: _MARGIN_PX * cut[0]] = False
    core[len(core) - _MARGIN_PX * cut[1] :] = False
    labels, n_cores = components(core)
    near = [slice(max(0, edge - _CLIMB_PX), edge + _CLIMB_PX) for edge in (own.start, own.stop)]
    cores = labels[near[0]].copy(), labels[near[1]].copy()

    uphill = highest_neighbour(foreground, height)
    unreached = _climb(labels, foreground, uphill)
    unreached[: max(0, own.start - 1)] = False
    unreached[own.stop :] = False
    weak, n_weak = components(unreached)
    if n_weak:
        at = np.flatnonzero(weak)
        labels.reshape(-1)[at] = weak.reshape(-1)[at] + np.int32(n_cores)
    n = n_cores + n_weak
    top = np.flatnonzero((foreground & (uphill.code == uphill.top))[own])
    peak = np.zeros(n + 1, np.int64)
    np.maximum.at(peak, labels[own].reshape(-1)[top], height[own].reshape(-1)[top])
    return Regions(labels, cores, height, peak[1:], maps[2], n, n_cores)


def climb_map(maps: NDArray[np.uint8], thresholds: Thresholds) -> NDArray[np.int32]:
    """Return the smoothed distance map less the weighted border map; 0 outside the frame.

    Smoothing is by (1, 2, 1) along each axis, twice, in whole numbers.
    """
    weight = round(thresholds.border_weight * 16)
    out = np.empty(maps.shape[1:], np.int32)
    for rows in bands(out.shape):
        seen = slice(max(0, rows.start - _SMOOTH_PX), rows.stop + _SMOOTH_PX)
        out[rows] = _smoothed(maps[:, seen], weight)[within(rows, seen)]
    return out


def _smoothed(maps: NDArray[np.uint8], weight: int) -> NDArray[np.int32]:
    raw = maps[1].astype(np.int32) * 16
    if weight:
        raw -= maps[2].astype(np.int32) * weight
        np.maximum(raw, 0, out=raw)
    for axis in range(raw.ndim):
        for _ in range(_SMOOTH_PX):
            raw = binomial(raw, axis)
    return np.asarray(raw)


def _unit(ndim: int) -> int:
    """Return what a map value of 1 becomes in `climb_map`."""
    return int(16 * 4 ** (_SMOOTH_PX * ndim))


def _climb(
    labels: NDArray[np.int32], foreground: NDArray[np.bool_], uphill: Uphill
) -> NDArray[np.bool_]:
    """Label the ring in place, and return the foreground that reaches no core."""
    ring = foreground & (labels == 0)
    inside = ring.reshape(-1)
    start = np.flatnonzero(inside)
    pointer = np.arange(labels.size, dtype=np.intp)
    pointer[start] = start + uphill.steps[uphill.code.reshape(-1)[start]]
    active = start
    for _ in range(_DOUBLINGS):
        target = pointer[active]
        beyond = pointer[target]
        pointer[active] = beyond
        active = active[(beyond != target) & inside[beyond]]
    flat = labels.reshape(-1)
    found = flat[pointer[start]]
    flat[start] = found
    ring.reshape(-1)[start] = found == 0
    return np.asarray(ring)


@dataclass(frozen=True, slots=True)
class Uphill:
    """The way to the highest neighbour: a code for each pixel, and the flat step of each code."""

    code: NDArray[np.uint8]
    steps: NDArray[np.intp]
    top: int  # the code of a pixel that is itself the highest


def highest_neighbour(foreground: NDArray[np.bool_], height: NDArray[np.int32]) -> Uphill:
    """Find for each pixel the highest of its neighbours and itself.

    Of equally high neighbours the one further along the axes wins, so that no path closes.
    Background is lower than any foreground and is never a target of it.
    """
    ndim = height.ndim
    steps = np.zeros(4**ndim, np.intp)
    for axis in range(ndim):
        stride = int(np.prod(height.shape[axis + 1 :]))
        steps += stride * ((np.arange(4**ndim) // 4**axis) % 4 - 1)
    code = np.empty(height.shape, np.uint8)
    for rows in bands(height.shape):
        seen = slice(max(0, rows.start - 1), rows.stop + 1)
        code[rows] = _highest(foreground[seen], height[seen])[within(rows, seen)]
    return Uphill(code, steps, sum(4**axis for axis in range(ndim)))


def _highest(foreground: NDArray[np.bool_], height: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the code of the way to the highest neighbour of each pixel."""
    ndim = height.ndim
    key = (height + 1) * foreground
    key <<= 2 * ndim
    for axis in range(ndim):
        lower, upper = shifted(axis, ndim)
        unit = 4**axis
        best = key + unit
        np.maximum(best[upper], key[lower], out=best[upper])
        key += 2 * unit
        np.maximum(best[lower], key[upper], out=best[lower])
        key = best
    key &= 4**ndim - 1
    return np.asarray(key)
