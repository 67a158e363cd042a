"""A coarser grid for what walls are wide enough for, and the way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeGrid:
    """Blocks of whole voxels; ``factor`` voxels along each axis are one of the grid.

    Examples
    --------
    >>> grid = Grid.of_step((0.43, 0.18, 0.18), shape=(70, 256, 356), step=(0.4, 0.4, 0.4))
    >>> grid.factor, grid.coarse_shape
    ((1, 2, 2), (70, 128, 178))
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    factor: tuple[int, ...]

    @classmethod
    def of_step(
        cls, spacing: Sequence[float], *, shape: Sequence[int], step: Sequence[float]
    ) -> VolumeGrid:
        """Choose blocks of about ``step`` along each axis, at most."""
        factor = tuple(
            max(1, min(math.floor(most / s + 1e-9), n))
            for most, s, n in zip(step, spacing, shape, strict=True)
        )
        return cls(shape=tuple(shape), spacing=tuple(map(float, spacing)), factor=factor)

    @property
    def coarse_shape(self) -> tuple[int, ...]:
        """Lengths of the axes of the grid; the last block of an axis may be partly filled."""
        return tuple(-(-n // f) for n, f in zip(self.shape, self.factor, strict=True))

    @property
    def coarse_spacing(self) -> tuple[float, ...]:
        """Distance of the centres of blocks."""
        return tuple(s * f for s, f in zip(self.spacing, self.factor, strict=True))

    def mean(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return the mean of each block; the last voxels are repeated where a block is short."""
        padded = [
            (0, n * f - m)
            for n, f, m in zip(self.coarse_shape, self.factor, self.shape, strict=True)
        ]
        whole = np.pad(values, padded, mode="edge") if any(p[1] for p in padded) else values
        split = [k for n, f in zip(self.coarse_shape, self.factor, strict=True) for k in (n, f)]
        blocks = whole.reshape(split)
        return np.asarray(blocks.mean(axis=tuple(range(1, len(split), 2)), dtype=np.float32))

    def enlarge(self, values: NDArray[np.float32], box: tuple[slice, ...]) -> NDArray[np.float32]:
        """Interpolate linearly between block centres, for the voxels of a box."""
        out = values
        for axis, (f, part) in enumerate(zip(self.factor, box, strict=True)):
            at = (np.arange(part.start, part.stop) + 0.5) / f - 0.5
            low = np.clip(np.floor(at).astype(np.intp), 0, out.shape[axis] - 1)
            high = np.minimum(low + 1, out.shape[axis] - 1)
            share = np.clip(at - low, 0, 1).astype(np.float32)
            share = share.reshape([-1 if a == axis else 1 for a in range(out.ndim)])
            lower, upper = np.take(out, low, axis=axis), np.take(out, high, axis=axis)
            out = lower + share * (upper - lower)
        return out

    def resampled(self, values: NDArray[np.float32], other: VolumeGrid) -> NDArray[np.float32]:
        """Bring values from another grid of the same voxels to this one."""
        return self.mean(other.enlarge(values, tuple(slice(0, n) for n in self.shape)))

    def repeat(self, values: NDArray[Any], box: tuple[slice, ...]) -> NDArray[Any]:
        """Give each voxel of a box the value of its block."""
        index = [np.arange(p.start, p.stop) // f for f, p in zip(self.factor, box, strict=True)]
        return np.asarray(values[np.ix_(*index)])

    def fine_box(self, box: tuple[slice, ...]) -> tuple[slice, ...]:
        """Return the voxels of a box of blocks."""
        return tuple(
            slice(p.start * f, min(p.stop * f, n))
            for p, f, n in zip(box, self.factor, self.shape, strict=True)
        )


def bounding_box(inside: NDArray[np.bool_]) -> tuple[slice, ...] | None:
    """Return the smallest box with all true voxels, one voxel wider; ``None`` if there is none."""
    box = []
    for axis in range(inside.ndim):
        others = tuple(a for a in range(inside.ndim) if a != axis)
        at = np.flatnonzero(inside.any(axis=others))
        if len(at) == 0:
            return None
        box.append(slice(max(0, int(at[0]) - 1), min(inside.shape[axis], int(at[-1]) + 2)))
    return tuple(box)
