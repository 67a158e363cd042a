"""One volume: what a network shows of its planes becomes nuclei in space, in bounded memory.

The network sees each plane alone, where nuclei have its size; what is decoded is half as fine, and
as far apart in Z as nuclei are round (`decoders/solid.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.models.outputs import PLANE_MAPS
from fatescope.predict.decoders.labels import FrameLabels, PlaneLabels
from fatescope.predict.decoders.outlines import Corners, make_corners, new_labels, outline_labels
from fatescope.predict.decoders.solid import (
    SolidGrid,
    SolidSums,
    add_block,
    join_solids,
)
from fatescope.predict.solid_maps import draw_solid
from fatescope.predict.tiling import (
    FULL,
    AxisTiles,
    MapBuffer,
    TileGrid,
    map_tiles,
    quantise,
    read_tile,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fatescope.predict.decoders.solid import Solids
    from fatescope.predict.frames import ImageFrame, Plane
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.scratch import Rows, Scratch
    from fatescope.predict.search import Search
    from fatescope.predict.tiling import Network

LEAST_PLANES = 2.0
"""Nuclei that are fewer planes high have no middle plane: their outlines are joined instead."""

_ROWS = 256
_SAMPLED_ROWS = 512  # in the middle of the volume, where the distance of planes is measured
_FURTHEST_PX = 48
_LEAVING = 0.3
"""So many of the voxels must have left their nucleus where planes are compared with pixels."""


@dataclass(frozen=True, slots=True)
class _PlaneRows:
    """The rows of one plane within those of a volume."""

    rows: Rows
    first: int

    def write(self, first: int, rows: NDArray[Any], /) -> None:
        """Put ``rows`` at row ``first`` of the plane."""
        self.rows.write(self.first + first, rows)

    def read(self, first: int, stop: int, /) -> NDArray[Any]:
        """Return rows of the plane."""
        return self.rows.read(self.first + first, self.first + stop)

    def close(self) -> None:
        """Free the space of the whole volume."""
        self.rows.close()


@dataclass(frozen=True, slots=True)
class MapVolume:
    """Rows of all planes of a volume in one space."""

    rows: Rows
    n_rows: int

    def plane(self, z: int) -> _PlaneRows:
        """Return the rows of a plane."""
        return _PlaneRows(self.rows, z * self.n_rows)

    def read(self, planes: slice, rows: slice) -> NDArray[Any]:
        """Return rows of some planes (Z, Y, X)."""
        each = (self.plane(z).read(rows.start, rows.stop) for z in range(planes.start, planes.stop))
        return np.stack(list(each))

    def write(self, planes: slice, rows: slice, values: NDArray[Any]) -> None:
        """Put rows of some planes (Z, Y, X) at their place."""
        for z, plane in zip(range(planes.start, planes.stop), values, strict=True):
            self.plane(z).write(rows.start, plane)


@dataclass(frozen=True, slots=True)
class SolidNuclei:
    """The nuclei of a volume, and what it showed of their form."""

    labels: FrameLabels
    plane_px: float | None  # distance of planes in pixels of the image; None: nothing shows it
    width: float  # of the median nucleus, in those looked for; 0 where none was found
    small: float  # share of nuclei that are small beside the median one: most often parts


def segment_volume(
    search: Search,
    frame: ImageFrame,
    *,
    plane_px: float | None,
    scratch: Scratch,
    solid: Network | None = None,
    least_px: float | None = None,
    done: Callable[[], None] | None = None,
) -> SolidNuclei:
    """Find the nuclei of a volume.

    Parameters
    ----------
    search : Search
        Its network draws foreground, distance and border.
    frame : Frame
        Its planes are read once more than `Frame.statistics` did.
    plane_px : float, optional
        Distance of planes in pixels of the image; unknown, it is what makes nuclei round.
    scratch : Scratch
    solid : Network, optional
        Draws the maps again, in space.
    least_px : float, optional
        Nuclei whose largest outline has fewer pixels of the image are dropped.
    done : callable, optional
        Called after each tile of the network.

    Returns
    -------
    SolidNuclei
        The same bits however planes are tiled in memory.
    """
    thresholds = search.thresholds
    coarse = solid_grid(search, frame)
    maps = map_planes(search, frame, scratch=scratch, done=done)
    planes, height, width = len(frame.planes), *coarse.working_shape

    mean = float(np.sqrt(coarse.scale[0] * coarse.scale[1]))
    if plane_px is None:
        plane_px = round_planes(maps[0], planes, height, thresholds.foreground, mean)
    apart = (plane_px or 1.0) * mean
    radius = search.model.image.diameter_px / 4
    grid = SolidGrid(
        shape=(planes, height, width),
        radius=radius,
        radius_planes=radius / apart,
        drawn=solid is not None,
    )
    if solid is not None:
        maps = _redrawn(maps, solid, grid, apart, scratch=scratch)
    labels = MapVolume(scratch.rows((planes * height, width), np.dtype(np.uint32)), height)
    shade = MapVolume(scratch.rows((planes * height, width), np.dtype(np.uint8)), height)
    sums = SolidSums()
    for own, seen in grid.blocks():
        provisional, smooth = add_block(
            sums,
            *(volume.read(*seen) for volume in maps),
            grid=grid,
            own=own,
            seen=seen,
            least=thresholds.foreground,
        )
        labels.write(*own, provisional)
        shade.write(*own, smooth)
    solids = join_solids(sums, grid)
    for volume in maps:
        volume.rows.close()
    found = _outlines(
        frame,
        coarse,
        labels,
        shade,
        solids,
        scratch=scratch,
        least=max(1, round(thresholds.foreground * FULL)),
        least_px=least_px,
    )
    labels.rows.close()
    shade.rows.close()
    return SolidNuclei(found, plane_px, solids.width, solids.small)


def solid_grid(search: Search, frame: ImageFrame) -> TileGrid:
    """Return the grid of the maps of a volume's planes: half as fine as the network sees them."""
    return _halved(search.grid(frame.shape[1:]))


