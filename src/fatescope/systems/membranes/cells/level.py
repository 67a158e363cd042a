"""An image of membranes above its background, with equally bright planes, on any grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.systems.membranes.cells.grid import VolumeGrid
from fatescope.systems.membranes.cells.surface import plane_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STEP_UM = 0.43
"""Ridges are looked for on a grid of about this step, which a wall is wider than; and planes that
lie closer together than this are averaged, for networks too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelledImage:
    """What ridges and networks see of an image, on a grid of their own.

    Parameters
    ----------
    clean : ndarray of float32, shape (Y, X) or (Z, Y, X)
        Brightness above the background, at the image's own pixels.
    spacing : tuple of float
        Of these, in µm.
    level : ndarray of float32, shape (Z,), one for a single plane
        How bright each plane of a grid is, from `plane_levels`.
    """

    clean: NDArray[np.float32]
    spacing: tuple[float, ...]
    level: NDArray[np.float32]

    def on_grid(self, step_um: float) -> tuple[VolumeGrid, NDArray[np.float32]]:
        """Return a grid of about ``step_um`` in the plane, at most, and the image on it.

        A value of 1 is as bright as the walls of its plane.
        """
        step = (STEP_UM, step_um, step_um)[-self.clean.ndim :]
        grid = VolumeGrid.of_step(self.spacing, shape=self.clean.shape, step=step)
        values = grid.mean(self.clean)
        return grid, values / self.level.reshape((-1, 1, 1)[-values.ndim :])


def level_image(values: NDArray[Any], spacing: Sequence[float]) -> LevelledImage | None:
    """Take the background off an image, and measure how bright its planes are.

    Parameters
    ----------
    values : ndarray of real numbers, shape (Y, X) or (Z, Y, X)
        NaN and infinity count as background.
    spacing : sequence of float
        In µm.

    Returns
    -------
    LevelledImage or None
        ``None`` where all pixels have one value.
    """
    clean = without_background(values)
    if clean is None:
        return None
    grid = VolumeGrid.of_step(spacing, shape=values.shape, step=(STEP_UM,) * values.ndim)
    level = plane_levels(grid.mean(clean), grid.coarse_spacing)
    return LevelledImage(clean=clean, spacing=grid.spacing, level=level)


def without_background(values: NDArray[Any]) -> NDArray[np.float32] | None:
    """Return brightness above the background, 0 and more; ``None`` where all pixels are equal.

    Background is the 5th percentile of the image: outside of the embryo, or inside of cells.
    """
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    clean = np.maximum(finite - np.float32(np.percentile(finite, 5)), 0)
    return clean if clean.any() else None
