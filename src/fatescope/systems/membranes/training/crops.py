"""Crops of membranes: windows as prediction sees them, with walls and insides from the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from scipy.ndimage import binary_erosion

from fatescope.prepare import (
    RENDERED,
    close_gaps,
    group_slices,
    read_slice_volume,
    walls_between,
)
from fatescope.systems.membranes.cells import VolumeGrid, finer, level_image, plane_window
from fatescope.train.crops import degrade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.prepare import Sample
    from fatescope.systems.membranes.training.settings import MembraneCrops

_CROSS = np.array([[[False, True, False], [True, True, True], [False, True, False]]])


@dataclass(frozen=True, slots=True, kw_only=True)
class MembraneVolume:
    """A volume on the grid of the network, with its targets, and what it is scored against.

    Parameters
    ----------
    unit : str
    grid : Grid
    levelled : ndarray of float32, shape (Z, Y, X)
    target : ndarray of float32, shape (2, Z, Y, X)
        Share of each block that is wall, and that is inside.
    in_plane : ndarray of float32, shape (Z, Y, X)
        Share that is wall as a plane by itself can show: where cells meet in it, not above it.
        0 in planes that are no samples.
    times : tuple of int
        How many times as fine a plane is made for the network, along Y and X.
    cells : ndarray of int32
        On the slices' own grid, gaps closed.
    labels : ndarray of int32
        As they stand in the files.
    planes : tuple of int
        Those that are samples.
    spacing_um : tuple of float
        Of the pixels: the file's own, or that of the recipe.
    """

    unit: str
    grid: VolumeGrid
    levelled: FloatArray
    target: FloatArray
    in_plane: FloatArray
    times: tuple[int, int]
    cells: LabelImage
    labels: LabelImage
    planes: tuple[int, ...]
    spacing_um: tuple[float, ...]


def load_membranes(samples: Sequence[Sample], *, settings: MembraneCrops) -> list[MembraneVolume]:
    """Read samples and the volumes that they belong to; blank volumes are left out."""
    found = (load_membrane(group, settings=settings) for group in group_slices(samples))
    return [v for v in found if v is not None]


def load_membrane(samples: Sequence[Sample], *, settings: MembraneCrops) -> MembraneVolume | None:
    """Read one volume with the samples that it holds; ``None`` where it is blank."""
    volume = read_slice_volume(samples)
    spacing = volume.spacing_um or settings.spacing_um or (0.43, 0.18, 0.18)
    seen = level_image(volume.pixels, spacing)
    if seen is None:
        return None
    grid, levelled = seen.on_grid(settings.step_um)
    cells = close_gaps(volume.labels, spacing)
    if samples[0].kind == RENDERED:
        cells = without_rim(cells)
    walls = walls_between(cells, spacing)
    target = np.stack([grid.mean(walls), grid.mean(cells > 0)])
    lines = np.zeros(cells.shape, dtype=bool)
    for z in set(volume.planes):
        lines[z] = walls_between(cells[z], spacing[1:])
    return MembraneVolume(
        unit=volume.unit,
        grid=grid,
        levelled=levelled,
        target=target,
        in_plane=grid.mean(lines),
        times=finer(grid, settings.step_um),
        cells=cells,
        labels=volume.labels,
        planes=volume.planes,
        spacing_um=spacing,
    )


def without_rim(cells: NDArray[np.int32]) -> NDArray[np.int32]:
    """Take one pixel off the outside of cells, in each plane.

    Rendered cells end in the middle of the outer wall, 0.1 to 0.3 µm farther out, beside the ridge
    that is seen there, than cells of the real embryo with their gaps closed. One network cannot
    draw both (decision record 0339).
    """
    inside = binary_erosion(cells > 0, structure=_CROSS, border_value=1)
    return np.where(inside, cells, 0)


class MembraneCropSource:
    """All crops of a training run, by number; a crop depends on the seed and its number alone."""

    def __init__(
        self, volumes: Sequence[MembraneVolume], *, settings: MembraneCrops, seed: int
    ) -> None:
        self._settings, self._seed = settings, seed
        self._planes = [(v, z) for v in volumes for z in v.planes]
        self._with_cells = [(v, z) for v, z in self._planes if v.target[1, z].any()]

    def crop(self, number: int) -> tuple[FloatArray, FloatArray]:
        """Return crop ``number``.

        Returns
        -------
        image : ndarray of float32, shape (planes, Y, X)
        target : ndarray of float32, shape (3, Y, X)
            Wall, inside; then 1 where the crop lies in the image.
        """
        plan = self._settings
        rng = np.random.default_rng((self._seed, number))
        placed = rng.random() < plan.on_walls and bool(self._with_cells)
        among = self._with_cells if placed else self._planes
        volume, z = among[rng.integers(len(among))]
        window = plane_window(volume.levelled, z, planes=plan.planes)
        walls = volume.target[0, z]
        if rng.random() < plan.alone:
            walls = volume.in_plane[z]
            window = np.repeat(window[plan.planes // 2][None], plan.planes, axis=0)
        matrix = _pose(volume, z, placed=placed, settings=plan, rng=rng)
        if rng.random() < 0.5:
            window = window[::-1]  # up and down are alike
        image = _posed(window, matrix, plan.size_px, cv2.BORDER_REFLECT_101)
        known = np.ones((1, *window.shape[1:]), np.float32)
        truth = np.concatenate([walls[None], volume.target[1:, z], known])
        target = _posed(truth, matrix, plan.size_px, cv2.BORDER_CONSTANT)
        target[2] = target[2] > 0.99
        return _degraded(image, settings=plan, rng=rng), np.ascontiguousarray(target)


def _pose(
    volume: MembraneVolume,
    z: int,
    *,
    placed: bool,
    settings: MembraneCrops,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the map of crop pixels to pixels of the plane: place, angle, size, mirror image."""
    inside, times = volume.target[1, z], np.array(volume.times[::-1])
    if placed:
        rows, columns = np.nonzero(inside > 0.5)
        if not len(rows):
            rows, columns = np.nonzero(inside > 0)
        at = int(rng.integers(len(rows)))
        centre = np.array([columns[at], rows[at]], float)
    else:
        centre = rng.uniform(0, np.array(inside.shape[::-1], float) - 1)
    centre += rng.uniform(-0.3, 0.3, 2) * settings.size_px / times
    angle = (
        rng.uniform(0, 2 * np.pi) if rng.random() < settings.turn else rng.integers(4) * np.pi / 2
    )
    zoom = np.exp(rng.uniform(*np.log(settings.zoom)))
    stretch = np.exp(rng.uniform(-settings.stretch, settings.stretch) / 2)
    mirror = 1 if rng.random() < 0.5 else -1
    cosine, sine = np.cos(angle), np.sin(angle)
    linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag(
        [mirror / (zoom * stretch), stretch / zoom]
    )
    linear = linear / times[:, None]
    middle = (settings.size_px - 1) / 2
    offset = centre - linear @ np.array([middle, middle])
    return np.concatenate([linear, offset[:, None]], axis=1)


def _posed(stack: FloatArray, matrix: FloatArray, side: int, border: int) -> FloatArray:
    """Sample a stack (n, Y, X) at the pose of a crop."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack(
        [
            cv2.warpAffine(
                np.ascontiguousarray(p), matrix, (side, side), flags=flags, borderMode=border
            )
            for p in stack
        ]
    )


def _degraded(
    image: FloatArray, *, settings: MembraneCrops, rng: np.random.Generator
) -> FloatArray:
    """Change intensities alike in all planes, and add noise to each."""
    common = int(rng.integers(2**31))
    quiet = settings.degradation(noise=0.0)
    planes = [degrade(p, settings=quiet, rng=np.random.default_rng(common)) for p in image]
    out = np.stack(planes)
    if rng.random() < 0.5:
        size = np.float32(rng.uniform(0, settings.noise))
        grain = rng.standard_normal(out.shape, dtype=np.float32)
        if rng.random() < 0.5:  # as photons make it
            grain *= np.sqrt(np.clip(out, 0.02, None))
        out = out + grain * size
    return np.ascontiguousarray(np.clip(out, 0, None), np.float32)
