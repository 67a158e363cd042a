"""What the network shows of a plane, or a part of it, that is one tile on its working grid.

The final pass of a small plane needs what the last look at its size has seen, where both use one
scale: a view is kept with its plane, and whoever asks for the same grid gets it, the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.instances import find_regions
from fatescope.predict.join import RegionSums, add_part
from fatescope.predict.regions import quantise
from fatescope.predict.tiling import read_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.models.outputs import Thresholds
    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.tiling import Grid, Network, Reader


@dataclass(slots=True)
class View:
    """One tile, its maps, and the regions found in them."""

    network: Network
    grid: Grid
    tile: NDArray[np.float32]  # normalised, mirrored beyond the edge
    maps: NDArray[np.uint8]  # (C, working rows, working columns)
    _found: tuple[Thresholds, RegionSums, NDArray[np.uint32]] | None = field(
        default=None, repr=False
    )

    def fits(self, network: Network, grid: Grid) -> bool:
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


def make_view(network: Network, read: Reader, grid: Grid, statistics: PlaneStatistics) -> View:
    """Run the network on a grid of one tile."""
    tile = read_tile(read, grid, statistics, 0, 0)
    rows, columns = grid.working_shape
    maps = quantise(network.run(tile[None, None])[0][:, :rows, :columns])
    return View(network, grid, tile, maps)
