"""Walls by a network: how a volume goes in, plane by plane with its neighbours, and what comes out.

Training (`fatescope.train.tasks.membrane`) cuts its crops out of the same windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.predict.membrane.grid import Grid
from fatescope.predict.membrane.surface import level_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STEP_UM = 0.43
"""Walls are looked for on a grid of about this step, which a wall is wider than."""
MAPS = ("wall", "inside")
DIVISOR = 16
_BRIGHTEST = 3.0
"""Of a levelled plane: what is brighter counts as this bright."""


class MapModel(Protocol):
    """What draws the maps: a model package, or a network that was just trained."""

    def run(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Return (B, 2, Y, X) of (B, planes, Y, X), lengths in multiples of `DIVISOR`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WallMaps:
    """What a network says of each voxel of the coarse grid, in 0..1."""

    wall: NDArray[np.float32]
    inside: NDArray[np.float32]


def without_background(values: NDArray[Any]) -> NDArray[np.float32] | None:
    """Return brightness above the background, 0 and more; ``None`` where all pixels are equal.

    Background is the 5th percentile of the image: outside of the embryo, or inside of cells.
    """
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    clean = np.maximum(finite - np.float32(np.percentile(finite, 5)), 0)
    return clean if clean.any() else None


def level_on_grid(
    values: NDArray[Any], spacing: Sequence[float]
) -> tuple[Grid, NDArray[np.float32]] | None:
    """Bring an image to what all steps see: above background, coarse, planes equally bright.

    Parameters
    ----------
    values : ndarray of real numbers, shape (Y, X) or (Z, Y, X)
    spacing : sequence of float
        In µm.

    Returns
    -------
    Grid, ndarray of float32
        The grid, and brightness on it; ``None`` where all pixels have one value.
    """
    clean = without_background(values)
    if clean is None:
        return None
    grid = Grid.of_step(spacing, shape=values.shape, step=STEP_UM)
    return grid, level_planes(grid.mean(clean), grid.coarse_spacing)


def plane_window(levelled: NDArray[np.float32], z: int, *, planes: int) -> NDArray[np.float32]:
    """Return a plane between its neighbours, (planes, Y, X); at an end the last one is repeated."""
    reach = planes // 2
    index = np.clip(np.arange(z - reach, z + reach + 1), 0, len(levelled) - 1)
    return np.asarray(np.minimum(levelled[index], _BRIGHTEST), np.float32)


def map_walls(levelled: NDArray[np.float32], model: MapModel, *, planes: int) -> WallMaps:
    """Run a network over all planes.

    Parameters
    ----------
    levelled : ndarray of float32, shape (Y, X) or (Z, Y, X)
        From `level_on_grid`. A single plane stands in for its neighbours too.
    model : MapModel
    planes : int
        That the network sees at once; odd.

    Returns
    -------
    WallMaps
        Of the same shape.
    """
    volume = levelled if levelled.ndim == 3 else levelled[None]
    found = np.stack(
        [run_plane(plane_window(volume, z, planes=planes), model) for z in range(len(volume))]
    )
    wall, inside = (np.ascontiguousarray(found[:, i]).reshape(levelled.shape) for i in range(2))
    return WallMaps(wall=wall, inside=inside)


def run_plane(window: NDArray[np.float32], model: MapModel) -> NDArray[np.float32]:
    """Return the maps of a window, (2, Y, X), mirrored to lengths that the network takes."""
    shape = window.shape[1:]
    short = [-n % DIVISOR for n in shape]
    # Mirrored as often as it takes, where a side is shorter than what is added.
    padded = np.pad(window, [(0, 0), *((0, s) for s in short)], mode="symmetric")
    return np.asarray(model.run(padded[None])[0][:2, : shape[0], : shape[1]], np.float32)
