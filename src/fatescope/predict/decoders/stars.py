"""Star-convex polygons: what a network proposes for each pixel becomes outlines of nuclei.

A network of this kind gives, for each pixel, the probability that it lies within a nucleus and how
far the outline of that nucleus is along some rays. Of polygons that share much, the most probable
stays.

References
----------
Schmidt, Weigert, Broaddus and Myers, Cell detection with star-convex polygons, MICCAI 2018,
doi 10.1007/978-3-030-00934-2_30.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Self

import numpy as np

from fatescope.base.errors import ModelError
from fatescope.predict.decoders.labels import PlaneLabels
from fatescope.predict.tiling import read_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.models.outputs import InstanceMaps
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.scratch import Scratch
    from fatescope.predict.search import Search
    from fatescope.predict.tiling import Pixels

_EDGE = 2
"""Pixels of the maps next to the edge of the image propose nothing, as in the authors' program."""

_RINGS, _SPOKES = 4, 1
"""Each triangle between two rays is sampled at so many points outwards and across; 128 points for
32 rays, so that the part of a polygon within another is known to about 2 %."""

_BAND_ROWS = 1024  # painted at a time; memory, never a result


_FINE, _WIDEST = 4.0, 512.0
"""Pixels of the grid on which an outline is painted, to one of the working grid; and at most."""


@dataclass(frozen=True, slots=True)
class Stars:
    """Polygons on the working grid, most probable first."""

    centre: FloatArray  # (n, 2): y, x in working pixels
    distance: FloatArray  # (n, rays), working pixels
    score: FloatArray  # (n,), probability

    def __len__(self) -> int:
        return len(self.score)

    def rows(self, which: BoolArray | IntArray) -> Self:
        """Return some of them."""
        return replace(
            self,
            centre=self.centre[which],
            distance=self.distance[which],
            score=self.score[which],
        )

    @property
    def size(self) -> FloatArray:
        """Area of each polygon in working pixels, (n,)."""
        d = self.distance
        turn = np.sin(2 * np.pi / d.shape[1])
        return np.asarray((d * np.roll(d, -1, axis=1)).sum(axis=1) * turn / 2)

    @property
    def corners(self) -> FloatArray:
        """Corners of each polygon, (n, rays, 2), y and x in working pixels."""
        return np.asarray(self.centre[:, None] + self.distance[:, :, None] * _rays(self.distance))

    def inner(self) -> FloatArray:
        """Radius of a circle around each centre that lies within the polygon.

        An edge between two corners comes nearest to the centre by the cosine of half the turn
        between rays at equal distances, and by no less than that of the whole turn at any.
        """
        d = np.asarray(self.distance, np.float64)
        turn = 2 * np.pi / d.shape[1]
        following = np.roll(d, -1, axis=1)
        edge = np.sqrt(np.maximum(d**2 + following**2 - 2 * d * following * np.cos(turn), 1e-12))
        height = d * following * np.sin(turn) / edge
        return np.asarray(np.minimum(height, np.minimum(d, following)).min(axis=1, initial=np.inf))

    def shared_by_balls(self, radius: float, others: FloatArray, apart: FloatArray) -> FloatArray:
        """Return the area that a circle shares with others whose centres are so far away."""
        large, small = np.maximum(radius, others), np.minimum(radius, others)
        d = np.clip(apart, large - small + 1e-9, large + small)
        a = np.arccos(np.clip((d**2 + small**2 - large**2) / (2 * d * small), -1, 1))
        b = np.arccos(np.clip((d**2 + large**2 - small**2) / (2 * d * large), -1, 1))
        lens = small**2 * (a - np.sin(2 * a) / 2) + large**2 * (b - np.sin(2 * b) / 2)
        return np.asarray(np.where(apart <= large - small, np.pi * small**2, lens))

    def part_within(self, one: Stars) -> FloatArray:
        """Return how much of each polygon lies within one other, 0..1."""
        return _part_within(self, one.corners[0])


