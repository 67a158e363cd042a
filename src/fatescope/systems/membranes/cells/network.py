"""Walls by a network: how a volume goes in, plane by plane with its neighbours, and what comes out.

Training (`fatescope.systems.membranes.training.task`) cuts its crops out of the same windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fatescope.systems.membranes.cells.grid import VolumeGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.systems.membranes.cells.level import LevelledImage

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
    """What a network says of each block of its grid, in 0..1."""

    grid: VolumeGrid
    wall: NDArray[np.float32]
    inside: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class WallNetwork:
    """A network of walls, and how an image is brought to it.

    Parameters
    ----------
    model : MapModel
    planes : int
        That it sees at once; odd.
    step_um : float
        Pixel size in the plane that it was trained at.
    """

    model: MapModel
    planes: int
    step_um: float

    def draw(self, image: LevelledImage) -> WallMaps:
        """Run the network over all planes.

        Parameters
        ----------
        image : LevelledImage
            A single plane stands in for its neighbours too.
        """
        grid, levelled = image.on_grid(self.step_um)
        volume = levelled if levelled.ndim == 3 else levelled[None]
        times = finer(grid, self.step_um)
        drawn = np.empty((len(MAPS), *volume.shape), np.float32)
        for z in range(len(volume)):
            window = plane_window(volume, z, planes=self.planes)
            drawn[:, z] = run_plane(window, self.model, times=times)
        wall, inside = (m.reshape(levelled.shape) for m in drawn)
        return WallMaps(grid=grid, wall=wall, inside=inside)


def finer(grid: VolumeGrid, step_um: float) -> tuple[int, int]:
    """Return how many times as fine a plane must be, along Y and X, to have about ``step_um``.

    Pixels are averaged to at most ``step_um`` (`Grid.of_step`); where they are larger than that
    from the beginning, a network sees values between them.
    """
    rows, columns = (max(1, round(s / step_um)) for s in grid.coarse_spacing[-2:])
    return rows, columns


def plane_window(levelled: NDArray[np.float32], z: int, *, planes: int) -> NDArray[np.float32]:
    """Return a plane between its neighbours, (planes, Y, X); at an end the last one is repeated."""
    reach = planes // 2
    index = np.clip(np.arange(z - reach, z + reach + 1), 0, len(levelled) - 1)
    return np.asarray(np.minimum(levelled[index], _BRIGHTEST), np.float32)


def run_plane(
    window: NDArray[np.float32], model: MapModel, *, times: tuple[int, int] = (1, 1)
) -> NDArray[np.float32]:
    """Return the maps of a window, (2, Y, X), on its grid; see `batch_of_window`."""
    fine = _made_finer(window.shape[1:], times)
    rows, columns = fine.shape
    drawn = model.run(batch_of_window(window, times=times))[0][: len(MAPS), :rows, :columns]
    drawn = np.asarray(drawn, np.float32)
    return drawn if max(times) == 1 else np.stack([fine.mean(m) for m in drawn])


def batch_of_window(
    window: NDArray[np.float32], *, times: tuple[int, int] = (1, 1)
) -> NDArray[np.float32]:
    """Return what a network takes, (1, planes, Y, X).

    The window is made ``times`` as fine (`finer`), and mirrored to lengths that networks take, as
    often as it needs where a side is shorter than what is added.
    """
    fine = _made_finer(window.shape[1:], times)
    if max(times) > 1:
        whole = tuple(slice(0, n) for n in fine.shape)
        window = np.stack([fine.enlarge(plane, whole) for plane in window])
    short = [-n % DIVISOR for n in fine.shape]
    return np.pad(window, [(0, 0), *((0, s) for s in short)], mode="symmetric")[None]


def _made_finer(shape: Sequence[int], times: tuple[int, int]) -> VolumeGrid:
    finer_shape = tuple(n * t for n, t in zip(shape, times, strict=True))
    return VolumeGrid(shape=finer_shape, spacing=(1.0, 1.0), factor=times)