def map_planes(
    search: Search,
    frame: ImageFrame,
    *,
    scratch: Scratch,
    done: Callable[[], None] | None = None,
) -> list[MapVolume]:
    """Return the `PLANE_MAPS` of a volume on its `solid_grid`.

    Parameters
    ----------
    search, frame, scratch, done
        As for `segment_volume`.
    """
    statistics = frame.statistics(search.model.image.percentiles)
    fine = search.grid(frame.shape[1:])
    coarse = _halved(fine)
    height, width = coarse.working_shape
    shape = len(frame.planes) * height, width
    maps = [MapVolume(scratch.rows(shape, np.dtype(np.uint8)), height) for _ in PLANE_MAPS]
    for z, plane in enumerate(frame.planes):
        drawn = MapBuffer(map_tiles(search.network, plane, fine, statistics, done=done))
        for first in range(0, height, _ROWS):
            stop = min(first + _ROWS, height)
            part = drawn.read(2 * first, min(2 * stop, fine.working_shape[0]))
            inside, deep = _halved_maps(part, search.thresholds.border_weight)
            light = _light(plane, coarse, statistics, first, stop)
            for volume, values in zip(maps, (inside, deep, light), strict=True):
                volume.plane(z).write(first, values)
        plane.release()
    return maps


def _redrawn(
    maps: list[MapVolume], solid: Network, grid: SolidGrid, apart: float, *, scratch: Scratch
) -> list[MapVolume]:
    """Return the maps that a network in space draws, within the outlines of planes."""
    planes, height, width = grid.shape
    shape = planes * height, width
    new = [MapVolume(scratch.rows(shape, np.dtype(np.uint8)), height) for _ in range(2)]

    def read(planes: slice, rows: slice) -> NDArray[np.uint8]:
        return np.stack([volume.read(planes, rows) for volume in maps])

    def write(planes: slice, rows: slice, drawn: NDArray[np.uint8]) -> None:
        for volume, values in zip(new, drawn, strict=True):
            volume.write(planes, rows, values)

    draw_solid(solid, read, write, grid, apart)
    for volume in maps[:2]:
        volume.rows.close()
    return [*new, maps[2]]


