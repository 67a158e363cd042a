"""What the network shows of a plane, or a part of it, that is one tile on its working grid.

The final pass of a small plane needs what the last look at its size has seen, where both use one
scale: a view is kept with its plane, and whoever asks for the same grid gets it, the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.regions import quantise
from fatescope.predict.tiling import read_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.predict.normalise import PlaneStatistics
    from fatescope.predict.tiling import Grid, Network, Reader


@dataclass(frozen=True, slots=True)
class View:
    """One tile and its maps."""

    network: Network
    grid: Grid
    tile: NDArray[np.float32]  # normalised, mirrored beyond the edge
    maps: NDArray[np.uint8]  # (C, working rows, working columns)

    def fits(self, network: Network, grid: Grid) -> bool:
        """Say whether this is what ``network`` would show on ``grid``."""
        return self.network is network and self.grid == grid


def make_view(network: Network, read: Reader, grid: Grid, statistics: PlaneStatistics) -> View:
    """Run the network on a grid of one tile."""
    tile = read_tile(read, grid, statistics, 0, 0)
    rows, columns = grid.working_shape
    maps = quantise(network.run(tile[None, None])[0][:, :rows, :columns])
    return View(network, grid, tile, maps)
