"""From offsets to nuclei: every pixel votes for a centre, and belongs to the peak of its vote.

The idea of Neven et al. (Instance segmentation by jointly optimizing spatial embeddings, CVPR
2019), with offsets that are predicted directly, and in whole numbers.

1. votes: each foreground pixel jumps by its offset; the pixels that land at a place are counted.
2. peaks: places where the smoothed votes are highest within `Thresholds.apart_px`, and high enough.
3. each pixel goes where it jumped to, then to the highest place around, at most `_HOPS` times.
4. small pieces apart from the rest of their nucleus, and what reached no peak, are weak regions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.predict.decoders.regions import (
    HOLE_PX,
    Regions,
    binomial,
    components,
    within,
)
from fatescope.predict.tiling import bands

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.models.outputs import Thresholds

JUMP_PX = 32
"""The longest offset: 0 and 255 in a map of offsets (`prepare.targets.OFFSET_REACH_PX`)."""

_STEP = np.rint((np.arange(256) / 255 - 0.5) * 2 * JUMP_PX).astype(np.int32)
_HOPS = 3
_LOOSE = 0.1
_SMOOTH_PX = 2
_VOTE = 4 ** (2 * _SMOOTH_PX)  # what a vote adds to the smoothed votes, in all
_PIECE_PX = 16
_BITS = 4  # a place within 2**_BITS pixels, along one axis
APART_PX = 2 ** (_BITS - 1) - 1
"""The largest `Thresholds.apart_px`."""

_TO_PEAK_PX = JUMP_PX + _HOPS * APART_PX
REACH_PX = _PIECE_PX + _TO_PEAK_PX + APART_PX + _SMOOTH_PX + JUMP_PX + HOLE_PX + 4
"""How far, in working pixels, a pixel's region can depend on its surroundings."""

STEP_PX = 2**_BITS
"""Parts of a plane begin at multiples of this, since equally high places are ordered by it."""


def regions_by_votes(
    maps: NDArray[np.uint8],
    foreground: NDArray[np.bool_],
    thresholds: Thresholds,
    *,
    own: slice,
) -> Regions:
    """Divide the foreground by offsets; see `find_regions`."""
    at = np.flatnonzero(foreground).astype(np.int32)
    aim = _aims(maps, at)
    votes = np.bincount(aim, minlength=foreground.size).astype(np.int32).reshape(foreground.shape)
    height = _smoothed(votes)
    goal = _climb(votes, height, apart_px=thresholds.apart_px)[aim]
    sure = (goal >= 0) & (height.reshape(-1)[goal] >= round(thresholds.votes * _VOTE))

    is_peak = np.zeros(foreground.size, np.bool_)
    is_peak[goal[sure]] = True
    peaks = np.flatnonzero(is_peak)
    n_cores = len(peaks)
    number = np.zeros(foreground.size, np.int32)
    number[peaks] = np.arange(1, n_cores + 1)
    core = number[goal]
    core[~sure] = n_cores + 1
    row = foreground.shape[1]
    far = (at < (own.start - 1) * row) | (at >= own.stop * row)
    core[far & ~sure] = 0
    labels, n = _weak_apart(at, core, n_cores, foreground.shape)

    numbers = number.reshape(foreground.shape)
    near = [slice(max(0, edge - _TO_PEAK_PX), edge + _TO_PEAK_PX) for edge in (own.start, own.stop)]
    cores = numbers[near[0]].copy(), numbers[near[1]].copy()
    peak = np.zeros(n, np.int64)
    peak[:n_cores] = height.reshape(-1)[peaks]
    return Regions(labels, cores, height, peak, None, n, n_cores)


def agreement(peak: NDArray[Any], area: NDArray[Any]) -> NDArray[np.float64]:
    """Return how well the pixels of nuclei agree on a centre, 0..1.

    1 where their votes lie within about `_LOOSE` of the radius, as of the nuclei that are seen
    most surely.
    """
    spread = 1 + _LOOSE**2 * area / np.pi  # variance of the votes, with that of the smoothing
    share = peak / _VOTE * 2 * np.pi * spread / np.maximum(area, 1)
    return np.asarray(np.minimum(share, 1), np.float64)


