"""One plane, from pixels to numbered labels on its own grid, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.predict.instances import STEP_PX, find_regions, reach_px
from fatescope.predict.join import Joined, RegionSums, add_part, join_regions, pair_parts
from fatescope.predict.regions import FULL
from fatescope.predict.resample import Corners, make_corners, outline_labels
from fatescope.predict.tiling import RowBuffer, make_grid, map_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fatescope.models.description import ModelDescription
    from fatescope.models.outputs import Thresholds
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.scratch import Rows, Scratch
    from fatescope.predict.tiling import Grid, Network, Reader
    from fatescope.predict.view import View

PART_PX = 4_000_000
"""Working pixels of a part, about; decides memory, never a result."""

_LEAST_ROWS = 256


@dataclass(frozen=True, slots=True)
class PlaneLabels:
    """The nuclei of a plane: labels 1..n in raster order of their first pixel."""

    shape: tuple[int, int]
    n: int
    scores: NDArray[np.float32]  # (n,), mean predicted foreground of each
    number: NDArray[np.uint32]  # from what is stored to the label
    stored: Rows

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return labels of rows ``first..stop``, in the smallest unsigned type that holds n."""
        number = self.number.astype(np.min_scalar_type(self.n))
        return np.asarray(number[self.stored.read(first, stop)])

    def bands(self, height: int = 512) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the first row and the labels of bands of ``height`` full rows."""
        for first in range(0, self.shape[0], height):
            yield first, self.rows(first, min(first + height, self.shape[0]))

    def array(self) -> NDArray[Any]:
        """Return the labels of the whole plane, shape (Y, X)."""
        return self.rows(0, self.shape[0])

    def close(self) -> None:
        """Free the scratch space."""
        self.stored.close()


def segment_plane(
    network: Network,
    read: Reader,
    shape: tuple[int, int],
    statistics: PlaneStatistics,
    model: ModelDescription,
    *,
    scale: tuple[float, float],
    thresholds: Thresholds,
    scratch: Scratch,
    view: View | None = None,
    part_px: int = PART_PX,
    done: Callable[[], None] | None = None,
) -> PlaneLabels:
    """Find the nuclei of a plane.

    Parameters
    ----------
    network : Network
    read : Reader
        Reads a block of the plane.
    shape : tuple of int
        Rows and columns of the plane.
    statistics : PlaneStatistics
        Of the whole plane, or of the stack that it belongs to.
    model : ModelDescription
        Decides the tile grid.
    scale : tuple of float
        Working pixels per input pixel, down and across.
    thresholds : Thresholds
    scratch : Scratch
    view : View, optional
        Of the whole plane: where it fits, what was seen is used, which is the same.
    part_px : int
        Working pixels handled at a time; changes memory, not the result.
    done : callable, optional
        Called after each tile.
    """
    grid = make_grid(shape, scale, model)
    rows, columns = grid.working_shape
    same_grid = scale == (1, 1)
    labels = scratch.rows((rows, columns), np.dtype(np.uint32))
    shade = None if same_grid else scratch.rows((rows, columns), np.dtype(np.uint8))
    if view is not None and view.fits(network, grid):
        sums, provisional = view.regions(thresholds, model.instances.channels)
        labels.write(0, provisional)
        if shade is not None:
            shade.write(0, view.maps[0])
        if done is not None:
            done()
    else:
        buffer = RowBuffer(map_rows(network, read, grid, statistics, done=done))
        sums = _regions_of_parts(
            buffer, (rows, columns), thresholds, model.instances.channels, labels, shade, part_px
        )
    joined = join_regions(sums, thresholds)
    if shade is None:
        return PlaneLabels(shape, joined.n, joined.score, joined.label_of, labels)
    least = max(1, round(thresholds.foreground * FULL))
    return _on_input_grid(joined, grid, labels, shade, scratch, least, part_px)


def _regions_of_parts(
    buffer: RowBuffer,
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


def _on_input_grid(
    joined: Joined,
    grid: Grid,
    labels: Rows,
    shade: Rows,
    scratch: Scratch,
    least: int,
    part_px: int,
) -> PlaneLabels:
    """Bring labels from the working grid to the input grid; number those that are left."""
    rows, columns = grid.shape
    working_rows, working_columns = grid.working_shape
    out = scratch.rows(grid.shape, np.dtype(np.uint32))
    across = make_corners(np.arange(columns), scale=grid.scale[1], length=working_columns)
    height = max(1, part_px // columns)
    order: list[NDArray[np.uint32]] = []
    seen = np.zeros(joined.n + 1, np.bool_)
    seen[0] = True
    for first in range(0, rows, height):
        index = np.arange(first, min(first + height, rows))
        down = make_corners(index, scale=grid.scale[0], length=working_rows)
        top, bottom = int(down.low.min()), int(down.high.max()) + 1
        down = Corners(down.low - top, down.high - top, down.part)
        found = joined.label_of[labels.read(top, bottom)]
        band = outline_labels(found, shade.read(top, bottom), down, across, least=least)
        out.write(first, band)
        order.append(_new_labels(band, seen))
    labels.close()
    shade.close()
    kept = np.concatenate(order)
    number = np.zeros(joined.n + 1, np.uint32)
    number[kept] = np.arange(1, len(kept) + 1)
    return PlaneLabels(grid.shape, len(kept), joined.score[kept.astype(np.intp) - 1], number, out)


def _new_labels(band: NDArray[np.uint32], seen: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Return labels not seen before, in the order of their first pixel; mark them seen."""
    at = np.flatnonzero(band)
    label = band.reshape(-1)[at]
    first = np.full(len(seen), -1, np.int64)
    first[label[::-1]] = at[::-1]
    new = np.flatnonzero((first >= 0) & ~seen)
    seen[new] = True
    return new[np.argsort(first[new], kind="stable")].astype(np.uint32)
