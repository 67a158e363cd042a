"""From the maps of planes to nuclei in space: every voxel climbs to the peak of its nucleus.

A network sees planes, one at a time. What it draws there is deepest in the middle of an outline,
and a nucleus is brightest in its middle plane, so depth times light has one peak in each nucleus,
also where two lie above one another and their outlines overlap through all planes between them.

1. height: depth in the outline, times foreground, times light; smoothed on the physical grid.
2. every voxel of the foreground climbs to the highest of its neighbours, to a peak.
   Maps that a network in space drew need neither light nor much smoothing.
3. peaks without a valley between them are one nucleus: the way from the lower peak to the higher
   falls by less than a tenth. How large nuclei of this volume are is then known, and it is decided
   again: what would be too large for one, its peaks far apart, needs hardly a valley to be two;
   what is not too large needs a deep one.
4. planes far from the middle of a nucleus, where little of its light is left, are blur.

Volumes are handled in blocks whose borders the shape alone decides. Blocks overlap by more than a
nucleus, a region is known by the place of its peak, and all sums are of whole numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.decoders.climbing import highest_neighbour
from fatescope.predict.tiling import FULL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SMOOTH = 0.25, 0.3
"""Standard deviations of the smoothing in a plane and along Z, in radii of a nucleus."""

DRAWN_SMOOTH, DRAWN_VALLEY = 0.12, 0.8
"""Smoothing along every axis, and what `VALLEY` is, where a network in space drew the maps: these
show one peak in each nucleus, however large, so that sizes decide nothing (record 0390)."""

FOREGROUND_SMOOTH = 0.3
"""The same of the foreground, along Z alone: noise differs from plane to plane, outlines do not."""

VALLEY = 0.9
"""Peaks with a way between them that stays above this share of the lower one are one nucleus."""

LARGE, PART, APART = 1.4, 0.4, 0.8
SHALLOW, DEEP = 0.99, 0.8
"""Of the median nucleus, what is too large for one, and how large each of two must be then; how far
apart their peaks, in radii of a ball of both: two balls that touch have 1.6, two maxima in one
nucleus less. The shares hold instead of `VALLEY` above and below that (records 0395, 0397)."""

SMALL = 0.3
"""Of the median nucleus: less is a part of one, more often than a nucleus (record 0397)."""

LIGHT = 0.35
"""Of its brightest plane, what a plane of a nucleus must hold: less is blur from other planes."""

LEAST_VOLUME, LEAST_SCORE = 0.05, 0.6
"""Of a typical nucleus, and of the foreground: what is less is no nucleus. All these numbers were
chosen on embryos 1 to 7 of the mouse set and on rendered worms (decision record 0376)."""

_TRUNCATE = 3.0  # of a Gaussian, in standard deviations: 0.3 % lie beyond
_HALO = 5.0  # radii around a block
_UNITS = 2**20  # of a height of 1
_BLOCK_PX, _BLOCK_PLANES, _BLOCK_ROWS = 2**23, 96, 32  # of a block; memory, never a result


@dataclass(frozen=True, slots=True, kw_only=True)
class SolidGrid:
    """Where a volume is decoded: its lengths, the radius of a nucleus in pixels and in planes."""

    shape: tuple[int, int, int]
    radius: float
    radius_planes: float
    drawn: bool = False
    """Whether the maps were drawn in space: depth has one peak in each nucleus already."""

    @property
    def ball(self) -> float:
        """Voxels of a nucleus."""
        return 4 / 3 * math.pi * self.radius**2 * max(1.0, self.radius_planes)

    def in_radii(self, place: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return flat places as Z, Y and X, in radii of a nucleus; shape (n, 3)."""
        at = np.stack(np.unravel_index(place, self.shape), axis=1)
        return np.asarray(at / np.array([self.radius_planes, self.radius, self.radius]))

    def blocks(self) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
        """Yield planes and rows that a block accounts for, and those that it looks at."""
        planes, rows, columns = self.shape
        depth = min(planes, _BLOCK_PLANES)
        height = max(_BLOCK_ROWS, _BLOCK_PX // max(1, depth * columns))
        halo = math.ceil(_HALO * self.radius_planes), math.ceil(_HALO * self.radius)
        for first in product(range(0, planes, depth), range(0, rows, height)):
            own = tuple(
                slice(f, min(f + step, n))
                for f, step, n in zip(first, (depth, height), (planes, rows), strict=True)
            )
            seen = tuple(
                slice(max(0, o.start - h), min(n, o.stop + h))
                for o, h, n in zip(own, halo, (planes, rows), strict=True)
            )
            yield (own[0], own[1]), (seen[0], seen[1])


@dataclass(slots=True)
class SolidSums:
    """Sums over the regions of the blocks seen so far; numbers are provisional, from 1."""

    peak: list[NDArray[np.int64]] = field(default_factory=list)  # flat place in the volume
    height: list[NDArray[np.int64]] = field(default_factory=list)
    first: list[NDArray[np.int64]] = field(default_factory=list)
    parts: list[NDArray[np.int64]] = field(default_factory=list)  # region, plane, n, shade, light
    contacts: list[NDArray[np.int64]] = field(default_factory=list)  # a, b, saddle
    n: int = 0


def add_block(
    sums: SolidSums,
    foreground: NDArray[np.uint8],
    depth: NDArray[np.uint8],
    light: NDArray[np.uint8],
    *,
    grid: SolidGrid,
    own: tuple[slice, slice],
    seen: tuple[slice, slice],
    least: float,
) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Add a block; return provisional labels and the smoothed foreground of its own voxels.

    Parameters
    ----------
    sums : SolidSums
        Changed in place.
    foreground, depth, light : ndarray of uint8, shape (Z, Y, X)
        Of the planes and rows in ``seen``.
    grid : SolidGrid
    own, seen : tuple of slice
        From `SolidGrid.blocks`.
    least : float
        Least foreground of a voxel of a nucleus, 0..1.
    """
    if grid.drawn:
        shade, light = foreground, np.full_like(light, FULL)
    else:
        shade = smooth_along_z(foreground, grid)
    inside = shade >= max(1, round(least * FULL))
    height = _height(depth, light, grid)
    labels, peaks = climb(inside, height)
    corner = np.array([seen[0].start, seen[1].start, 0])
    at = np.stack(np.unravel_index(peaks, height.shape), axis=1) + corner
    mine = tuple(slice(o.start - s.start, o.stop - s.start) for o, s in zip(own, seen, strict=True))
    sums.peak.append(np.ravel_multi_index(tuple(at.T), grid.shape).astype(np.int64))
    sums.height.append(height.reshape(-1)[peaks].astype(np.int64))
    owned = labels[mine]
    first, parts = _sums_of(owned, shade[mine], light[mine], len(peaks), own, grid)
    parts[:, 0] += sums.n
    sums.first.append(first)
    sums.parts.append(parts)
    contacts = _saddles(labels, height, mine)
    contacts[:, :2] += sums.n
    sums.contacts.append(contacts)
    provisional = np.where(owned > 0, owned.astype(np.int64) + sums.n, 0).astype(np.uint32)
    sums.n += len(peaks)
    return provisional, shade[mine]


def climb(
    inside: NDArray[np.bool_], height: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Label each voxel by the peak that it climbs to; return the flat places of peaks too."""
    uphill = highest_neighbour(inside, height)
    at = np.flatnonzero(inside)
    row = np.zeros(height.size, np.int32)
    row[at] = np.arange(len(at), dtype=np.int32)
    goal = row[at + uphill.steps[uphill.code.reshape(-1)[at]]]
    while True:
        further = goal[goal]
        if np.array_equal(further, goal):
            break
        goal = further
    peaks, number = np.unique(goal, return_inverse=True)
    labels = row  # its memory is used again
    labels[at] = number + 1
    return labels.reshape(height.shape), at[peaks]


def smooth_along_z(foreground: NDArray[np.uint8], grid: SolidGrid) -> NDArray[np.uint8]:
    """Return foreground (Z, Y, X) smoothed along Z by `FOREGROUND_SMOOTH`."""
    from scipy import ndimage as ndi

    sigma = FOREGROUND_SMOOTH * grid.radius_planes
    smooth = ndi.gaussian_filter1d(
        foreground, sigma, axis=0, output=np.float32, mode="nearest", truncate=_TRUNCATE
    )
    return np.asarray(np.rint(smooth, out=smooth), np.uint8)


def along_z_reach(grid: SolidGrid) -> int:
    """Return how many planes away `smooth_along_z` looks."""
    return int(_TRUNCATE * FOREGROUND_SMOOTH * grid.radius_planes + 0.5)


def _height(
    depth: NDArray[np.uint8], light: NDArray[np.uint8], grid: SolidGrid
) -> NDArray[np.int32]:
    from scipy import ndimage as ndi

    height = depth.astype(np.float32)
    height *= light
    height *= np.float32(_UNITS / FULL**2)
    along, across = (DRAWN_SMOOTH, DRAWN_SMOOTH) if grid.drawn else SMOOTH[::-1]
    sigma = along * grid.radius_planes, across * grid.radius, across * grid.radius
    for axis, s in enumerate(sigma):
        height = ndi.gaussian_filter1d(height, s, axis=axis, mode="constant", truncate=_TRUNCATE)
    return height.astype(np.int32)


def _sums_of(
    labels: NDArray[np.int32],
    shade: NDArray[np.uint8],
    light: NDArray[np.uint8],
    n: int,
    own: tuple[slice, slice],
    grid: SolidGrid,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first voxel of each region, and its sums in each plane."""
    rows, columns = grid.shape[1:]
    first = np.full(n + 1, np.iinfo(np.int64).max)
    parts = []
    for z, plane in enumerate(labels):
        at = np.flatnonzero(plane)
        label = plane.reshape(-1)[at]
        place = at + ((own[0].start + z) * rows + own[1].start) * columns
        np.minimum.at(first, label[::-1], place[::-1])
        count = np.bincount(label, minlength=n + 1)
        sums = [
            np.bincount(label, v[z].reshape(-1)[at], minlength=n + 1).astype(np.int64)
            for v in (shade, light)
        ]
        here = np.flatnonzero(count)
        plane_of = np.full(len(here), own[0].start + z)
        parts.append(np.stack([here, plane_of, count[here], *(s[here] for s in sums)], axis=1))
    return first[1:], np.concatenate(parts).astype(np.int64)


def _saddles(
    labels: NDArray[np.int32], height: NDArray[np.int32], mine: tuple[slice, ...]
) -> NDArray[np.int64]:
    """Return for each two regions that touch the highest place on their common border.

    Neighbours across the first own plane and row count; those beyond the last are of later blocks.
    """
    codes, saddles = [], []
    for axis in range(3):
        span = [*mine, slice(None)]
        if axis < 2:
            span[axis] = slice(max(0, mine[axis].start - 1), mine[axis].stop)
        part = np.moveaxis(labels[tuple(span)], axis, 0)
        level = np.moveaxis(height[tuple(span)], axis, 0)
        low, high = part[:-1], part[1:]
        touch = (low != high) & (low > 0) & (high > 0)
        a, b = low[touch].astype(np.int64), high[touch].astype(np.int64)
        codes.append(np.minimum(a, b) << 32 | np.maximum(a, b))
        saddles.append(np.minimum(level[:-1][touch], level[1:][touch]))
    code, saddle = _highest(np.concatenate(codes), np.concatenate(saddles).astype(np.int64))
    return np.stack([code >> 32, code & 0xFFFFFFFF, saddle], axis=1)


def _highest(
    code: NDArray[np.int64], value: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each code once, with its greatest value."""
    unique, row = np.unique(code, return_inverse=True)
    most = np.full(len(unique), -1, np.int64)
    np.maximum.at(most, row, value)
    return unique, most


@dataclass(frozen=True, slots=True)
class Solids:
    """Nuclei of a volume: from provisional numbers to labels, and the planes that each fills."""

    label_of: NDArray[np.uint32]  # (n_provisional + 1,), 0 = dropped
    score: NDArray[np.float32]  # (n,)
    filled: NDArray[np.bool_]  # (n + 1, planes)
    width: float = 0.0  # of the median nucleus, in those of the grid; 0 where none was found
    small: float = 0.0  # share of nuclei with less than `SMALL` of the median volume

    @property
    def n(self) -> int:
        """Number of nuclei."""
        return len(self.score)


def join_solids(sums: SolidSums, grid: SolidGrid) -> Solids:
    """Decide which regions are one nucleus and which are kept; number them in raster order."""
    planes = grid.shape[0]
    if not sums.n:
        none = np.zeros(0, np.float32)
        return Solids(np.zeros(1, np.uint32), none, np.zeros((1, planes), np.bool_))
    place, region = np.unique(np.concatenate(sums.peak), return_inverse=True)
    height = np.zeros(len(place), np.int64)
    np.maximum.at(height, region, np.concatenate(sums.height))
    contacts = np.concatenate(sums.contacts)
    a, b = region[contacts[:, 0] - 1], region[contacts[:, 1] - 1]
    contacts[:, 0], contacts[:, 1] = np.minimum(a, b), np.maximum(a, b)
    parts = np.concatenate(sums.parts).T
    size = np.zeros(len(place), np.int64)
    np.add.at(size, region[parts[0] - 1], parts[2])

    regions = _Regions(
        height, size, grid.in_radii(place), 1 / (grid.radius**2 * grid.radius_planes)
    )
    valley = DRAWN_VALLEY if grid.drawn else VALLEY
    nucleus = _without_valleys(regions, contacts, valley=valley, typical=None)
    found, _, _ = _nuclei(nucleus[region], parts, grid)
    typical = float(np.median(np.bincount(nucleus, size)[found])) if found.any() else 0.0
    if typical and not grid.drawn:
        nucleus = _without_valleys(regions, contacts, valley=valley, typical=typical)
    size = np.bincount(nucleus, size)
    nucleus = nucleus[region]
    found, score, filled = _nuclei(nucleus, parts, grid)
    n = len(found)
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, nucleus, np.concatenate(sums.first))
    kept = np.flatnonzero(found)
    kept = kept[np.argsort(first[kept], kind="stable")]
    number = np.zeros(n, np.uint32)
    number[kept] = np.arange(1, len(kept) + 1)
    label_of = np.concatenate([[0], number[nucleus]]).astype(np.uint32)
    filled = np.concatenate([np.zeros((1, planes), np.bool_), filled[kept]])
    small = float(np.mean(size[found] < SMALL * np.median(size[found]))) if found.any() else 0.0
    width = math.cbrt(typical / grid.ball)
    return Solids(label_of, score[kept].astype(np.float32), filled, width, small)


def _nuclei(
    nucleus: NDArray[np.int64], parts: NDArray[np.int64], grid: SolidGrid
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.bool_]]:
    """Return which nuclei are kept, their scores, and the planes that each fills.

    ``nucleus`` is that of each provisional region, ``parts`` the sums of `SolidSums`, a row each.
    """
    of, plane, count, shade, light = parts
    table = np.zeros((3, int(nucleus.max()) + 1, grid.shape[0]), np.int64)
    for sum_of, values in zip(table, (count, shade, light), strict=True):
        np.add.at(sum_of, (nucleus[of - 1], plane), values)
    filled = _bright_planes(table[2] / np.maximum(table[0], 1))
    volume = (table[0] * filled).sum(axis=1)
    score = (table[1] * filled).sum(axis=1) / np.maximum(volume, 1) / FULL
    kept = (volume >= LEAST_VOLUME * grid.ball) & (score >= LEAST_SCORE)
    return kept, score, filled


