"""The tile grid and the network on it, over any number of axes: maps in bounded memory.

The grid depends on the size of the plane or volume on the working grid and on the model alone. All
tiles have one shape and lie inside, so that a halo is real image and not padding, except where
the image is smaller than a tile.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.predict.normalise import normalise
from fatescope.predict.resample import apply_taps, make_taps, reflect, working_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.predict.normalise import PlaneStatistics

FULL = 255
"""Maps are whole numbers from 0 to `FULL`: small, fast, and robust to rounding of a network."""

_BAND_PX = 2**16
"""Pixels computed at a time: they stay near the processor, which halves the cost."""


class Pixels(Protocol):
    """What tiles are read from: an array, or a plane or volume that is read when it is sliced."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(Y, X) or (Z, Y, X)."""

    def __getitem__(self, window: tuple[slice, ...], /) -> NDArray[Any]:
        """Return a block in the stored type, by one slice for each axis."""


class Network(Protocol):
    """What makes maps (B, C, *axes) of normalised images (B, 1, *axes)."""

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the maps, each in 0..1."""


@dataclass(frozen=True, slots=True)
class AxisTiles:
    """Tiles along one axis: ``size`` pixels from each of ``starts``, used up to the next edge."""

    size: int
    starts: tuple[int, ...]
    edges: tuple[int, ...]  # tile i is used for edges[i]..edges[i + 1]


def divide(length: int, *, tile: int, halo: int, divisor: int) -> AxisTiles:
    """Divide an axis of ``length`` working pixels into equal tiles.

    Parameters
    ----------
    length : int
    tile : int
        Largest tile; a multiple of ``divisor``, more than twice ``halo``.
    halo, divisor : int
    """
    padded = -(-length // divisor) * divisor
    if padded <= tile:
        return AxisTiles(padded, (0,), (0, length))
    n = -(-(length - 2 * halo) // (tile - 2 * halo))
    share = -(-(length + (n - 1) * 2 * halo) // n)
    size = min(tile, -(-share // divisor) * divisor)
    starts = tuple(min(i * (size - 2 * halo), length - size) for i in range(n))
    return AxisTiles(size, starts, (0, *(s + halo for s in starts[1:]), length))


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """Where the working grid of a plane or volume lies on its input grid, and its tiles."""

    shape: tuple[int, ...]  # input
    scale: tuple[float, ...]  # working pixels per input pixel, along each axis
    tiles: tuple[AxisTiles, ...]  # along each axis

    @property
    def working_shape(self) -> tuple[int, ...]:
        """Lengths of the working grid."""
        return tuple(t.edges[-1] for t in self.tiles)

    @property
    def n_tiles(self) -> int:
        """How often the network runs."""
        return math.prod(len(t.starts) for t in self.tiles)


def make_grid(
    shape: tuple[int, ...], scale: tuple[float, ...], model: ModelDescription
) -> TileGrid:
    """Lay the tile grid of ``model`` over a plane or volume of ``shape`` at ``scale``."""
    t = model.image.tiling
    tiles = (
        divide(working_length(n, s), tile=tile, halo=halo, divisor=divisor)
        for n, s, tile, halo, divisor in zip(
            shape, scale, t.tile_px, t.halo_px, t.divisor, strict=True
        )
    )
    return TileGrid(shape=shape, scale=scale, tiles=tuple(tiles))


def one_tile(shape: tuple[int, ...], scale: tuple[float, ...], sizes: Sequence[int]) -> TileGrid:
    """Return a grid of one tile of ``sizes`` working pixels, which may be read from anywhere."""
    tiles = (
        AxisTiles(size, (0,), (0, working_length(n, s)))
        for size, n, s in zip(sizes, shape, scale, strict=True)
    )
    return TileGrid(shape=shape, scale=scale, tiles=tuple(tiles))


def read_tile(
    pixels: Pixels, grid: TileGrid, statistics: PlaneStatistics, *starts: int
) -> NDArray[np.float32]:
    """Return a normalised tile on the working grid, mirrored beyond the image's edge.

    Parameters
    ----------
    pixels : Pixels
    grid : Grid
    statistics : PlaneStatistics
    *starts : int
        Where the tile begins on the working grid, along each axis.
    """
    taps = [
        make_taps(
            reflect(np.arange(start, start + tiles.size), tiles.edges[-1]), scale=scale, length=n
        )
        for start, tiles, scale, n in zip(starts, grid.tiles, grid.scale, grid.shape, strict=True)
    ]
    values = normalise(pixels[tuple(slice(t.first, t.stop) for t in taps)], statistics)
    out = np.empty([len(t.index) for t in taps], np.float32)
    for rows in bands(out.shape):
        band = apply_taps(values, taps[0].of(rows), axis=0, first=taps[0].first)
        for axis, along in enumerate(taps[1:], start=1):
            band = apply_taps(band, along, axis=axis, first=along.first)
        out[rows] = band
    return out


def map_tiles(
    network: Network,
    pixels: Pixels,
    grid: TileGrid,
    statistics: PlaneStatistics,
    *,
    done: Callable[[], None] | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the maps of a plane or volume in slabs: one layer of tiles along the first axis each.

    Parameters
    ----------
    network : Network
    pixels : Pixels
    grid : Grid
    statistics : PlaneStatistics
        Of the whole plane or volume.
    done : callable, optional
        Called after each tile.

    Yields
    ------
    ndarray of uint8, shape (C, n, *working lengths of the other axes)
        Along the first axis from its beginning to its end.
    """
    for layer in range(len(grid.tiles[0].starts)):
        slab: NDArray[np.uint8] | None = None
        for place in product(*(range(len(t.starts)) for t in grid.tiles[1:])):
            at = list(zip(grid.tiles, (layer, *place), strict=True))
            starts = [tiles.starts[i] for tiles, i in at]
            used = [tiles.edges[i : i + 2] for tiles, i in at]
            maps = network.run(read_tile(pixels, grid, statistics, *starts)[None, None])[0]
            if slab is None:
                low, high = used[0]
                slab = np.empty((len(maps), high - low, *grid.working_shape[1:]), np.uint8)
            inner = (slice(low - s, high - s) for s, (low, high) in zip(starts, used, strict=True))
            target = (slice(low, high) for low, high in used[1:])
            slab[(slice(None), slice(None), *target)] = quantise(maps[(slice(None), *inner)])
            if done is not None:
                done()
        if slab is not None:
            yield slab


