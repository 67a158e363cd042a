"""Star-convex polyhedra: what a network of volumes proposes for each voxel becomes nuclei.

As in planes (`stars`), with rays in all directions of space and triangles between neighbours.

References
----------
Weigert, Schmidt, Haase, Sugawara and Myers, Star-convex polyhedra for 3D object detection and
segmentation in microscopy, WACV 2020, doi 10.1109/WACV45572.2020.9093435.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.decoders.labels import FrameLabels, PlaneLabels
from fatescope.predict.decoders.stars import Stars, find_stars

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.predict.frames import ImageFrame
    from fatescope.predict.scratch import Rows, Scratch
    from fatescope.predict.search import Search

_SHELLS = 3
"""Each tetrahedron between three rays is sampled at so many depths: 564 points for 96 rays."""

_BINS = 96
"""Directions along an edge of the cube on which the triangle of a direction is looked up."""

_AT_ONCE = 2**21  # numbers


@dataclass(frozen=True, slots=True, eq=False)
class RayMesh:
    """Directions of rays, and the triangles between them."""

    directions: FloatArray  # (n, 3): z, y, x; unit length
    triangles: IntArray  # (m, 3): rays
    inverse: FloatArray  # (m, 3, 3): from a direction to how much of each ray it holds
    table: IntArray  # (6, _BINS, _BINS): triangle of a direction on a cube

    def triangles_of(self, points: FloatArray) -> IntArray:
        """Return through which triangle each point is seen from the centre; (..., 3) to (...)."""
        return np.asarray(self.table[_cube(points)])

    def planes(self, distance: FloatArray) -> FloatArray:
        """Return of each triangle the ``g`` for which ``g . p <= 1`` within it, (n, m, 3)."""
        return np.asarray(
            np.einsum("nmk,mkd->nmd", 1 / np.asarray(distance)[:, self.triangles], self.inverse)
        )


@lru_cache(maxsize=4)
def golden_rays(n: int, anisotropy: tuple[float, float, float]) -> RayMesh:
    """Return rays on a spiral by the golden angle, as networks of StarDist have them.

    Parameters
    ----------
    n : int
    anisotropy : tuple of float
        Size of a voxel along Z, Y and X as the network was told it: fewer rays point along long
        voxels.
    """
    from scipy.spatial import ConvexHull

    turn = (3 - np.sqrt(5)) * np.pi * np.arange(n)
    z = np.linspace(-1, 1, n)
    around = np.sqrt(1 - z**2)
    corners = np.stack([z, around * np.sin(turn), around * np.cos(turn)], axis=1) / anisotropy
    triangles = ConvexHull(corners).simplices.astype(np.int64)
    triangles = triangles[np.lexsort(triangles.T)]
    directions = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    inverse = np.linalg.inv(directions[triangles].transpose(0, 2, 1))
    middle = (np.arange(_BINS) + 0.5) / _BINS * 2 - 1
    table = np.empty((6, _BINS, _BINS), np.int64)
    for side in range(6):
        u, v = np.meshgrid(middle, middle, indexing="ij")
        points = np.empty((_BINS, _BINS, 3))
        axis = side // 2
        points[..., axis] = 1 - 2 * (side % 2)
        points[..., (axis + 1) % 3], points[..., (axis + 2) % 3] = u, v
        share = np.einsum("mkd,uvd->uvmk", inverse, points).min(axis=-1)
        table[side] = share.argmax(axis=-1)
    return RayMesh(directions, triangles, inverse, table)


def _cube(points: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """Return side and place of the direction of points on a cube around the centre."""
    size = np.abs(points)
    axis = size.argmax(axis=-1)
    along = np.take_along_axis(points, axis[..., None], axis=-1)[..., 0]
    width = np.maximum(np.abs(along), 1e-12)
    places = []
    for step in (1, 2):
        other = np.take_along_axis(points, ((axis + step) % 3)[..., None], axis=-1)[..., 0]
        place = ((other / width + 1) / 2 * _BINS).astype(np.int64)
        places.append(np.clip(place, 0, _BINS - 1))
    return np.asarray(2 * axis + (along < 0)), places[0], places[1]


@dataclass(frozen=True, slots=True)
class Polyhedra(Stars):
    """Polyhedra on the working grid, most probable first; centres are z, y, x."""

    mesh: RayMesh

    @property
    def size(self) -> FloatArray:
        """Volume of each in working voxels, (n,)."""
        return self._by_parts(lambda part: part._tetrahedra().sum(axis=1))

    @property
    def corners(self) -> FloatArray:
        """Corners of each, (n, rays, 3), in working voxels."""
        return np.asarray(self.centre[:, None] + self.distance[:, :, None] * self.mesh.directions)

    def inner(self) -> FloatArray:
        """Radius of a ball around each centre that lies within the polyhedron."""

        def nearest(part: Polyhedra) -> FloatArray:
            steepest = np.linalg.norm(self.mesh.planes(part.distance), axis=2).max(axis=1)
            return np.asarray(1 / steepest)

        return self._by_parts(nearest)

    def shared_by_balls(self, radius: float, others: FloatArray, apart: FloatArray) -> FloatArray:
        """Return the volume that a ball shares with others whose centres are so far away."""
        large, small = np.maximum(radius, others), np.minimum(radius, others)
        d = np.clip(apart, large - small + 1e-9, large + small)
        lens = (
            np.pi
            * (large + small - d) ** 2
            * (d**2 + 2 * d * (large + small) - 3 * (large - small) ** 2)
            / (12 * d)
        )
        return np.asarray(np.where(apart <= large - small, 4 / 3 * np.pi * small**3, lens))

    def part_within(self, one: Stars) -> FloatArray:
        """Return how much of each lies within one other, 0..1, by points in tetrahedra."""
        planes = self.mesh.planes(one.distance)[0]
        depth = ((np.arange(_SHELLS) + 0.5) / _SHELLS) ** (1 / 3)

        def part(those: Polyhedra) -> FloatArray:
            ends = those.distance[:, :, None] * self.mesh.directions
            middle = ends[:, self.mesh.triangles].mean(axis=2)
            points = (
                middle[:, :, None] * depth[:, None] + (those.centre - one.centre)[:, None, None]
            )
            seen = planes[self.mesh.triangles_of(points)]
            inside = ((seen * points).sum(axis=-1) <= 1).mean(axis=2)
            weight = those._tetrahedra()
            return np.asarray((weight * inside).sum(axis=1) / weight.sum(axis=1))

        return self._by_parts(part)

    def _tetrahedra(self) -> FloatArray:
        """Return the volume between the centre and each triangle, (n, m)."""
        unit = np.abs(np.linalg.det(self.mesh.directions[self.mesh.triangles])) / 6
        return np.asarray(self.distance[:, self.mesh.triangles].prod(axis=2, dtype=float) * unit)

    def _by_parts(self, measure: Callable[[Polyhedra], FloatArray]) -> FloatArray:
        """Return a measure of all, taken of few at a time: numbers by triangle need space."""
        step = max(1, _AT_ONCE // (self.mesh.triangles.size * _SHELLS))
        parts = [
            measure(self.rows(np.arange(first, min(first + step, len(self)))))
            for first in range(0, len(self), step)
        ]
        return np.concatenate([np.empty(0), *parts])


def segment_polyhedra(
    search: Search,
    frame: ImageFrame,
    *,
    scratch: Scratch,
    least_px: float | None = None,
    done: Callable[[], None] | None = None,
) -> FrameLabels:
    """Find the nuclei of a volume with a star-convex network of volumes.

    Parameters
    ----------
    search : Search
        Its network gives the probability and a distance for each ray; of its thresholds
        ``foreground`` is the least probability, ``most_overlap`` the largest shared part of the
        smaller one.
    frame : Frame
    scratch : Scratch
    least_px : float, optional
        Nuclei whose largest outline has fewer pixels of the image are dropped.
    done : callable, optional
        Called after each tile.

    Notes
    -----
    All polyhedra that are probable enough are held until the best are chosen: about 500 bytes for
    each voxel within a nucleus, by the voxels for which the network gives values.
    """
    output = search.model.instances
    mesh = golden_rays(output.rays, output.anisotropy)
    statistics = frame.statistics(search.model.image.percentiles)
    stars = find_stars(search, frame, statistics, made=partial(Polyhedra, mesh=mesh), done=done)
    stars = stars.rows(stars.score >= search.thresholds.min_score)
    assert isinstance(stars, Polyhedra)
    return paint_polyhedra(stars, frame, scale=search.scale, scratch=scratch, least_px=least_px)


def paint_polyhedra(
    stars: Polyhedra,
    frame: ImageFrame,
    *,
    scale: tuple[float, ...],
    scratch: Scratch,
    least_px: float | None = None,
) -> FrameLabels:
    """Paint polyhedra on the grid of the image plane by plane, the more probable above the less."""
    _, rows, columns = frame.shape
    corners = (stars.corners + 0.5) / np.array(scale) - 0.5
    low, high = corners.min(axis=1), corners.max(axis=1)
    first_seen: list[NDArray[np.uint32]] = []
    largest = np.zeros(len(stars) + 1, np.int64)
    stored: list[Rows] = []
    for z in range(len(frame.planes)):
        painted = np.zeros((rows, columns), np.uint32)
        for i in np.flatnonzero((low[:, 0] <= z) & (high[:, 0] >= z))[::-1].tolist():
            _paint(painted, stars, i, z, low[i, 1:], high[i, 1:], scale)
        kept = scratch.rows((rows, columns), np.dtype(np.uint32))
        kept.write(0, painted)
        stored.append(kept)
        label, place, count = np.unique(painted, return_index=True, return_counts=True)
        largest[label] = np.maximum(largest[label], count)
        first_seen.append(label[np.argsort(place)].astype(np.uint32))
    every = np.concatenate(first_seen)
    order = every[np.sort(np.unique(every, return_index=True)[1])]
    order = order[(order > 0) & (largest[order] >= (least_px or 0))]
    number = np.zeros(len(stars) + 1, np.uint32)
    number[order] = np.arange(1, len(order) + 1)
    scores = stars.score[order.astype(np.intp) - 1].astype(np.float32)
    planes = tuple(PlaneLabels((rows, columns), len(order), scores, number, s) for s in stored)
    numbers = (number.astype(np.min_scalar_type(len(order))),) * len(planes)
    return FrameLabels(frame.frame, frame.shape, len(order), scores, planes, numbers)


def _paint(
    painted: NDArray[np.uint32],
    stars: Polyhedra,
    i: int,
    z: int,
    low: FloatArray,
    high: FloatArray,
    scale: tuple[float, ...],
) -> None:
    """Paint one polyhedron where it meets plane ``z``; ``low`` and ``high`` bound it along Y, X."""
    first = np.maximum(np.ceil(low), 0).astype(int)
    stop = np.minimum(np.floor(high).astype(int) + 1, painted.shape)
    if (stop <= first).any():
        return
    ways = [np.array([z]), *(np.arange(a, b) for a, b in zip(first, stop, strict=True))]
    ways = [(w + 0.5) * s - 0.5 - c for w, s, c in zip(ways, scale, stars.centre[i], strict=True)]
    points = np.stack(np.meshgrid(*ways, indexing="ij"), axis=-1)[0]
    seen = stars.mesh.planes(stars.distance[i : i + 1])[0][stars.mesh.triangles_of(points)]
    inside = (seen * points).sum(axis=-1) <= 1
    painted[first[0] : stop[0], first[1] : stop[1]][inside] = i + 1
