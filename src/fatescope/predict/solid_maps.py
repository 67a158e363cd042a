"""From the maps of planes to maps in space: a network in three dimensions draws them again.

A network of planes sees neither that two outlines are one nucleus, nor that a shadow is light from
the plane above. What it draws, and the light, are shown to a small network of volumes, on a grid on
which nuclei are as high as wide: its planes lie `STEP` pixels apart. It draws the inside of nuclei,
and how deep a voxel lies in its own: 1 in the middle of each, 0 on its surface.

Blocks are those of the shape alone, so that a result does not depend on memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from fatescope.models.outputs import SOLID_MAPS
from fatescope.predict.decoders.solid import SolidGrid, along_z_reach, smooth_along_z
from fatescope.predict.tiling import FULL, quantise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.predict.tiling import Network

STEP = 2.0
"""Distance of planes on its grid, in its pixels: the finest level of the network has voxels of two
pixels along each axis."""

TRUSTED = 2.0
"""What planes call inside goes only where the network in space clearly calls it outside: so many
times its foreground is compared with theirs. Outlines of planes are finer (record 0390)."""

DIVISOR = 4, 8, 8  # lengths of what it takes: two levels below the finest one
_OWN = 64, 192, 192  # voxels of a block along Z, Y and X; decides memory
_HALO = 8, 24, 24  # around it: more than a nucleus, which is 15 px wide


@dataclass(frozen=True, slots=True)
class _Span:
    """A stretch of an axis: what a block accounts for, and what it sees."""

    own: slice
    seen: slice


def to_step(planes: int, apart: float) -> FloatArray:
    """Return weights (n, planes) that bring planes ``apart`` pixels from one another to `STEP`."""
    n = count_steps(planes, apart)
    at = (np.arange(n) + 0.5) * STEP / apart - 0.5
    at = np.clip(at, 0, planes - 1)
    reach = max(1.0, STEP / apart)
    weight = np.maximum(0, 1 - np.abs(np.arange(planes) - at[:, None]) / reach)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float32)


def count_steps(planes: int, apart: float) -> int:
    """Return how many planes of the grid hold planes ``apart`` pixels from one another."""
    return max(1, math.ceil(planes * apart / STEP - 1e-6))


def on_steps(maps: NDArray[np.uint8], weight: FloatArray) -> NDArray[np.uint8]:
    """Return maps (C, Z, Y, X) with the planes that weights from `to_step` make of theirs."""
    n, planes = weight.shape
    flat = maps.astype(np.float32).reshape(len(maps), planes, -1)
    out = np.rint(weight @ flat).astype(np.uint8)
    return out.reshape(len(maps), n, *maps.shape[2:])


def draw_solid(
    network: Network,
    read: Callable[[slice, slice], NDArray[np.uint8]],
    write: Callable[[slice, slice, NDArray[np.uint8]], None],
    grid: SolidGrid,
    apart: float,
) -> None:
    """Draw the maps of a volume in space; what planes show as empty stays empty.

    Parameters
    ----------
    network : Network
        Takes `PLANE_MAPS`, gives `SOLID_MAPS`.
    read : callable
        ``read(planes, rows)`` returns `PLANE_MAPS`, uint8 (3, Z, Y, X).
    write : callable
        ``write(planes, rows, maps)`` takes `SOLID_MAPS`, uint8 (2, Z, Y, X).
    grid : SolidGrid
    apart : float
        Distance of planes in pixels.
    """
    planes, rows, columns = grid.shape
    reach = along_z_reach(grid)
    weight = to_step(planes, apart)
    place = np.clip((np.arange(planes) + 0.5) * apart / STEP - 0.5, 0, len(weight) - 1)
    low = np.floor(place).astype(int)
    for z, y in product(_spans(len(weight), 0), _spans(rows, 1)):
        used = np.flatnonzero(weight[z.seen].any(axis=0))
        taken = slice(int(used[0]), int(used[-1]) + 1)
        maps = on_steps(read(taken, y.seen), weight[z.seen, taken])
        mine = np.flatnonzero((low >= z.own.start) & (low < z.own.stop))
        if not len(mine):
            continue
        within = place[mine] - z.seen.start
        parts = [
            _between(_run(network, maps[..., x.seen])[..., _inner(y), _inner(x)], within)
            for x in _spans(columns, 2)
        ]
        drawn = np.concatenate(parts, axis=-1)
        first, stop = int(mine[0]), int(mine[-1]) + 1
        near = slice(max(0, first - reach), min(planes, stop + reach))
        inside = smooth_along_z(read(near, y.own)[0], grid)[first - near.start :][: stop - first]
        drawn[0] = np.minimum(drawn[0].astype(np.float32) * TRUSTED, inside)
        write(slice(first, stop), y.own, drawn)


def _spans(n: int, axis: int) -> Iterator[_Span]:
    own, halo = _OWN[axis], _HALO[axis]
    for first in range(0, n, own):
        stop = min(first + own, n)
        yield _Span(slice(first, stop), slice(max(0, first - halo), min(n, stop + halo)))


def _inner(span: _Span) -> slice:
    return slice(span.own.start - span.seen.start, span.own.stop - span.seen.start)


def _run(network: Network, maps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what the network draws of a block; of one without any nucleus, nothing."""
    if not maps[0].any():
        return np.zeros((len(SOLID_MAPS), *maps.shape[1:]), np.uint8)
    lengths = maps.shape[1:]
    pads = [(0, -n % d) for n, d in zip(lengths, DIVISOR, strict=True)]
    given = np.pad(maps, [(0, 0), *pads]).astype(np.float32) / np.float32(FULL)
    drawn = network.run(given[None])[0]
    return quantise(drawn[:, : lengths[0], : lengths[1], : lengths[2]])


def _between(drawn: NDArray[np.uint8], place: FloatArray) -> NDArray[np.uint8]:
    """Return maps at places between planes, by the two beside each."""
    low = np.minimum(np.floor(place).astype(int), drawn.shape[1] - 1)
    high = np.minimum(low + 1, drawn.shape[1] - 1)
    part = (place - low).astype(np.float32)[None, :, None, None]
    mixed = drawn[:, low] * (1 - part) + drawn[:, high] * part
    return np.asarray(np.rint(mixed), np.uint8)
