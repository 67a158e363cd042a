"""Walls and outer surface of a frame, from ridges and a network, before there are cells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.systems.membranes.cells.level import STEP_UM, level_image
from fatescope.systems.membranes.cells.ridge import ridge_strength
from fatescope.systems.membranes.cells.surface import (
    between_surfaces,
    find_surface,
    snap_surface,
    surface_of_inside,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.systems.membranes.cells.grid import VolumeGrid
    from fatescope.systems.membranes.cells.network import WallMaps, WallNetwork
    from fatescope.systems.membranes.cells.settings import MembraneSettings

_LEAST_COVERED = 0.6
"""Share of the embryo, as brightness has it, that a network must call inside to be believed."""
_WIDER = 1.6
_LEAST_WALLS = {2: 0.11, 3: 0.05}
_LEAST_SHEETS = {2: 0.82, 3: 0.72}
"""Whether there are membranes at all is asked at this multiple of a wall's width, where the grain
of dim images is gone (decision record 0266)."""
_CERTAIN_WALL = {2: 0.112, 3: 0.125}
_RIDGE_SHARE = {2: 0.3, 3: 0.333}
"""A probability of 1 counts as a ridge of this strength, and ridges by this share beside it, so
that the limits of ridges hold (decision record 0265)."""
_BEYOND_UM = 0.1
"""What a network calls inside ends so far outside of the ridge of the outer membrane."""


@dataclass(frozen=True, kw_only=True)
class FoundWalls:
    """What is known of a frame before its cells.

    Parameters
    ----------
    grid : Grid
        On which walls are looked for.
    depth : ndarray of float32, of the grid
        In µm below the outer surface; 0 or less outside.
    ridges : ndarray of float32, of the grid
        How strong the ridges are, as they count.
    drawn : WallMaps, optional
        What a network draws, on its own grid.
    certain : float
        The ridge that a wall counts as of which the network is certain.
    looks_like_membrane : bool
    """

    grid: VolumeGrid
    depth: NDArray[np.float32]
    ridges: NDArray[np.float32]
    looks_like_membrane: bool
    drawn: WallMaps | None = None
    certain: float = 0.0

    @cached_property
    def walls(self) -> NDArray[np.float32]:
        """How strong a wall is, of the grid, in the unit of ridges."""
        if self.drawn is None:
            return self.ridges
        wall = self.grid.resampled(self.drawn.wall, self.drawn.grid)
        return self.ridges + np.float32(self.certain) * wall

    def walls_at(self, box: tuple[slice, ...]) -> NDArray[np.float32]:
        """Return the same for the image's own pixels in a box."""
        ridges = self.grid.enlarge(self.ridges, box)
        if self.drawn is None:
            return ridges
        return ridges + np.float32(self.certain) * self.drawn.grid.enlarge(self.drawn.wall, box)


def find_walls(
    values: NDArray[Any],
    spacing: Sequence[float],
    settings: MembraneSettings,
    *,
    network: WallNetwork | None,
) -> FoundWalls | None:
    """Find the outer surface and the walls of a frame; ``None`` where all pixels have one value."""
    image = level_image(values, spacing)
    if image is None:
        return None
    grid, levelled = image.on_grid(STEP_UM)
    step = grid.coarse_spacing
    width = (settings.wall_depth_um, settings.wall_um, settings.wall_um)[-values.ndim :]
    ridges, _ = ridge_strength(levelled, step, width=width)
    depth = snap_surface(find_surface(levelled, step, settings), ridges, step, settings)
    wide, second = ridge_strength(levelled, step, width=[_WIDER * w for w in width])
    alike = looks_like_membrane(wide, second, depth > 0, settings)
    if network is None:
        return FoundWalls(grid=grid, depth=depth, ridges=ridges, looks_like_membrane=alike)
    drawn = network.draw(image)
    outer = surface_of_inside(grid.resampled(drawn.inside, drawn.grid), step)
    if values.ndim == 2:
        depth = better_surface(depth, outer)
    elif outer is not None:
        depth = between_surfaces(depth, outer - np.float32(settings.outer_um + _BEYOND_UM))
    return FoundWalls(
        grid=grid,
        depth=depth,
        ridges=np.float32(_RIDGE_SHARE[values.ndim]) * ridges,
        looks_like_membrane=alike,
        drawn=drawn,
        certain=_CERTAIN_WALL[values.ndim],
    )


def better_surface(
    depth: NDArray[np.float32], drawn: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """Return the outer surface of a plane: that of a network, unless it misses too much.

    A plane through a cap is bright far beyond its cells, which only a network knows. In a volume
    neighbouring planes tell, and brightness and ridges are closer.
    """
    if drawn is None:
        return depth
    covered = np.count_nonzero((drawn > 0) & (depth > 0))
    return drawn if covered >= _LEAST_COVERED * np.count_nonzero(depth > 0) else depth


def looks_like_membrane(
    ridges: NDArray[np.float32],
    second: NDArray[np.float32],
    inside: NDArray[np.bool_],
    settings: MembraneSettings,
) -> bool:
    """Say whether there are walls: enough of them, and sheets rather than balls or noise.

    Volumes of membranes are 0.75 to 0.91 sheets, those of nuclei and noise 0.30 to 0.68; of planes
    the numbers are in decision record 0266.
    """
    walls = inside & (ridges > settings.least_wall)
    if np.count_nonzero(walls) < _LEAST_WALLS[inside.ndim] * np.count_nonzero(inside):
        return False
    total = float(ridges[walls].sum(dtype=np.float64))
    return (
        total > 0
        and 1 - float(second[walls].sum(dtype=np.float64)) / total > _LEAST_SHEETS[inside.ndim]
    )
