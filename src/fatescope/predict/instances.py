"""From maps to nuclei: cores, then every pixel climbs to the core it belongs to.

The route is made of steps that look no further than `REACH_PX` pixels, so a part of a plane
gives, away from its cut edges, the same pixels as the whole plane, to the last bit. What is
known only of whole objects (area, score, what they touch) is a sum of whole numbers that parts
add up. The same code serves 2D (YX) and 3D (ZYX).

1. foreground: pixels above a threshold, small holes closed.
2. cores: smoothed distance map, less the border map, above a threshold; connected components.
3. ring: every other foreground pixel points to its best neighbour, uphill; the pointers are
   followed at most `_CLIMB_PX` pixels. What reaches no core stays together as a weak region.
4. contacts: where two regions meet, how much border and how much distance was predicted there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.models.description import Thresholds

_DOUBLINGS = 5
_CLIMB_PX = 2**_DOUBLINGS
_HOLE_PX = 16
_SMOOTH_PX = 2
_BAND_PX = 2**16
_MARGIN_PX = _HOLE_PX + _SMOOTH_PX + 2
REACH_PX = _CLIMB_PX + _MARGIN_PX + 2
"""How far, in working pixels, a pixel's region can depend on its surroundings."""

FULL = 255
"""Maps are whole numbers from 0 to `FULL`: small, fast, and robust to rounding of a network."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Regions of a part of a plane, before they are merged and judged.

    Parameters
    ----------
    labels : ndarray of int32, shape of the part
        1..n; regions up to ``n_cores`` have a core, the others are weak. Right on the own rows
        and the row before them.
    cores : tuple of ndarray of int32
        Core labels on the rows within `_CLIMB_PX` of the first and of the last own edge.
    height : ndarray of int32, shape of the part
        What was climbed.
    tops : ndarray of bool, shape of the part
        Foreground pixels that are not lower than any neighbour.
    """

    labels: NDArray[np.int32]
    cores: tuple[NDArray[np.int32], NDArray[np.int32]]
    height: NDArray[np.int32]
    tops: NDArray[np.bool_]
    n: int
    n_cores: int


