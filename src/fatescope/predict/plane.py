"""One plane: what a network shows of it, and the nuclei in it, in bounded memory.

The final pass of a small plane needs what the last look at its size has seen, where both use one
scale: a view is kept with its plane, and whoever asks for the same grid gets it, the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fatescope.predict.decoders.instances import PART_PX, decode_plane, find_regions
from fatescope.predict.decoders.join import RegionSums, add_part
from fatescope.predict.decoders.stars import segment_stars
from fatescope.predict.tiling import map_tiles, quantise, read_tile

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from fatescope.models.outputs import Thresholds
    from fatescope.predict.decoders.labels import PlaneLabels
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.scratch import Scratch
    from fatescope.predict.search import Search
    from fatescope.predict.tiling import Network, Pixels, TileGrid


def segment_plane(
    search: Search,
    pixels: Pixels,
    statistics: PlaneStatistics,
    *,
    scratch: Scratch,
    view: PlaneView | None = None,
    part_px: int = PART_PX,
    done: Callable[[], None] | None = None,
) -> PlaneLabels:
    """Find the nuclei of a plane.

    Parameters
    ----------
    search : Search
    pixels : Pixels
        The plane.
    statistics : PlaneStatistics
        Of the whole plane, or of the stack that it belongs to.
    scratch : Scratch
    view : View, optional
        Of the whole plane: where it fits, what was seen is used, which is the same.
    part_px : int
        Working pixels handled at a time; changes memory, not the result.
    done : callable, optional
        Called after each tile.
    """
    output = search.model.instances
    if output.rays:
        return segment_stars(search, pixels, statistics, scratch=scratch, done=done)
    grid = search.grid(pixels.shape)
    found = None
    if view is not None and view.fits(search.network, grid):
        found, maps = view.regions(search.thresholds, output.channels), iter([view.maps])
        if done is not None:
            done()
    else:
        maps = map_tiles(search.network, pixels, grid, statistics, done=done)
    return decode_plane(
        maps,
        grid,
        search.thresholds,
        outputs=output.channels,
        scratch=scratch,
        found=found,
        part_px=part_px,
    )


@dataclass(slots=True)
class PlaneView:
    """One tile, its maps, and the regions found in them."""

    network: Network
    grid: TileGrid
    tile: NDArray[np.float32]  # normalised, mirrored beyond the edge
    maps: NDArray[np.uint8]  # (C, working rows, working columns)
    _found: tuple[Thresholds, RegionSums, NDArray[np.uint32]] | None = field(
        default=None, repr=False
    )

    def fits(self, network: Network, grid: TileGrid) -> bool:
        """Say whether this is what ``network`` would show on ``grid``."""
        return self.network is network and self.grid == grid

    def regions(
        self, thresholds: Thresholds, outputs: tuple[str, ...]
    ) -> tuple[RegionSums, NDArray[np.uint32]]:
        """Return the sums over regions and their provisional labels, found once for thresholds."""
        if self._found is None or self._found[0] != thresholds:
            sums = RegionSums()
            regions = find_regions(self.maps, thresholds, outputs=outputs)
            own = slice(0, self.maps.shape[1])
            labels = add_part(sums, regions, self.maps, own=own, offset=0)
            self._found = thresholds, sums, labels
        return self._found[1:]


def make_view(
    network: Network, pixels: Pixels, grid: TileGrid, statistics: PlaneStatistics
) -> PlaneView:
    """Run the network on a grid of one tile."""
    tile = read_tile(pixels, grid, statistics, 0, 0)
    rows, columns = grid.working_shape
    maps = quantise(network.run(tile[None, None])[0][:, :rows, :columns])
    return PlaneView(network, grid, tile, maps)
