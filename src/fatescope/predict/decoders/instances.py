"""From maps to instances: the foreground, divided by the route that a model's maps belong to.

Routes are made of steps that look no further than a *reach*, so a part of a plane gives, away from
its cut edges, the same pixels as the whole plane, to the last bit. What is known only of whole
objects (area, score, what they touch) is a sum of whole numbers that parts add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import ModelError
from fatescope.models.outputs import DISTANCE_MAPS, OFFSET_MAPS
from fatescope.predict.decoders import climbing, voting
from fatescope.predict.decoders.join import RegionSums, add_part, join_regions, pair_parts
from fatescope.predict.decoders.labels import PlaneLabels
from fatescope.predict.decoders.outlines import outline_nuclei
from fatescope.predict.decoders.regions import find_foreground
from fatescope.predict.tiling import FULL, MapBuffer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.models.outputs import InstanceMaps, Thresholds
    from fatescope.predict.decoders.regions import Regions
    from fatescope.predict.scratch import Rows, Scratch
    from fatescope.predict.tiling import TileGrid

_REACH_PX: dict[tuple[str, ...], int] = {
    OFFSET_MAPS: voting.REACH_PX,
    DISTANCE_MAPS: climbing.REACH_PX,
}

STEP_PX = voting.STEP_PX
"""Parts of a plane begin at multiples of this."""

PART_PX = 4_000_000
"""Working pixels of a part, about; decides memory, never a result."""

_LEAST_ROWS = 256  # of a part of a wide plane, against the `reach` above and below it


def decode_plane(
    maps: Iterator[NDArray[np.uint8]],
    grid: TileGrid,
    thresholds: Thresholds,
    *,
    outputs: tuple[str, ...],
    scratch: Scratch,
    found: tuple[RegionSums, NDArray[np.uint32]] | None = None,
    part_px: int = PART_PX,
) -> PlaneLabels:
    """Make nuclei of the maps of a plane, in bounded memory.

    Parameters
    ----------
    maps : iterator of ndarray of uint8, shape (3, rows, working columns)
        The maps in bands from top to bottom, as `map_tiles` yields them.
    grid : Grid
    thresholds : Thresholds
    outputs : tuple of str
        What the maps are.
    scratch : Scratch
        Where labels wait between the passes.
    found : tuple of RegionSums and ndarray of uint32, optional
        Sums and provisional labels of the whole plane where they are known; ``maps`` is then one
        band.
    part_px : int
        Working pixels handled at a time; changes memory, not the result.
    """
    rows, columns = grid.working_shape
    labels = scratch.rows((rows, columns), np.dtype(np.uint32))
    shade: Rows | None = None
    if any(s != 1 for s in grid.scale):
        shade = scratch.rows((rows, columns), np.dtype(np.uint8))
    if found is None:
        sums = _regions_of_parts(
            MapBuffer(maps), (rows, columns), thresholds, outputs, labels, shade, part_px
        )
    else:
        sums, provisional = found
        labels.write(0, provisional)
        if shade is not None:
            shade.write(0, next(maps)[0])
    joined = join_regions(sums, thresholds)
    if shade is None:
        return PlaneLabels((rows, columns), joined.n, joined.score, joined.label_of, labels)
    least = max(1, round(thresholds.foreground * FULL))
    return outline_nuclei(joined, grid, labels, shade, scratch, least, part_px)


def _regions_of_parts(
    buffer: MapBuffer,
    shape: tuple[int, int],
    thresholds: Thresholds,
    outputs: tuple[str, ...],
    labels: Rows,
    shade: Rows | None,
    part_px: int,
) -> RegionSums:
    """Find regions part by part, store provisional numbers, and return the sums."""
    rows, columns = shape
    reach = reach_px(outputs)
    height = max(_LEAST_ROWS if part_px == PART_PX else 1, part_px // columns)
    sums = RegionSums()
    previous: tuple[NDArray[np.int32], NDArray[np.int32], int] | None = None
    for first in range(0, rows, height):
        stop = min(first + height, rows)
        top = max(0, first - reach) // STEP_PX * STEP_PX
        bottom = min(rows, stop + reach)
        maps = buffer.read(top, bottom)
        own = slice(first - top, stop - top)
        regions = find_regions(
            maps, thresholds, outputs=outputs, own=own, cut=(top > 0, bottom < rows)
        )
        start = sums.n
        labels.write(first, add_part(sums, regions, maps, own=own, offset=first * columns))
        if shade is not None:
            shade.write(first, maps[0][own])
        if previous is not None:
            offsets = (previous[2], start)
            sums.same.append(pair_parts(previous[0], regions.cores[0], offsets=offsets))
            row = regions.labels[own.start - 1]
            sums.same.append(pair_parts(previous[1], row, offsets=offsets))
        previous = regions.cores[1], regions.labels[own.stop - 1].copy(), start
    return sums


def check_maps(output: InstanceMaps) -> None:
    """Raise `ModelError` unless objects can be made of what a network draws."""
    if not output.rays:
        reach_px(output.channels)


def reach_px(outputs: tuple[str, ...]) -> int:
    """Return how far, in working pixels, a pixel's region can depend on its surroundings.

    Raises
    ------
    ModelError
        If regions cannot be made of maps with these names.
    """
    if outputs not in _REACH_PX:
        shown = ", ".join(outputs[:4]) + ", ..." * (len(outputs) > 4)
        raise ModelError(
            f"the model draws {shown}; nuclei are made of {', '.join(OFFSET_MAPS)}, "
            f"of {', '.join(DISTANCE_MAPS)}, of foreground and boundary, or of probability and "
            "rays."
        )
    return _REACH_PX[outputs]


def find_regions(
    maps: NDArray[np.uint8],
    thresholds: Thresholds,
    *,
    outputs: tuple[str, ...],
    own: slice | None = None,
    cut: tuple[bool, bool] = (False, False),
) -> Regions:
    """Divide the foreground of a plane, of a volume, or of a part of one, into regions.

    Parameters
    ----------
    maps : ndarray of uint8, shape (3, Y, X) or (3, Z, Y, X)
        What the model draws, each 0..255; a volume only from a model with a distance map.
    thresholds : Thresholds
    outputs : tuple of str
        What the maps are, as the model's description says: they decide the route.
    own : slice, optional
        Along the first axis of space, what this part accounts for; the rest is there to look at.
    cut : tuple of bool
        Whether the part ends before, and after, where the whole does; `reach_px` rows must then
        lie between that end and the own rows, and the part must begin at a multiple of `STEP_PX`.

    Raises
    ------
    ModelError
        If there is no route for such maps, or there are more or fewer than ``outputs`` names.
    """
    reach_px(outputs)
    if len(maps) != len(outputs):
        raise ModelError(f"the model gives {len(maps)} maps and names {', '.join(outputs)}.")
    own = own or slice(0, maps.shape[1])
    foreground = find_foreground(maps[0], least=thresholds.foreground)
    if outputs == OFFSET_MAPS:
        return voting.regions_by_votes(maps, foreground, thresholds, own=own)
    return climbing.regions_by_climbing(maps, foreground, thresholds, own=own, cut=cut)
