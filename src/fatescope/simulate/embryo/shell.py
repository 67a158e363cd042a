"""The egg shell: a flattened egg around all places that nuclei ever take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.simulate.embryo.grid import Grid

LEAST_UM = (9.5, 14.5, 22.0)
"""Half axes that no shell falls below (z, across, along), however few stages a table shows."""
_FLAT = 4
"""Power along z: mounted embryos are pressed flat between slide and cover glass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """``(along/a)^2 + (across/b)^2 + (z/c)^4 = 1``, turned in the plane.

    Parameters
    ----------
    centre_um : ndarray of float, shape (3,)
        z, y, x.
    half_um : ndarray of float, shape (3,)
        Along z, across, along the long axis.
    angle : float
        Of the long axis, radians from x towards y.
    """

    centre_um: FloatArray
    half_um: FloatArray
    angle: float

    def reach(self, side: float) -> float:
        """Return how far the shell reaches in a direction of the plane (radians from x to y)."""
        along = np.cos(side - self.angle) * self.half_um[2]
        across = np.sin(side - self.angle) * self.half_um[1]
        return float(np.hypot(along, across))

    def height(self, grid: Grid) -> FloatArray:
        """Return how far the shell reaches above its middle plane at each (y, x), in µm.

        0 outside its silhouette; float32, shape (Y, X).
        """
        room = np.clip(1 - self.silhouette(grid), 0, None)
        return np.asarray(self.half_um[0] * room ** (1 / _FLAT), dtype=np.float32)

    def depth(self, grid: Grid) -> FloatArray:
        """Return how far each voxel lies inside (negative: outside), in µm, near the shell.

        To first order; float32, shape (Z, Y, X).
        """
        flat = self.silhouette(grid).astype(np.float32)
        z = (grid.along(0) - self.centre_um[0]) / self.half_um[0]
        value = flat + (z**_FLAT)[:, None, None].astype(np.float32)
        across = self.half_um[1:].mean()
        steep_flat = (2 * np.sqrt(flat) / across) ** 2
        steep_z = ((_FLAT * np.abs(z) ** (_FLAT - 1) / self.half_um[0]) ** 2)[:, None, None]
        steep = np.sqrt(steep_flat + steep_z.astype(np.float32) + 1e-4)
        return np.asarray((1 - value) / steep, dtype=np.float32)

    def silhouette(self, grid: Grid) -> FloatArray:
        """Return 0 in the middle and 1 at the rim of the shell as seen from above, shape (Y, X)."""
        y = (grid.along(1) - self.centre_um[1])[:, None]
        x = (grid.along(2) - self.centre_um[2])[None]
        along = (x * np.cos(self.angle) + y * np.sin(self.angle)) / self.half_um[2]
        across = (y * np.cos(self.angle) - x * np.sin(self.angle)) / self.half_um[1]
        return np.asarray(along**2 + across**2)


def fit_shell(position_um: FloatArray, *, margin_um: float) -> Shell:
    """Return the shell around positions.

    Parameters
    ----------
    position_um : ndarray of float, shape (n, 3)
        z, y, x of all nuclei at all times.
    margin_um : float
        From the outermost nuclei to the shell.
    """
    centre = np.median(position_um, axis=0)
    flat = position_um[:, 1:] - centre[1:]
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat) + 1e-9 * np.eye(2))
    y, x = vectors[:, int(np.argmax(values))]
    angle = float(np.arctan2(y, x)) % np.pi
    turned = np.stack(
        [
            position_um[:, 0] - centre[0],
            flat[:, 0] * np.cos(angle) - flat[:, 1] * np.sin(angle),
            flat[:, 1] * np.cos(angle) + flat[:, 0] * np.sin(angle),
        ],
        axis=1,
    )
    low, high = turned.min(axis=0), turned.max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    u = np.abs(turned - middle) / half
    reach = float(np.quantile(u[:, 1] ** 2 + u[:, 2] ** 2 + u[:, 0] ** _FLAT, 0.97))
    half = half * np.array([reach ** (1 / _FLAT), reach**0.5, reach**0.5])
    half = np.maximum(half + margin_um, LEAST_UM)
    shift = np.array(
        [
            middle[0],
            middle[1] * np.cos(angle) + middle[2] * np.sin(angle),
            middle[2] * np.cos(angle) - middle[1] * np.sin(angle),
        ]
    )
    return Shell(centre_um=centre + shift, half_um=half, angle=angle)