def segment_stars(
    search: Search,
    pixels: Pixels,
    statistics: PlaneStatistics,
    *,
    scratch: Scratch,
    done: Callable[[], None] | None = None,
) -> PlaneLabels:
    """Find the nuclei of a plane with a star-convex network; see `segment_plane`.

    Notes
    -----
    All polygons that are probable enough are held until the best are chosen: about 150 bytes for
    each pixel within a nucleus.
    """
    stars, least = find_stars(search, pixels, statistics, done=done), search.thresholds
    large = (stars.size >= least.min_area_px) & (stars.score >= least.min_score)
    rows, columns = pixels.shape
    return paint_stars(stars.rows(large), (rows, columns), scale=search.scale, scratch=scratch)


def find_stars(
    search: Search,
    pixels: Pixels,
    statistics: PlaneStatistics,
    *,
    made: Callable[..., Stars] = Stars,
    done: Callable[[], None] | None = None,
) -> Stars:
    """Return the polygons of a plane that are probable and share little, most probable first.

    Of a volume polyhedra, which ``made`` makes of centres, distances and probabilities.

    Raises
    ------
    ModelError
        If the network gives more or fewer maps than its description says.
    """
    grid, output, ndim = search.grid(pixels.shape), search.model.instances, len(search.scale)
    limits = search.thresholds
    parts = []
    for place in product(*(range(len(t.starts)) for t in grid.tiles)):
        at = list(zip(grid.tiles, place, strict=True))
        starts = [tiles.starts[i] for tiles, i in at]
        tile = read_tile(pixels, grid, statistics, *starts)
        maps = search.network.run(tile[None, None])[0]
        # Values are given for every pixel, or for every second one, say, along each axis.
        strides = [round(n / k) for n, k in zip(tile.shape, maps.shape[1:], strict=True)]
        used = [tiles.edges[i : i + 2] for tiles, i in at]
        edge = [
            (_EDGE * k, n - _EDGE * k) for k, n in zip(strides, grid.working_shape, strict=True)
        ]
        inside = [(max(a, b), min(c, d)) for (a, c), (b, d) in zip(used, edge, strict=True)]
        parts.append(_propose(maps, output, starts, strides, inside, least=limits.foreground))
        if done is not None:
            done()
    every = np.concatenate([np.empty((0, ndim + 1 + output.rays), np.float32), *parts])
    every = every[np.lexsort((*every[:, ndim - 1 :: -1].T, -every[:, ndim]))]
    stars = made(every[:, :ndim].astype(np.float64), every[:, ndim + 1 :], every[:, ndim])
    return stars.rows(distinct_stars(stars, most_overlap=limits.most_overlap))


def _propose(
    maps: NDArray[np.float32],
    output: InstanceMaps,
    starts: Sequence[int],
    strides: Sequence[int],
    inside: Sequence[tuple[int, int]],
    *,
    least: float,
) -> NDArray[np.float32]:
    """Return place, probability and distances of what the maps of a tile propose, one row each."""
    if len(maps) != len(output.channels):
        raise ModelError(
            f"the network gives {len(maps)} maps; with {output.rays} rays it gives "
            f"{len(output.channels)}."
        )
    at = np.argwhere(maps[0] > least)
    places = at * np.array(strides) + np.array(starts)
    kept = np.ones(len(places), np.bool_)
    for axis, (low, high) in enumerate(inside):
        kept &= (places[:, axis] >= low) & (places[:, axis] < high)
    values = maps[:, *at[kept].T].T
    distance = np.maximum(np.nan_to_num(values[:, 1:]), np.float32(1e-3))
    return np.concatenate([places[kept], values[:, :1], distance], axis=1, dtype=np.float32)


def distinct_stars(stars: Stars, *, most_overlap: float) -> IntArray:
    """Return which polygons, most probable first, share little with every better one.

    Parameters
    ----------
    stars : Stars
        Most probable first.
    most_overlap : float
        Largest part of the smaller of two polygons that both may hold.
    """
    size, centre = stars.size, stars.centre
    outer, inner = stars.distance.max(axis=1, initial=0), stars.inner()
    order = np.argsort(centre[:, 0], kind="stable")
    top, widest = centre[order, 0], float(outer.max(initial=0))
    kept = np.ones(len(stars), np.bool_)
    for i in range(len(stars)):
        if not kept[i]:
            continue
        low = np.searchsorted(top, centre[i, 0] - outer[i] - widest, side="left")
        high = np.searchsorted(top, centre[i, 0] + outer[i] + widest, side="right")
        near = order[low:high]
        near = near[(near > i) & kept[near]]
        apart = np.linalg.norm(centre[near] - centre[i], axis=1)
        near, apart = near[close := apart < outer[i] + outer[near]], apart[close]
        limit = most_overlap * np.minimum(size[near], size[i])
        surely = stars.shared_by_balls(inner[i], inner[near], apart) > limit
        kept[near[surely]] = False
        open_ = ~surely & (stars.shared_by_balls(outer[i], outer[near], apart) > limit)
        near, limit = near[open_], limit[open_]
        if len(near):
            shared = stars.rows(near).part_within(stars.rows(np.array([i]))) * size[near]
            kept[near[shared > limit]] = False
    return np.flatnonzero(kept)