def _aims(maps: NDArray[np.uint8], at: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the flat index that each of the pixels ``at`` votes for, within the part."""
    rows, columns = maps.shape[1:]
    y, x = np.divmod(at, np.int32(columns))
    y = (y + _STEP[maps[1].reshape(-1)[at]]).clip(0, rows - 1)
    x = (x + _STEP[maps[2].reshape(-1)[at]]).clip(0, columns - 1)
    return np.asarray(y * np.int32(columns) + x)


def _smoothed(votes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Smooth by (1, 2, 1) along each axis, twice, in whole numbers."""
    out = np.empty_like(votes)
    for rows in bands(votes.shape):
        seen = slice(max(0, rows.start - _SMOOTH_PX), rows.stop + _SMOOTH_PX)
        part = votes[seen]
        for axis in (0, 1):
            for _ in range(_SMOOTH_PX):
                part = binomial(part, axis)
        out[rows] = part[within(rows, seen)]
    return out


def _climb(
    votes: NDArray[np.int32], height: NDArray[np.int32], *, apart_px: int
) -> NDArray[np.int32]:
    """Return the flat index of the peak above each place that has votes; -1 if it is too far."""
    key = np.empty(votes.shape, np.int32)
    for rows in bands(votes.shape):
        seen = slice(max(0, rows.start - apart_px), rows.stop + apart_px)
        highest = _highest(height[seen], first=seen.start, reach=apart_px)
        key[rows] = highest[within(rows, seen)]
    place = np.flatnonzero(votes > 0).astype(np.int32)
    goal = place
    for _ in range(_HOPS):
        goal = _uphill(key, goal)
    peak = np.full(votes.size, -1, np.int32)
    peak[place] = np.where(_uphill(key, goal) == goal, goal, np.int32(-1))
    return peak


def _highest(height: NDArray[np.int32], *, first: int, reach: int) -> NDArray[np.int32]:
    """Return the greatest height within ``reach`` pixels, and where it is, in one number.

    Its low bits are row and column of that place, modulo `STEP_PX`; of equally high places the
    one with the greater bits wins, whoever looks, so that no path closes.
    """
    rows, columns = height.shape
    key = height << _BITS
    key += (np.arange(first, first + rows, dtype=np.int32) % STEP_PX)[:, None]
    key <<= _BITS
    key += np.arange(columns, dtype=np.int32) % STEP_PX
    for axis in (0, 1):
        key = _window_maximum(key, axis=axis, reach=reach)
    return key


def _window_maximum(key: NDArray[np.int32], *, axis: int, reach: int) -> NDArray[np.int32]:
    """Return the maximum over ``2 * reach + 1`` places along an axis, by doubling windows."""
    n = key.shape[axis]
    edges = [(reach, reach) if a == axis else (0, 0) for a in (0, 1)]
    wide = np.moveaxis(np.pad(key, edges, constant_values=-1), axis, 0)
    length = 1
    while 2 * length <= 2 * reach + 1:
        wide = np.maximum(wide[:-length], wide[length:])
        length *= 2
    rest = 2 * reach + 1 - length
    return np.moveaxis(np.maximum(wide[:n], wide[rest : rest + n]), 0, axis)


def _uphill(key: NDArray[np.int32], place: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the flat index of the highest place around each ``place``, from `_highest`."""
    columns = np.int32(key.shape[1])
    y, x = np.divmod(place, columns)
    seen, half = key.reshape(-1)[place], np.int32(STEP_PX // 2)
    down = (((seen >> _BITS) - y + half) & (STEP_PX - 1)) - half
    across = ((seen - x + half) & (STEP_PX - 1)) - half
    return np.asarray(place + down * columns + across)


def _weak_apart(
    at: NDArray[np.int32], core: NDArray[np.int32], n_cores: int, shape: tuple[int, ...]
) -> tuple[NDArray[np.int32], int]:
    """Return labels of the pixels ``at``; each weak piece has a number of its own.

    Weak is what has no peak (a core of ``n_cores + 1``), and what is small and apart.
    """
    labels = np.zeros(shape, np.int32)
    labels.reshape(-1)[at] = core
    pieces, n_pieces = components(labels)
    piece = pieces.reshape(-1)[at]
    label = np.zeros(n_pieces + 1, np.int32)
    label[piece] = core
    area = np.bincount(piece, minlength=n_pieces + 1)
    weak = (label > n_cores) | ((label > 0) & (area <= _PIECE_PX))
    n_weak = int(np.count_nonzero(weak))
    label[weak] = np.arange(n_cores + 1, n_cores + n_weak + 1)
    labels.reshape(-1)[at] = label[piece]
    return labels, n_cores + n_weak
