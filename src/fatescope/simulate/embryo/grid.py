"""The voxels of one volume: how many, how large, and where they lie in the embryo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Voxels whose centres lie at whole multiples of the spacing from ``origin_um``.

    Parameters
    ----------
    shape : tuple of 3 ints
        Planes, rows, columns.
    spacing_um : tuple of 3 floats
        z, y, x.
    origin_um : tuple of 3 floats
        Where the centre of the first voxel lies.
    """

    shape: tuple[int, int, int]
    spacing_um: tuple[float, float, float]
    origin_um: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def centre_um(self) -> FloatArray:
        """The middle of the volume: z, y, x."""
        extent = (np.array(self.shape) - 1) * np.array(self.spacing_um)
        return np.asarray(np.array(self.origin_um) + extent / 2)

    def along(self, axis: int, part: slice | None = None) -> FloatArray:
        """Return the places of the voxel centres along an axis, in µm, as float32."""
        start, stop = (part.start, part.stop) if part else (0, self.shape[axis])
        places = self.origin_um[axis] + np.arange(start, stop) * self.spacing_um[axis]
        return places.astype(np.float32)

    def to_voxels(self, position_um: FloatArray) -> FloatArray:
        """Return positions (n, 3) in µm as (n, 3) planes, rows, columns."""
        return np.asarray((position_um - np.array(self.origin_um)) / np.array(self.spacing_um))

    def box(self, low_um: FloatArray, high_um: FloatArray) -> tuple[slice, slice, slice] | None:
        """Return the voxels between two corners, or ``None`` where there are none."""
        ends = self.to_voxels(np.stack([low_um, high_um]))
        low = np.maximum(np.ceil(ends[0]), 0).astype(int).tolist()
        high = np.minimum(np.floor(ends[1]) + 1, self.shape).astype(int).tolist()
        if any(a >= b for a, b in zip(low, high, strict=True)):
            return None
        return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])
