"""The tile grid and the network on it: maps of a plane, row by row, in bounded memory.

The grid depends on the size of the plane on the working grid and on the model alone. All tiles
of a plane have one shape and lie inside it, so that a halo is real image and not padding,
except where the plane is smaller than a tile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.predict.normalise import normalise
from fatescope.predict.regions import quantise
from fatescope.predict.resample import apply_taps, make_taps, reflect, working_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.predict.normalise import PlaneStatistics


_BAND_ROWS = 64
"""Rows of a tile resampled at a time: they stay near the processor, which halves the cost."""


class Reader(Protocol):
    """Read rows ``y0..y1`` and columns ``x0..x1`` of a plane, in its stored type."""

    def __call__(self, y0: int, y1: int, x0: int, x1: int, /) -> NDArray[Any]:
        """Return an array of shape (y1 - y0, x1 - x0)."""


class Network(Protocol):
    """What makes maps (B, C, Y, X) of normalised images (B, 1, Y, X)."""

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return the maps, each in 0..1."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """Tiles along one axis: ``size`` pixels from each of ``starts``, used up to the next edge."""

    size: int
    starts: tuple[int, ...]
    edges: tuple[int, ...]  # tile i is used for edges[i]..edges[i + 1]


def divide(length: int, *, tile: int, halo: int, divisor: int) -> Tiles:
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
        return Tiles(padded, (0,), (0, length))
    n = -(-(length - 2 * halo) // (tile - 2 * halo))
    share = -(-(length + (n - 1) * 2 * halo) // n)
    size = min(tile, -(-share // divisor) * divisor)
    starts = tuple(min(i * (size - 2 * halo), length - size) for i in range(n))
    return Tiles(size, starts, (0, *(s + halo for s in starts[1:]), length))


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where the working grid of a plane lies on its input grid, and its tiles."""

    shape: tuple[int, int]  # input
    scale: tuple[float, float]  # working pixels per input pixel, down and across
    rows: Tiles
    columns: Tiles

    @property
    def working_shape(self) -> tuple[int, int]:
        """Rows and columns of the working grid."""
        return self.rows.edges[-1], self.columns.edges[-1]


def make_grid(shape: tuple[int, int], scale: tuple[float, float], model: ModelDescription) -> Grid:
    """Lay the tile grid of ``model`` over a plane of ``shape`` at ``scale``."""
    t = model.image.tiling
    rows, columns = (
        divide(working_length(n, s), tile=tile, halo=halo, divisor=divisor)
        for n, s, tile, halo, divisor in zip(
            shape, scale, t.tile_px, t.halo_px, t.divisor, strict=True
        )
    )
    return Grid(shape=shape, scale=scale, rows=rows, columns=columns)


def read_tile(
    read: Reader, grid: Grid, statistics: PlaneStatistics, y0: int, x0: int
) -> NDArray[np.float32]:
    """Return a normalised tile on the working grid, mirrored beyond the plane's edge."""
    taps = []
    for axis, (start, tiles) in enumerate(((y0, grid.rows), (x0, grid.columns))):
        index = reflect(np.arange(start, start + tiles.size), tiles.edges[-1])
        taps.append(make_taps(index, scale=grid.scale[axis], length=grid.shape[axis]))
    y, x = taps
    values = normalise(read(y.first, y.stop, x.first, x.stop), statistics)
    out = np.empty((len(y.index), len(x.index)), np.float32)
    for first in range(0, len(out), _BAND_ROWS):
        rows = slice(first, first + _BAND_ROWS)
        band = apply_taps(values, y.of(rows), axis=0, first=y.first)
        out[rows] = apply_taps(band, x, axis=1, first=x.first)
    return out


def map_rows(
    network: Network,
    read: Reader,
    grid: Grid,
    statistics: PlaneStatistics,
    *,
    done: Callable[[], None] | None = None,
) -> Iterator[NDArray[np.uint8]]:
    """Yield the maps of the plane in bands of one row of tiles each, from top to bottom.

    Yields
    ------
    ndarray of uint8, shape (C, rows, working columns)
    """
    for i, y0 in enumerate(grid.rows.starts):
        top, bottom = grid.rows.edges[i : i + 2]
        band: NDArray[np.uint8] | None = None
        for j, x0 in enumerate(grid.columns.starts):
            left, right = grid.columns.edges[j : j + 2]
            tile = read_tile(read, grid, statistics, y0, x0)
            maps = network.run(tile[None, None])[0]
            if band is None:
                band = np.empty((len(maps), bottom - top, grid.working_shape[1]), np.uint8)
            inner = maps[:, top - y0 : bottom - y0, left - x0 : right - x0]
            band[:, :, left:right] = quantise(inner)
            if done is not None:
                done()
        if band is not None:
            yield band


class RowBuffer:
    """Rows of maps as they come, so that a part can be read with rows before and after it."""

    def __init__(self, bands: Iterator[NDArray[np.uint8]]) -> None:
        self._bands = bands
        self._held: deque[NDArray[np.uint8]] = deque()
        self._first = 0
        self._stop = 0

    def read(self, first: int, stop: int) -> NDArray[np.uint8]:
        """Return rows ``first..stop``; rows before ``first`` are let go."""
        while self._stop < stop:
            band = next(self._bands)
            self._held.append(band)
            self._stop += band.shape[1]
        while self._held and self._first + self._held[0].shape[1] <= first:
            self._first += self._held.popleft().shape[1]
        parts, at = [], self._first
        for band in self._held:
            low, high = max(first, at), min(stop, at + band.shape[1])
            if low < high:
                parts.append(band[:, low - at : high - at])
            at += band.shape[1]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)