def _halved(grid: TileGrid) -> TileGrid:
    """Return a grid of half as many working pixels along each axis; it is read as one tile."""
    lengths = [-(-n // 2) for n in grid.working_shape]
    tiles = tuple(AxisTiles(n, (0,), (0, n)) for n in lengths)
    return TileGrid(shape=grid.shape, scale=tuple(s / 2 for s in grid.scale), tiles=tiles)


def _halved_maps(
    maps: NDArray[np.uint8], border_weight: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return foreground, and depth less borders times foreground, over two by two pixels."""
    maps = np.pad(maps, ((0, 0), *((0, n % 2) for n in maps.shape[1:])), mode="edge")
    shade, distance, border = (m.astype(np.float32) for m in maps)
    deep = np.maximum(distance - np.float32(border_weight) * border, 0)
    deep *= shade
    deep /= np.float32(FULL)
    return _mean_of_four(shade), _mean_of_four(deep)


def _mean_of_four(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    total = values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
    return np.asarray(np.rint(total / np.float32(4)), np.uint8)


def _light(
    plane: Plane, grid: TileGrid, statistics: PlaneStatistics, first: int, stop: int
) -> NDArray[np.uint8]:
    """Return rows of a plane as it is normalised, at most 1."""
    rows = AxisTiles(stop - first, (first,), grid.tiles[0].edges)
    part = TileGrid(shape=grid.shape, scale=grid.scale, tiles=(rows, grid.tiles[1]))
    return np.asarray(quantise(read_tile(plane, part, statistics, first, 0)[None])[0])


def round_planes(
    foreground: MapVolume, planes: int, height: int, least: float, scale: float
) -> float | None:
    """Return the distance of planes, in pixels of the image, at which nuclei are round.

    A voxel of a nucleus has left it after some planes, and after some pixels: so many pixels as
    leave as many voxels behind are as far as these planes.

    Parameters
    ----------
    foreground : MapVolume
        Of all planes, from `map_planes`.
    planes, height : int
        How many planes there are, and rows of each.
    least : float
        Least foreground of a voxel of a nucleus, 0..1.
    scale : float
        Pixels of the maps for each of the image.

    Returns
    -------
    float or None
        None where nothing shows it.
    """
    level = max(1, round(least * FULL))
    middle = height // 2
    rows = slice(max(0, middle - _SAMPLED_ROWS // 2), min(height, middle + _SAMPLED_ROWS // 2))
    inside = foreground.read(slice(0, planes), rows) >= level

    def left(axis: int, n: int) -> float:
        along = np.moveaxis(inside, axis, 0)
        both = int((along[:-n] & along[n:]).sum())
        return 1 - both / max(1, int(along[:-n].sum()))

    if planes < 2 or not inside.any():
        return None
    apart = 1
    while apart < planes // 2 and left(0, apart) < _LEAVING:
        apart += 1
    wanted = left(0, apart)
    furthest = min(_FURTHEST_PX, *(n - 1 for n in inside.shape[1:]))
    gone = [0.0]
    while len(gone) <= furthest and gone[-1] < wanted:
        gone.append((left(1, len(gone)) + left(2, len(gone))) / 2)
    return max(0.1, float(np.interp(wanted, gone, range(len(gone)))) / apart) / scale


def _outlines(
    frame: ImageFrame,
    grid: TileGrid,
    labels: MapVolume,
    shade: MapVolume,
    solids: Solids,
    *,
    scratch: Scratch,
    least: int,
    least_px: float | None,
) -> FrameLabels:
    """Bring labels back to the planes of the image, and number what is left by its first pixel."""
    planes, rows, columns = frame.shape
    n, height = solids.n, grid.working_shape[0]
    out = MapVolume(scratch.rows((planes * rows, columns), np.dtype(np.uint32)), rows)
    across = make_corners(np.arange(columns), scale=grid.scale[1], length=grid.working_shape[1])
    band_rows = max(1, 4_000_000 // columns)
    seen = np.zeros(n + 1, np.bool_)
    seen[0] = True
    order: list[NDArray[np.uint32]] = []
    largest = np.zeros(n + 1, np.int64)
    for z in range(planes):
        here = np.where(solids.filled[:, z], np.arange(n + 1), 0).astype(np.uint32)
        here = here[solids.label_of]
        area = np.zeros(n + 1, np.int64)
        for first in range(0, rows, band_rows):
            index = np.arange(first, min(first + band_rows, rows))
            down = make_corners(index, scale=grid.scale[0], length=height)
            top, bottom = int(down.low.min()), int(down.high.max()) + 1
            down = Corners(down.low - top, down.high - top, down.part)
            near = here[labels.plane(z).read(top, bottom)]
            tint = shade.plane(z).read(top, bottom)
            band = outline_labels(near, tint, down, across, least=least)
            out.plane(z).write(first, band)
            order.append(new_labels(band, seen))
            area += np.bincount(band.reshape(-1), minlength=n + 1)
        np.maximum(largest, area, out=largest)
    kept = np.concatenate(order) if order else np.zeros(0, np.uint32)
    kept = kept[largest[kept] >= (least_px or 0)]
    number = np.zeros(n + 1, np.uint32)
    number[kept] = np.arange(1, len(kept) + 1)
    scores = solids.score[kept.astype(np.intp) - 1]
    stored = number.astype(np.min_scalar_type(len(kept)))
    each = (
        PlaneLabels((rows, columns), len(kept), scores, number, out.plane(z)) for z in range(planes)
    )
    return FrameLabels(frame.frame, frame.shape, len(kept), scores, tuple(each), (stored,) * planes)