def _part_within(stars: Stars, outline: FloatArray) -> FloatArray:
    """Return how much of each polygon lies within an outline, 0..1, by points in triangles.

    The outline is painted on a finer grid, in which the points are looked up.
    """
    from skimage.draw import polygon

    d = stars.distance
    following = np.roll(d, -1, axis=1)
    corners = stars.corners
    out = np.sqrt((np.arange(_RINGS) + 0.5) / _RINGS)
    across = (np.arange(_SPOKES) + 0.5) / _SPOKES
    ahead = np.roll(corners, -1, axis=1)
    edge = corners[:, :, None] + (ahead - corners)[:, :, None] * across[:, None]
    centre = stars.centre[:, None, None, None]
    points = centre + (edge[:, :, None] - centre) * out[:, None, None]

    low = outline.min(axis=0) - 1
    fine = min(_FINE, _WIDEST / float(np.ptp(outline, axis=0).max()))
    painted = (outline - low) * fine
    side = np.ceil(painted.max(axis=0)).astype(int) + 2
    mask = np.zeros(tuple(side), np.float32)
    mask[polygon(painted[:, 0], painted[:, 1], mask.shape)] = 1
    # What lies outside of the grid is looked up in its empty rim.
    at = np.clip(np.rint((points - low) * fine), 0, side - 1).astype(np.intp)
    inside = mask[at[..., 0], at[..., 1]].sum(axis=(2, 3)) / (_RINGS * _SPOKES)
    weight = d * following
    return np.asarray((weight * inside).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-12))


def _rays(distance: FloatArray) -> FloatArray:
    """Return the direction of each ray, (rays, 2), y and x."""
    angle = 2 * np.pi * np.arange(distance.shape[1]) / distance.shape[1]
    return np.stack([np.sin(angle), np.cos(angle)], axis=1)


def paint_stars(
    stars: Stars, shape: tuple[int, int], *, scale: tuple[float, ...], scratch: Scratch
) -> PlaneLabels:
    """Paint polygons on the grid of the image, the more probable above the less.

    Parameters
    ----------
    stars : Stars
        Most probable first.
    shape : tuple of int
        Of the plane, (Y, X).
    scale : tuple of float
        Working pixels per input pixel, down and across.
    scratch : Scratch
    """
    stored = scratch.rows(shape, np.dtype(np.uint32))
    corners = (stars.corners + 0.5) / np.array(scale) - 0.5
    first = np.full(len(stars) + 1, shape[0] * shape[1], np.int64)
    for row in range(0, shape[0], _BAND_ROWS):
        band = _paint_band(corners, row, min(row + _BAND_ROWS, shape[0]), shape[1])
        stored.write(row, band)
        label, place = np.unique(band, return_index=True)
        first[label] = np.minimum(first[label], place + row * shape[1])
    seen = np.flatnonzero(first[1:] < shape[0] * shape[1])
    seen = seen[np.argsort(first[1:][seen], kind="stable")]
    number = np.zeros(len(stars) + 1, np.uint32)
    number[seen + 1] = np.arange(1, len(seen) + 1)
    return PlaneLabels(shape, len(seen), stars.score[seen].astype(np.float32), number, stored)


def _paint_band(corners: FloatArray, top: int, stop: int, columns: int) -> NDArray[np.uint32]:
    from skimage.draw import polygon

    band = np.zeros((stop - top, columns), np.uint32)
    meets = (corners[..., 0].min(axis=1) < stop) & (corners[..., 0].max(axis=1) >= top)
    for i in np.flatnonzero(meets)[::-1].tolist():
        band[polygon(corners[i, :, 0] - top, corners[i, :, 1], band.shape)] = i + 1
    return band