def quantise(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return maps in 0..1 as whole numbers in 0..`FULL`; not-a-number becomes 0."""
    out = np.empty(maps.shape, np.uint8)
    for place in np.ndindex(maps.shape[:-2]):
        for rows in _bands(maps.shape[-2:]):
            scaled = maps[place][rows] * np.float32(FULL)
            scaled += np.float32(0.5)
            np.fmax(scaled, np.float32(0), out=scaled)  # of a number and not-a-number the number
            out[place][rows] = np.minimum(scaled, np.float32(FULL), out=scaled)
    return out


def find_regions(
    maps: NDArray[np.uint8],
    thresholds: Thresholds,
    *,
    own: slice | None = None,
    cut: tuple[bool, bool] = (False, False),
) -> Regions:
    """Divide the foreground of a plane, of a volume, or of a part of one, into regions.

    Parameters
    ----------
    maps : ndarray of uint8, shape (3, Y, X) or (3, Z, Y, X)
        Foreground, distance and border, each 0..`FULL`.
    thresholds : Thresholds
    own : slice, optional
        Along the first axis of space, what this part accounts for; the rest is there to look at.
    cut : tuple of bool
        Whether the part ends before, and after, where the whole does; `REACH_PX` rows must then
        lie between that end and the own rows.
    """
    own = own or slice(0, maps.shape[1])
    foreground = _foreground(maps[0], thresholds)
    height = climb_map(maps, thresholds)
    core = foreground & (height >= round(thresholds.core * FULL) * _unit(foreground.ndim))
    core[: _MARGIN_PX * cut[0]] = False
    core[len(core) - _MARGIN_PX * cut[1] :] = False
    labels, n_cores = _components(core)
    near = [slice(max(0, edge - _CLIMB_PX), edge + _CLIMB_PX) for edge in (own.start, own.stop)]
    cores = labels[near[0]].copy(), labels[near[1]].copy()

    uphill = _uphill(foreground, height)
    unreached = _climb(labels, foreground, uphill)
    unreached[: max(0, own.start - 1)] = False
    unreached[own.stop :] = False
    weak, n_weak = _components(unreached)
    if n_weak:
        at = np.flatnonzero(weak)
        labels.reshape(-1)[at] = weak.reshape(-1)[at] + np.int32(n_cores)
    tops = foreground & (uphill.code == uphill.top)
    return Regions(labels, cores, height, tops, n_cores + n_weak, n_cores)


def climb_map(maps: NDArray[np.uint8], thresholds: Thresholds) -> NDArray[np.int32]:
    """Return the smoothed distance map less the weighted border map; 0 outside the frame.

    Smoothing is by (1, 2, 1) along each axis, twice, in whole numbers.
    """
    weight = round(thresholds.border_weight * 16)
    out = np.empty(maps.shape[1:], np.int32)
    for rows in _bands(out.shape):
        seen = slice(max(0, rows.start - _SMOOTH_PX), rows.stop + _SMOOTH_PX)
        out[rows] = _smoothed(maps[:, seen], weight)[_within(rows, seen)]
    return out


def _smoothed(maps: NDArray[np.uint8], weight: int) -> NDArray[np.int32]:
    raw = maps[1].astype(np.int32) * 16
    if weight:
        raw -= maps[2].astype(np.int32) * weight
        np.maximum(raw, 0, out=raw)
    for axis in range(raw.ndim):
        for _ in range(_SMOOTH_PX):
            raw = _binomial(raw, axis)
    return np.asarray(raw)


def _bands(shape: tuple[int, ...]) -> Iterator[slice]:
    """Divide an array along its first axis into bands that stay near the processor."""
    height = max(1, _BAND_PX // max(1, math.prod(shape[1:])))
    for first in range(0, shape[0], height):
        yield slice(first, min(first + height, shape[0]))


def _within(rows: slice, seen: slice) -> slice:
    """Return where ``rows`` are in a part that begins with ``seen``."""
    return slice(rows.start - seen.start, rows.stop - seen.start)


def _unit(ndim: int) -> int:
    """Return what a map value of 1 becomes in `climb_map`."""
    return int(16 * 4 ** (_SMOOTH_PX * ndim))


def _binomial(values: NDArray[np.int32], axis: int) -> NDArray[np.int32]:
    out = values * 2
    lower, upper = _shifted(axis, values.ndim)
    out[upper] += values[lower]
    out[lower] += values[upper]
    return out


def _shifted(axis: int, ndim: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    whole = [slice(None)] * ndim
    lower, upper = list(whole), list(whole)
    lower[axis], upper[axis] = slice(None, -1), slice(1, None)
    return tuple(lower), tuple(upper)


def _foreground(prediction: NDArray[np.uint8], thresholds: Thresholds) -> NDArray[np.bool_]:
    """Return the foreground, with holes of at most `_HOLE_PX` pixels closed."""
    foreground = prediction >= max(1, round(thresholds.foreground * FULL))
    outside, n = _components(~foreground)
    flat = outside.reshape(-1)
    start, length = find_runs(flat)
    area = np.bincount(flat[start], weights=length, minlength=n + 1)
    hole = (area <= _HOLE_PX)[flat[start]] & (flat[start] > 0)
    for first, pixels in zip(start[hole].tolist(), length[hole].tolist(), strict=True):
        foreground.reshape(-1)[first : first + pixels] = True
    return foreground


def find_runs(flat: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where runs of equal values start, and how long they are.

    Sums over runs cost a tenth of sums over pixels.
    """
    inner = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    start = np.concatenate([np.zeros(min(1, flat.size), np.intp), inner])
    return start, np.diff(start, append=flat.size)


def _components(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int32], int]:
    """Label connected components; pixels that meet at a corner only are apart."""
    import cc3d

    labels, n = cc3d.connected_components(
        inside, connectivity=(4, 6)[inside.ndim - 2], return_N=True, out_dtype=np.uint32
    )
    return labels.view(np.int32), int(n)


def _climb(
    labels: NDArray[np.int32], foreground: NDArray[np.bool_], uphill: _Uphill
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
class _Uphill:
    """The way to the highest neighbour: a code for each pixel, and the flat step of each code."""

    code: NDArray[np.uint8]
    steps: NDArray[np.intp]
    top: int  # the code of a pixel that is itself the highest


def _uphill(foreground: NDArray[np.bool_], height: NDArray[np.int32]) -> _Uphill:
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
    for rows in _bands(height.shape):
        seen = slice(max(0, rows.start - 1), rows.stop + 1)
        code[rows] = _highest(foreground[seen], height[seen])[_within(rows, seen)]
    return _Uphill(code, steps, sum(4**axis for axis in range(ndim)))


def _highest(foreground: NDArray[np.bool_], height: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the code of the way to the highest neighbour of each pixel."""
    ndim = height.ndim
    key = (height + 1) * foreground
    key <<= 2 * ndim
    for axis in range(ndim):
        lower, upper = _shifted(axis, ndim)
        unit = 4**axis
        best = key + unit
        np.maximum(best[upper], key[lower], out=best[upper])
        key += 2 * unit
        np.maximum(best[lower], key[upper], out=best[lower])
        key = best
    key &= 4**ndim - 1
    return np.asarray(key)
