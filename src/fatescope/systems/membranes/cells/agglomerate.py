"""Pieces of cells are put together where no wall stands between them."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import LabelImage

_BY_SIZE = (0.67, 1.25)
"""A fragment merges over half as strong a wall again, a whole cell over a weaker one only."""

Faces = dict[int, dict[int, tuple[float, int]]]
"""By two pieces: the sum of the wall over the face that they share, and its number of sides."""


def merge_over_weak_walls(
    pieces: LabelImage, wall: NDArray[np.float32], *, least: float
) -> NDArray[np.int32]:
    """Merge the two pieces with the weakest wall between them, until all walls are strong.

    Parameters
    ----------
    pieces : ndarray of int, shape (Y, X) or (Z, Y, X)
        0 = background. Pieces that touch share sides of voxels.
    wall : ndarray of float32, the same shape
        How strong the wall is at each voxel.
    least : float
        Mean over the whole face from which on it is a wall: a real wall is bright over most of
        its face, so a few bright voxels are not enough, nor are a few dim ones too many.

    Returns
    -------
    ndarray of int32
        Numbered from 1 without gaps, in the order of the pieces.

    References
    ----------
    Bailoni et al., "GASP, a generalized framework for agglomerative clustering of signed graphs",
    CVPR 2022: average linkage.
    """
    faces = faces_between(pieces, wall)
    parent = np.arange(int(pieces.max(initial=0)) + 1)
    size = np.bincount(pieces.ravel(), minlength=len(parent)).astype(np.float64)
    middle = float(np.median(size[1:][size[1:] > 0])) if size[1:].any() else 1.0

    def counted(i: int, j: int, strength: float) -> float:
        """Return the wall as it counts: the more, the larger the smaller piece already is."""
        ratio = np.cbrt(min(size[i], size[j]) / middle)
        return float(strength * np.clip(ratio, *_BY_SIZE))

    heap = [
        (counted(i, j, s / n), i, j, n)
        for i, js in faces.items()
        for j, (s, n) in js.items()
        if i < j
    ]
    heapq.heapify(heap)
    while heap and heap[0][0] < least:
        _, i, j, sides = heapq.heappop(heap)
        if faces.get(i, {}).get(j, (0.0, -1))[1] != sides:
            continue  # one of them has grown since
        size[i] += size[j]
        for k, (s, n) in faces.pop(j).items():
            del faces[k][j]
            if k == i:
                continue
            before = faces[i].get(k, (0.0, 0))
            both = before[0] + s, before[1] + n
            faces[i][k] = faces[k][i] = both
            strength = counted(i, k, both[0] / both[1])
            heapq.heappush(heap, (strength, min(i, k), max(i, k), both[1]))
        parent[parent == j] = i
    kept = np.unique(parent[np.unique(pieces)])
    number = np.zeros(len(parent), dtype=np.int32)
    number[kept[kept > 0]] = np.arange(1, np.count_nonzero(kept) + 1)
    return np.asarray(number[parent][pieces])


def faces_between(pieces: LabelImage, wall: NDArray[np.float32]) -> Faces:
    """Sum the wall over all sides that two pieces share; each side has the higher of its voxels."""
    n = int(pieces.max(initial=0)) + 1
    pairs, strengths = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)]
    for axis in range(pieces.ndim):
        here, there = (np.moveaxis(pieces, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
        low, high = (np.moveaxis(wall, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
        border = (here != there) & (here > 0) & (there > 0)
        a, b = here[border].astype(np.int64), there[border].astype(np.int64)
        pairs.append(np.minimum(a, b) * n + np.maximum(a, b))
        strengths.append(np.maximum(low[border], high[border]))
    pair, inverse = np.unique(np.concatenate(pairs), return_inverse=True)
    sides = np.bincount(inverse, minlength=len(pair))
    sums = np.bincount(inverse, np.concatenate(strengths), minlength=len(pair))
    faces: Faces = {}
    for p, s, c in zip(pair.tolist(), sums.tolist(), sides.tolist(), strict=True):
        i, j = divmod(p, n)
        faces.setdefault(i, {})[j] = faces.setdefault(j, {})[i] = (s, c)
    return faces
