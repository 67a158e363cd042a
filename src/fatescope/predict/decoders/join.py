"""Regions of the parts of a plane become nuclei of the plane: exactly, for any division.

Parts overlap. A core that two parts see has two numbers on the same pixels; these are one.
Everything else that must be known of whole regions is a sum of whole numbers, so the order and
the size of parts cannot change it. Regions are put in the order of their first pixel before any
choice is made between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.numeric import find_runs
from fatescope.predict.tiling import FULL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fatescope.models.outputs import Thresholds
    from fatescope.predict.decoders.regions import Regions

_NOWHERE = np.int64(2**62)


@dataclass(slots=True)
class RegionSums:
    """Sums over the regions of the parts seen so far; numbers are provisional, from 1.

    ``same`` are pairs of provisional numbers of one region; ``contacts`` have columns
    (a, b, pixels, border, height).
    """

    area: list[NDArray[np.int64]] = field(default_factory=list)
    shade: list[NDArray[np.int64]] = field(default_factory=list)
    peak: list[NDArray[np.int64]] = field(default_factory=list)
    first: list[NDArray[np.int64]] = field(default_factory=list)
    cored: list[NDArray[np.bool_]] = field(default_factory=list)
    same: list[NDArray[np.int64]] = field(default_factory=list)
    contacts: list[NDArray[np.int64]] = field(default_factory=list)
    n: int = 0


def add_part(
    sums: RegionSums, regions: Regions, maps: NDArray[np.uint8], *, own: slice, offset: int
) -> NDArray[np.uint32]:
    """Add the own rows of a part; return their labels as provisional numbers.

    Parameters
    ----------
    sums : RegionSums
        Changed in place.
    regions : Regions
        Of the part with the rows around it.
    maps : ndarray of uint8, shape (3, *regions.labels.shape)
    own : slice
        Rows along the first axis that this part, and no other, accounts for.
    offset : int
        Flat index, in the whole plane, of the first own pixel.
    """
    mine = regions.labels[own]
    size = regions.n + 1
    runs = find_runs([mine.reshape(-1)])
    start, (label,) = runs.start, runs.values
    area = np.bincount(label, weights=runs.length, minlength=size)
    shades = np.add.reduceat(maps[0][own].reshape(-1), start, dtype=np.int64)
    shade = np.bincount(label, weights=shades, minlength=size)
    first = np.full(size, _NOWHERE, np.int64)
    first[label[::-1]] = start[::-1] + offset
    cored = np.arange(size) <= regions.n_cores

    sums.area.append(area[1:].astype(np.int64))
    sums.shade.append(shade[1:].astype(np.int64))
    sums.peak.append(regions.peak)
    sums.first.append(first[1:])
    sums.cored.append(cored[1:])
    contacts = _contacts(regions, own)
    contacts[:, :2] += sums.n
    sums.contacts.append(contacts)
    provisional = mine.astype(np.uint32)
    provisional += np.uint32(sums.n)
    provisional *= mine > 0
    sums.n += regions.n
    return provisional


def pair_parts(
    before: NDArray[np.int32], after: NDArray[np.int32], *, offsets: tuple[int, int]
) -> NDArray[np.int64]:
    """Return which provisional numbers of two parts lie on the same pixels of their overlap."""
    both = (before > 0) & (after > 0)
    pairs = np.unique(before[both].astype(np.int64) << 32 | after[both])
    return np.stack([(pairs >> 32) + offsets[0], (pairs & 0xFFFFFFFF) + offsets[1]], axis=1)


def _contacts(regions: Regions, own: slice) -> NDArray[np.int64]:
    """Return one row for each two regions that touch: a, b, pixels, border, height.

    Neighbours across the first own row count; across the last own row the next part counts them.
    """
    labels = regions.labels
    codes, edges, heights = [], [], []
    for axis in range(labels.ndim):
        span = slice(max(0, own.start - 1), own.stop) if axis == 0 else own
        part, level = labels[span].reshape(-1), regions.height[span].reshape(-1)
        stride = int(np.prod(labels.shape[axis + 1 :]))
        low = np.flatnonzero(part[:-stride] != part[stride:])
        if axis:  # the last of a line and the first of the next are no neighbours
            low = low[low // stride % labels.shape[axis] < labels.shape[axis] - 1]
        a, b = part[low].astype(np.int64), part[low + stride].astype(np.int64)
        touch = (a > 0) & (b > 0)
        low, a, b = low[touch], a[touch], b[touch]
        codes.append(np.minimum(a, b) << 32 | np.maximum(a, b))
        edge = np.zeros(part.shape, np.uint8) if regions.border is None else regions.border[span]
        edges.append(np.maximum(edge.reshape(-1)[low], edge.reshape(-1)[low + stride]))
        heights.append(np.minimum(level[low], level[low + stride]))
    code = np.concatenate(codes)
    unique, row = np.unique(code, return_inverse=True)
    sums = [
        np.bincount(row, weights=np.concatenate(w), minlength=len(unique)) for w in (edges, heights)
    ]
    count = np.bincount(row, minlength=len(unique))
    return np.stack(
        [unique >> 32, unique & 0xFFFFFFFF, count, *(s.astype(np.int64) for s in sums)], axis=1
    ).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Joined:
    """Nuclei of the whole plane: from provisional numbers to labels, and a score for each."""

    label_of: NDArray[np.uint32]  # (n_provisional + 1,), 0 = dropped
    score: NDArray[np.float32]  # (n,), of label 1..n
    first: NDArray[np.int64]  # (n,), flat index of the first working pixel

    @property
    def n(self) -> int:
        """Number of nuclei."""
        return len(self.score)


def join_regions(sums: RegionSums, thresholds: Thresholds) -> Joined:
    """Decide which regions are one nucleus and which are kept; number them in raster order.

    Fragments are merged where their common edge has little border and much distance; weak
    regions join the neighbour they touch most, under the same rule for the border alone.
    """
    if not sums.n:
        return Joined(np.zeros(1, np.uint32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    region, n = _roots(sums.n, np.concatenate([*sums.same, np.empty((0, 2), np.int64)]) - 1)
    first = np.full(n, _NOWHERE, np.int64)
    np.minimum.at(first, region, np.concatenate(sums.first))
    order = np.argsort(first, kind="stable")
    rank = np.empty(n, np.int64)
    rank[order] = np.arange(n)
    region, first = rank[region], first[order]

    area = _total(region, sums.area, n)
    peak = np.zeros(n, np.int64)
    np.maximum.at(peak, region, np.concatenate(sums.peak))
    cored = np.zeros(n, np.bool_)
    np.logical_or.at(cored, region, np.concatenate(sums.cored))
    contacts = _gather(region, np.concatenate(sums.contacts))
    pairs = _merges(contacts, peak, cored, thresholds)
    nucleus, m = _roots(n, pairs)

    total = np.bincount(nucleus, weights=area, minlength=m)
    shade = np.bincount(nucleus, weights=_total(region, sums.shade, n), minlength=m)
    score = shade / np.maximum(total, 1) / FULL
    start = np.full(m, _NOWHERE, np.int64)
    np.minimum.at(start, nucleus, first)
    keep = (total >= max(1, thresholds.min_area_px)) & (score >= thresholds.min_score)
    kept = np.flatnonzero(keep)
    kept = kept[np.argsort(start[kept], kind="stable")]
    number = np.zeros(m, np.uint32)
    number[kept] = np.arange(1, len(kept) + 1)
    label_of = np.concatenate([[0], number[nucleus[region]]]).astype(np.uint32)
    return Joined(label_of, score[kept].astype(np.float32), start[kept])


def _merges(
    contacts: NDArray[np.int64],
    peak: NDArray[np.int64],
    cored: NDArray[np.bool_],
    thresholds: Thresholds,
) -> NDArray[np.int64]:
    """Return pairs of regions that are one nucleus."""
    if not len(contacts):
        return np.empty((0, 2), np.int64)
    a, b, count, border, height = contacts.T
    soft = border <= thresholds.merge_border * FULL * count
    high = height >= thresholds.merge_distance * np.minimum(peak[a], peak[b]) * count
    fragments = contacts[soft & high & cored[a] & cored[b], :2]

    one_weak = soft & (cored[a] != cored[b])
    weak = np.where(cored[a], b, a)[one_weak]
    home = np.where(cored[a], a, b)[one_weak]
    order = np.lexsort((home, -count[one_weak], weak))
    weak, home = weak[order], home[order]
    best = np.ones(len(weak), np.bool_)
    best[1:] = weak[1:] != weak[:-1]
    return np.concatenate([fragments, np.stack([weak[best], home[best]], axis=1)])


def _gather(region: NDArray[np.int64], contacts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Add up contacts of the same two regions, in the order of the regions."""
    a, b = region[contacts[:, 0] - 1], region[contacts[:, 1] - 1]
    apart = a != b
    low, high = np.minimum(a, b)[apart], np.maximum(a, b)[apart]
    unique, row = np.unique(low << 32 | high, return_inverse=True)
    sums = [
        np.bincount(row, weights=contacts[apart, k], minlength=len(unique)).astype(np.int64)
        for k in (2, 3, 4)
    ]
    return np.stack([unique >> 32, unique & 0xFFFFFFFF, *sums], axis=1)


def _total(region: NDArray[np.int64], parts: list[NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    return np.bincount(region, weights=np.concatenate(parts), minlength=n).astype(np.int64)


def _roots(n: int, pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return the group of each of ``n`` items that ``pairs`` tie together, and how many groups."""
    parent = list(range(n))

    def find(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in pairs.tolist():
        one, two = find(a), find(b)
        if one != two:
            parent[max(one, two)] = min(one, two)
    if not len(pairs):
        return np.arange(n, dtype=np.int64), n
    roots = np.array([find(i) for i in range(n)], np.int64)
    unique, group = np.unique(roots, return_inverse=True)
    return group.astype(np.int64), len(unique)


def group_of(n: int, pairs: Iterable[tuple[int, int]]) -> NDArray[np.int64]:
    """Return the group, from 0 in the order of its first item, of each of ``n`` items."""
    listed = np.array(list(pairs), np.int64).reshape(-1, 2)
    return _roots(n, listed)[0]