def quantise(maps: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return maps in 0..1 as whole numbers in 0..`FULL`; not-a-number becomes 0."""
    out = np.empty(maps.shape, np.uint8)
    for place in np.ndindex(maps.shape[:-2]):
        for rows in bands(maps.shape[-2:]):
            scaled = maps[place][rows] * np.float32(FULL)
            scaled += np.float32(0.5)
            np.fmax(scaled, np.float32(0), out=scaled)  # of a number and not-a-number the number
            out[place][rows] = np.minimum(scaled, np.float32(FULL), out=scaled)
    return out


def bands(shape: tuple[int, ...]) -> Iterator[slice]:
    """Divide an array along its first axis into bands that stay near the processor."""
    height = max(1, _BAND_PX // max(1, math.prod(shape[1:])))
    for first in range(0, shape[0], height):
        yield slice(first, min(first + height, shape[0]))


class MapBuffer:
    """Slabs of maps as they come, so that a part can be read with what lies before and after."""

    def __init__(self, slabs: Iterator[NDArray[np.uint8]]) -> None:
        self._slabs = slabs
        self._held: deque[NDArray[np.uint8]] = deque()
        self._first = 0
        self._stop = 0

    def read(self, first: int, stop: int) -> NDArray[np.uint8]:
        """Return ``first..stop`` along the first axis; what lies before ``first`` is let go."""
        while self._stop < stop:
            slab = next(self._slabs)
            self._held.append(slab)
            self._stop += slab.shape[1]
        while self._held and self._first + self._held[0].shape[1] <= first:
            self._first += self._held.popleft().shape[1]
        parts, at = [], self._first
        for slab in self._held:
            low, high = max(first, at), min(stop, at + slab.shape[1])
            if low < high:
                parts.append(slab[:, low - at : high - at])
            at += slab.shape[1]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
