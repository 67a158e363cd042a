"""One frame of membranes, from pixels to cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.predict.membrane.agglomerate import merge_over_weak_walls
from fatescope.predict.membrane.grid import Grid, bounding_box
from fatescope.predict.membrane.ridge import ridge_strength
from fatescope.predict.membrane.seeds import place_markers, seeds_between_walls
from fatescope.predict.membrane.surface import find_surface, level_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.predict.membrane.settings import MembraneSettings

STEP_UM = 0.43
"""Ridges and seeds are looked for on a grid of about this step, which a wall is wider than."""
_MARKER_UM = 0.8
_CORE_UM = 0.5
"""Within this distance of a border between cells on that grid, pixels decide anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembraneFrame:
    """The cells of one frame.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X) or (Z, Y, X)
        0 = outside. Cells touch: a wall is shared out among its two cells.
    wall : float
        Mean strength of the walls between cells, as a share of the brightness of their planes;
        NaN where no two cells touch.
    outside : tuple of int
        Markers, by their number from 1, that lie outside of the embryo; each has a cell as large
        as the ball around it.
    """

    labels: NDArray[np.int32]
    wall: float
    outside: tuple[int, ...] = ()


def segment_membranes(
    values: NDArray[Any],
    spacing: Sequence[float],
    settings: MembraneSettings,
    *,
    markers: NDArray[np.float64] | None = None,
) -> MembraneFrame:
    """Find the cells between membranes.

    Parameters
    ----------
    values : ndarray of real numbers, shape (Y, X) or (Z, Y, X)
        Membranes bright. NaN and infinity count as background.
    spacing : sequence of float
        Distance of pixel centres along each axis, in µm.
    settings : MembraneSettings
    markers : ndarray of float, shape (n, d), optional
        A point in each cell, in pixels; cell ``i`` is that of marker ``i - 1``. Without them cells
        are found alone: pieces between walls, put together where no wall stands between them.

    Returns
    -------
    MembraneFrame
        Without cells where all pixels have one value.

    Notes
    -----
    Ridges are looked for on a grid of about 0.43 µm; the borders of cells are then drawn at the
    input's own pixels. Walls that face Z are blurred to twice the width (``wall_depth_um``).
    """
    from skimage.segmentation import watershed

    clean = without_background(values)
    empty = MembraneFrame(labels=np.zeros(values.shape, dtype=np.int32), wall=np.nan)
    if clean is None:
        return empty
    grid = Grid.of_step(spacing, shape=values.shape, step=STEP_UM)
    step = grid.coarse_spacing
    levelled = level_planes(grid.mean(clean), step)
    depth = find_surface(levelled, step, settings)
    width = (settings.wall_depth_um, settings.wall_um, settings.wall_um)[-values.ndim :]
    ridges, second = ridge_strength(levelled, step, width=width)
    box = bounding_box(depth > 0)
    if box is None and markers is None:
        return empty
    if markers is not None:
        return _from_markers(values.shape, grid, depth, ridges, markers)
    assert box is not None
    inside, walls = depth[box] > 0, ridges[box]
    seeds = seeds_between_walls(walls > settings.least_wall, inside, step)
    pieces = watershed(walls, seeds, mask=inside)
    merged = merge_over_weak_walls(pieces, walls, least=settings.least_wall)
    cores = np.zeros(grid.coarse_shape, dtype=np.int32)
    cores[box] = without_flat_cells(merged, step, least=settings.least_cell_um)
    whole = tuple(slice(0, n) for n in grid.shape)
    return _on_pixels(grid, depth, ridges, grid.repeat(cores, whole))


def without_background(values: NDArray[Any]) -> NDArray[np.float32] | None:
    """Return brightness above the background, 0 and more; ``None`` where all pixels are equal.

    Background is the 5th percentile of the image: outside of the embryo, or inside of cells.
    """
    finite = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    clean = np.maximum(finite - np.float32(np.percentile(finite, 5)), 0)
    return clean if clean.any() else None


def _from_markers(
    shape: tuple[int, ...],
    grid: Grid,
    depth: NDArray[np.float32],
    ridges: NDArray[np.float32],
    points: NDArray[np.float64],
) -> MembraneFrame:
    seeds = place_markers(points, shape=shape, spacing=grid.spacing, radius=_MARKER_UM)
    at = [
        np.clip(np.rint(p).astype(np.intp), 0, n - 1) // f
        for p, n, f in zip(points.T, shape, grid.factor, strict=True)
    ]
    outside = np.flatnonzero(depth[tuple(at)] <= 0) + 1
    return _on_pixels(grid, depth, ridges, seeds, outside=tuple(outside.tolist()))


def _on_pixels(
    grid: Grid,
    depth: NDArray[np.float32],
    ridges: NDArray[np.float32],
    seeds: NDArray[np.int32],
    *,
    outside: tuple[int, ...] = (),
) -> MembraneFrame:
    """Let cells grow from their seeds up to the walls and the surface, at the input's pixels."""
    from skimage.segmentation import watershed

    labels = np.zeros(grid.shape, dtype=np.int32)
    box = bounding_box((depth > 0) | (grid.mean(seeds) > 0))
    if box is not None:
        fine = grid.fine_box(box)
        inside = (grid.enlarge(depth, fine) > 0) | (seeds[fine] > 0)
        labels[fine] = watershed(grid.enlarge(ridges, fine), seeds[fine], mask=inside)
    return MembraneFrame(labels=labels, wall=_mean_wall(labels, grid, ridges), outside=outside)


def without_flat_cells(
    cells: NDArray[np.int32], step: Sequence[float], *, least: float
) -> NDArray[np.int32]:
    """Drop cells into which no ball of radius ``least`` fits; their neighbours will take them."""
    import edt

    depth = edt.edt(np.ascontiguousarray(cells), anisotropy=tuple(step))
    deepest = np.zeros(int(cells.max(initial=0)) + 1, dtype=np.float32)
    np.maximum.at(deepest, cells.ravel(), depth.ravel())
    kept = np.flatnonzero(deepest >= least)
    kept = kept[kept > 0]
    number = np.zeros(len(deepest), dtype=np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return np.where(depth > min(_CORE_UM, least / 2), number[cells], 0).astype(np.int32)


def _mean_wall(labels: NDArray[np.int32], grid: Grid, ridges: NDArray[np.float32]) -> float:
    """Return the mean ridge over all faces between cells."""
    coarse = labels[tuple(slice(f // 2, None, f) for f in grid.factor)]
    ridges = ridges[tuple(slice(0, n) for n in coarse.shape)]
    total, sides = 0.0, 0
    for axis in range(coarse.ndim):
        here, there = (np.moveaxis(coarse, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
        low, high = (np.moveaxis(ridges, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
        border = (here != there) & (here > 0) & (there > 0)
        total += float(np.maximum(low, high)[border].sum(dtype=np.float64))
        sides += int(border.sum())
    return total / sides if sides else float("nan")