@dataclass(frozen=True, slots=True)
class _Regions:
    """What climbed to one peak each."""

    height: NDArray[np.int64]
    voxels: NDArray[np.int64]
    peak: NDArray[np.float64]  # its place, in radii of a nucleus
    voxel: float  # its volume, in radii cubed


def _without_valleys(
    regions: _Regions, contacts: NDArray[np.int64], *, valley: float, typical: float | None
) -> NDArray[np.int64]:
    """Return the nucleus of each region: joined from the highest saddle down.

    ``contacts`` are rows of two regions and their saddle, ``typical`` the voxels of the median
    nucleus, where it is known.
    """
    apart = contacts[:, 0] != contacts[:, 1]
    a, b, saddle = contacts[apart].T
    code, saddle = _highest(a << 32 | b, saddle)
    order = np.lexsort((code, -saddle))
    peak, voxels = regions.height.tolist(), regions.voxels.tolist()
    parent, peaks = list(range(len(peak))), regions.peak.tolist()

    def top(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    def far_apart(one: int, two: int, both: int) -> bool:
        radius = math.cbrt(3 / 4 / math.pi * both * regions.voxel)
        return math.dist(peaks[one], peaks[two]) > APART * radius

    def is_valley(one: int, two: int, level: int) -> bool:
        share = valley
        if typical is not None:
            least, both = min(voxels[one], voxels[two]), voxels[one] + voxels[two]
            if both < LARGE * typical:
                share = DEEP
            elif least > PART * typical and far_apart(one, two, both):
                share = SHALLOW
        return level < share * float(min(peak[one], peak[two]))

    for pair, level in zip(code[order].tolist(), saddle[order].tolist(), strict=True):
        one, two = top(pair >> 32), top(pair & 0xFFFFFFFF)
        if one != two and not is_valley(one, two, level):
            low, high = sorted((one, two), key=lambda i: (peak[i], -i))
            parent[low] = high
            voxels[high] += voxels[low]
    return np.unique([top(i) for i in range(len(parent))], return_inverse=True)[1]


def _bright_planes(mean: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return the planes around the brightest one of each nucleus that hold enough of its light."""
    dark = mean < LIGHT * mean.max(axis=1, keepdims=True)
    run = np.cumsum(dark, axis=1)
    brightest = np.argmax(mean, axis=1)
    same = run == np.take_along_axis(run, brightest[:, None], axis=1)
    return np.asarray(same & ~dark & (mean > 0))
