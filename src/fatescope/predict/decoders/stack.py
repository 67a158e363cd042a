"""Planes of a Z stack become nuclei in space: joined across Z by overlap."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.predict.decoders.join import group_of
from fatescope.predict.decoders.labels import FrameLabels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.predict.decoders.labels import PlaneLabels

LEAST_OVERLAP = 0.25
"""Outlines in neighbouring planes with this IoU, each the other's best, are one nucleus."""

_BAND_ROWS = 256  # held at a time; memory, never a result


def stack_planes(planes: Sequence[PlaneLabels], *, frame: int, stacked: bool) -> FrameLabels:
    """Return the labels of a frame; ``stacked`` where its image has an axis Z."""
    n, numbers = join_planes(planes)
    total, count = np.zeros(n + 1), np.zeros(n + 1)
    for plane, number in zip(planes, numbers, strict=True):
        total += np.bincount(number[1:], weights=plane.scores, minlength=n + 1)
        count += np.bincount(number[1:], minlength=n + 1)
    scores = (total / np.maximum(count, 1))[1:].astype(np.float32)
    depth = (len(planes),) if stacked else ()
    kind = np.min_scalar_type(n)
    stored = (b[a.number].astype(kind) for a, b in zip(planes, numbers, strict=True))
    return FrameLabels(frame, (*depth, *planes[0].shape), n, scores, tuple(planes), tuple(stored))


def join_planes(planes: Sequence[PlaneLabels]) -> tuple[int, list[NDArray[np.uint32]]]:
    """Return the number in the stack of every label of its planes.

    Parameters
    ----------
    planes : sequence of PlaneLabels
        One for each Z, in order.

    Returns
    -------
    int
        Number of nuclei.
    list of ndarray of uint32
        For each plane the number in the stack of each of its labels; entry 0 is 0. Numbers
        follow the first pixel, in the order of planes, rows and columns.
    """
    starts = np.concatenate([[0], np.cumsum([p.n for p in planes])]).astype(np.int64)
    pairs: list[tuple[int, int]] = []
    for z, (one, two) in enumerate(itertools.pairwise(planes)):
        base, following = int(starts[z]) - 1, int(starts[z + 1]) - 1
        pairs += [(base + a, following + b) for a, b in matching_outlines(one, two)]
    # Labels of a plane are in raster order, so groups by first item are in raster order too.
    group = group_of(int(starts[-1]), pairs)
    numbers = [
        np.concatenate([[0], group[starts[z] : starts[z + 1]] + 1]).astype(np.uint32)
        for z in range(len(planes))
    ]
    return int(group.max(initial=-1)) + 1, numbers


def matching_outlines(one: PlaneLabels, two: PlaneLabels) -> list[tuple[int, int]]:
    """Return pairs of labels that overlap most with each other, by IoU."""
    if not one.n or not two.n:
        return []
    codes: dict[int, int] = {}
    area_one = np.zeros(one.n + 1, np.int64)
    area_two = np.zeros(two.n + 1, np.int64)
    for first, a in one.bands(_BAND_ROWS):
        b = two.rows(first, first + len(a))
        area_one += np.bincount(a.reshape(-1), minlength=one.n + 1)
        area_two += np.bincount(b.reshape(-1), minlength=two.n + 1)
        for pair, count in _overlaps(a, b):
            codes[pair] = codes.get(pair, 0) + count
    if not codes:
        return []
    code = np.array(sorted(codes), np.int64)
    overlap = np.array([codes[c] for c in code.tolist()], np.int64)
    upper, lower = code >> 32, code & 0xFFFFFFFF
    iou = overlap / (area_one[upper] + area_two[lower] - overlap)
    mutual = _is_best(upper, iou) & _is_best(lower, iou) & (iou >= LEAST_OVERLAP)
    return list(zip(upper[mutual].tolist(), lower[mutual].tolist(), strict=True))


def _overlaps(a: NDArray[Any], b: NDArray[Any]) -> list[tuple[int, int]]:
    both = (a > 0) & (b > 0)
    code, count = np.unique(a[both].astype(np.int64) << 32 | b[both], return_counts=True)
    return list(zip(code.tolist(), count.tolist(), strict=True))


def _is_best(item: NDArray[np.int64], value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the first row with the largest value of each item."""
    order = np.lexsort((np.arange(len(item)), -value, item))
    best = np.zeros(len(item), np.bool_)
    first = np.ones(len(item), np.bool_)
    first[1:] = item[order][1:] != item[order][:-1]
    best[order[first]] = True
    return best
