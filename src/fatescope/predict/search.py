"""What an image is searched with: a network, the scale that it sees, the limits that decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fatescope.predict.tiling import make_grid

if TYPE_CHECKING:
    from fatescope.models.description import ModelDescription
    from fatescope.models.outputs import Thresholds
    from fatescope.predict.tiling import Network, TileGrid


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How nuclei are found in a plane or a volume.

    Parameters
    ----------
    network : Network
    model : ModelDescription
        What the network draws; decides the tile grid.
    scale : tuple of float
        Working pixels per input pixel along each axis.
    thresholds : Thresholds
    """

    network: Network
    model: ModelDescription
    scale: tuple[float, ...]
    thresholds: Thresholds

    def grid(self, shape: tuple[int, ...]) -> TileGrid:
        """Return the tile grid over a plane or volume of ``shape``."""
        return make_grid(shape, self.scale, self.model)
