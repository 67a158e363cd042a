"""From proposed boxes to objects: peaks, what overlaps, and probabilities that are right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from fatescope.models.outputs import BOX_CORNERS
from fatescope.predict.tiling import make_grid, read_tile

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.models.description import ModelDescription
    from fatescope.models.outputs import Boxes
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.tiling import Network, Pixels, TileGrid

_TINY = 1e-6  # in place of zero in a quotient or logarithm


@dataclass(frozen=True, slots=True)
class FoundBoxes:
    """Boxes of one plane, best first."""

    corners: FloatArray  # (n, 4): y0, x0, y1, x1 in pixels of the image, half-open
    score: FloatArray  # (n,) 0-1 that something is there
    p: FloatArray  # (n, classes), each row sums to 1

    def __len__(self) -> int:
        return len(self.score)

    def rows(self, which: BoolArray | IntArray) -> FoundBoxes:
        """Return some of them."""
        return FoundBoxes(self.corners[which], self.score[which], self.p[which])


def find_boxes(
    network: Network,
    pixels: Pixels,
    statistics: PlaneStatistics,
    model: ModelDescription,
    output: Boxes,
    *,
    scale: tuple[float, float],
) -> FoundBoxes:
    """Find the boxes of a plane, tile by tile.

    Parameters
    ----------
    network : Network
        Gives (B, N, C), as ``output`` says.
    pixels : Pixels
    statistics : PlaneStatistics
        Of the whole plane.
    model : ModelDescription
        Decides the tile grid.
    output : Boxes
        Thresholds and stride.
    scale : tuple of float
        Working pixels per input pixel, down and across.

    Returns
    -------
    FoundBoxes
        Cut off at the edge of the image. A box belongs to the tile that holds its peak.
    """
    grid = make_grid(pixels.shape, scale, model)
    parts = []
    for place in product(*(range(len(t.starts)) for t in grid.tiles)):
        starts = [tiles.starts[i] for tiles, i in zip(grid.tiles, place, strict=True)]
        tile = read_tile(pixels, grid, statistics, *starts)
        found = _propose(network, tile, output)
        parts.append(_of_tile(found, grid, place, tile.shape, output))
    found = np.concatenate(parts)
    found[:, :4] = np.clip(found[:, :4] / np.tile(scale, 2), 0, np.tile(pixels.shape, 2))
    found = found[(found[:, :2] < found[:, 2:4]).all(axis=1)]
    found = found[np.lexsort((found[:, 1], found[:, 0], -found[:, 4]))]
    found = found[distinct_boxes(found[:, :4], most_overlap=output.most_overlap)]
    corners, score, p = found[:, :4], found[:, 4], found[:, len(BOX_CORNERS) :]
    return FoundBoxes(corners, score, calibrated_scores(p, output.temperature))


def _propose(network: Network, tile: FloatArray, output: Boxes) -> FloatArray:
    """Return what a network proposes for a tile, (N, C): as it is, or the mean over mirror images.

    A point and its mirror image see the same cell; their boxes, scores and probabilities are
    averaged, so that grain which happens to look like a cell counts less.
    """
    as_is = np.asarray(network.run(tile[None, None])[0])
    if not output.mirrored:
        return as_is
    points = tuple(n // output.stride_px for n in tile.shape)
    total = as_is.astype(np.float64)
    for axes in ((0,), (1,), (0, 1)):
        flipped = np.ascontiguousarray(np.flip(tile, axes))
        seen = np.asarray(network.run(flipped[None, None])[0]).reshape(*points, -1)
        seen = np.flip(seen, axes).reshape(as_is.shape).astype(np.float64)
        for axis in axes:
            near, far = seen[:, axis].copy(), seen[:, axis + 2].copy()
            seen[:, axis], seen[:, axis + 2] = tile.shape[axis] - far, tile.shape[axis] - near
        total += seen
    return np.asarray(total / 4)


def _of_tile(
    values: FloatArray,
    grid: TileGrid,
    place: Sequence[int],
    shape: tuple[int, ...],
    output: Boxes,
) -> FloatArray:
    """Return the peaks of a tile that lie where the tile is used, on the whole working grid."""
    points = tuple(n // output.stride_px for n in shape)
    scores = values[:, len(BOX_CORNERS) - 1].reshape(points)
    chosen = np.argwhere(is_peak(scores) & (scores >= output.least_score))
    at = (chosen + 0.5) * output.stride_px
    starts = [tiles.starts[i] for tiles, i in zip(grid.tiles, place, strict=True)]
    used = [tiles.edges[i : i + 2] for tiles, i in zip(grid.tiles, place, strict=True)]
    inside = np.ones(len(at), np.bool_)
    for axis, (start, (low, high)) in enumerate(zip(starts, used, strict=True)):
        inside &= (at[:, axis] + start >= low) & (at[:, axis] + start < high)
    rows = chosen[inside]
    found = values[rows[:, 0] * points[1] + rows[:, 1]].astype(np.float64)
    found[:, :4] += np.tile(starts, 2)
    return np.asarray(found)


def is_peak(scores: FloatArray) -> BoolArray:
    """Return where no neighbour is higher; of equal neighbours the first in reading order.

    Examples
    --------
    >>> is_peak(np.array([[0.2, 0.9, 0.9, 0.1]]))
    array([[False,  True, False, False]])
    """
    padded = np.pad(scores, 1, constant_values=-np.inf)
    rows, columns = scores.shape
    peak = np.ones(scores.shape, np.bool_)
    for dy, dx in product((-1, 0, 1), repeat=2):
        other = padded[1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + columns]
        if (dy, dx) < (0, 0):
            peak &= scores > other
        elif (dy, dx) > (0, 0):
            peak &= scores >= other
    return peak


def distinct_boxes(corners: FloatArray, *, most_overlap: float) -> IntArray:
    """Return the boxes, best first, that overlap no better one too much.

    Parameters
    ----------
    corners : ndarray of float, shape (n, 4)
        Best first.
    most_overlap : float
        Largest IoU of two boxes that are kept; a box whose centre pixel is that of a better one
        is never kept.
    """
    area = np.prod(np.maximum(corners[:, 2:] - corners[:, :2], 0), axis=1)
    widest = float((corners[:, 2] - corners[:, 0]).max(initial=0))
    middle = np.floor((corners[:, :2] + corners[:, 2:]) / 2)
    order = np.argsort(corners[:, 0], kind="stable")
    top = corners[order, 0]
    kept = np.ones(len(corners), np.bool_)
    for i in range(len(corners)):
        if not kept[i]:
            continue
        low = np.searchsorted(top, corners[i, 0] - widest, side="left")
        high = np.searchsorted(top, corners[i, 2], side="right")
        near = order[low:high]
        near = near[(near > i) & kept[near]]
        lows = np.maximum(corners[near, :2], corners[i, :2])
        highs = np.minimum(corners[near, 2:], corners[i, 2:])
        both = np.prod(np.maximum(highs - lows, 0), axis=1)
        iou = both / np.maximum(area[near] + area[i] - both, _TINY)
        same = (middle[near] == middle[i]).all(axis=1)
        kept[near[(iou > most_overlap) | same]] = False
    return np.flatnonzero(kept)


def calibrated_scores(p: FloatArray, temperature: float) -> FloatArray:
    """Return probabilities whose logarithms are divided by a temperature.

    Examples
    --------
    >>> calibrated(np.array([[0.9, 0.1]]), 2.0).round(2)
    array([[0.75, 0.25]])
    """
    logits = np.log(np.clip(p, _TINY, 1.0)) / temperature
    raised = np.exp(logits - logits.max(axis=1, keepdims=True, initial=-np.inf))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
