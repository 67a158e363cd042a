"""One frame of membranes, from pixels to cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.systems.membranes.cells.agglomerate import merge_over_weak_walls
from fatescope.systems.membranes.cells.division import divide_plane
from fatescope.systems.membranes.cells.grid import bounding_box
from fatescope.systems.membranes.cells.markers import (
    dips_of_walls,
    markers_between_walls,
    numbered,
    place_markers,
)
from fatescope.systems.membranes.cells.smooth import smooth_borders
from fatescope.systems.membranes.cells.surface import OuterShape, outer_shape
from fatescope.systems.membranes.cells.walls import find_walls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.systems.membranes.cells.network import WallMaps, WallNetwork
    from fatescope.systems.membranes.cells.settings import MembraneSettings
    from fatescope.systems.membranes.cells.walls import FoundWalls

_MARKER_UM = 0.8
_MARKER_WALL = 0.8
"""Of what is a wall: pieces that start apart can still be merged, cells that start as one cannot be
distinguished."""
_CORE_UM = 0.5
"""Within this distance of a border between cells on that grid, pixels are decided again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembraneFrame:
    """The cells of one frame.

    Parameters
    ----------
    labels : ndarray of int32, shape (Y, X) or (Z, Y, X)
        0 = outside. Cells touch: a wall is shared out among its two cells.
    looks_like_membrane : bool
        Whether there are walls at all: bright sheets (in 2D lines), not balls, not noise.
    outside : tuple of int
        Markers, by their number from 1, that lie outside of the embryo; each has a cell as large
        as the ball around it.
    together : tuple of tuple of int
        Markers, by their number from 1, between which no wall was found: groups of two or more.
    shape : OuterShape, optional
        What the outer surface encloses: one embryo, or several.
    drawn : WallMaps, optional
        What the network drew.
    """

    labels: NDArray[np.int32]
    looks_like_membrane: bool
    outside: tuple[int, ...] = ()
    together: tuple[tuple[int, ...], ...] = ()
    shape: OuterShape | None = None
    drawn: WallMaps | None = None


def cells_in_frame(
    values: NDArray[Any],
    spacing: Sequence[float],
    settings: MembraneSettings,
    *,
    markers: NDArray[np.float64] | None = None,
    network: WallNetwork | None = None,
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
    network : WallNetwork, optional
        Its walls count beside the ridges, and so does the surface of what it calls inside; in a
        plane that is the outer surface.

    Returns
    -------
    MembraneFrame
        Without cells where all pixels have one value, or nothing looks like membrane and there are
        no markers.

    Notes
    -----
    Ridges are looked for on a grid of about 0.43 µm, and a network sees the pixel size that it was
    trained at; the borders of cells are then drawn at the input's own pixels. Walls that face Z are
    blurred to twice the width (``wall_depth_um``).
    """
    empty = MembraneFrame(labels=np.zeros(values.shape, dtype=np.int32), looks_like_membrane=False)
    seen = find_walls(values, spacing, settings, network=network)
    if seen is None:
        return empty
    if markers is not None:
        return _from_markers(seen, markers, settings)
    box = bounding_box(seen.depth > 0)
    if box is None or not seen.looks_like_membrane:
        return empty
    inside, walls, least = seen.depth[box] > 0, seen.walls[box], settings.least(values.ndim)
    step = seen.grid.coarse_spacing
    if values.ndim == 2 and network is not None:
        pieces = pieces_of_plane(walls, inside, step, least=least)
        merged = divide_plane(pieces, walls, step, least=least, wall_um=settings.wall_um)
        smallest = settings.least_cell_in_plane_um
    else:
        pieces = pieces_between_walls(walls, inside, step, least=least)
        merged = merge_over_weak_walls(pieces, walls, least=least)
        smallest = settings.least_cell_um
    cores = np.zeros(seen.grid.coarse_shape, dtype=np.int32)
    cores[box] = without_flat_cells(merged, step, least=smallest)
    whole = tuple(slice(0, n) for n in seen.grid.shape)
    labels = _on_pixels(seen, seen.grid.repeat(cores, whole), settings)
    return MembraneFrame(
        labels=labels,
        looks_like_membrane=True,
        shape=outer_shape(seen.depth > 0, step),
        drawn=seen.drawn,
    )


def pieces_between_walls(
    walls: NDArray[np.float32],
    inside: NDArray[np.bool_],
    step: Sequence[float],
    *,
    least: float,
) -> NDArray[np.int32]:
    """Divide what is inside along its walls: every cell is one piece, or several."""
    from skimage.segmentation import watershed

    markers = markers_between_walls(walls > _MARKER_WALL * least, inside, step)
    return np.asarray(watershed(walls, markers, mask=inside))


def pieces_of_plane(
    walls: NDArray[np.float32],
    inside: NDArray[np.bool_],
    step: Sequence[float],
    *,
    least: float,
) -> NDArray[np.int32]:
    """Divide a plane as `pieces_between_walls` does, and wherever walls have a dip, too.

    Cells that are cut near their end are too narrow for a place far from all walls.
    """
    from skimage.segmentation import watershed

    far = markers_between_walls(walls > _MARKER_WALL * least, inside, step) > 0
    markers = numbered(far | dips_of_walls(walls, inside, step, least=least))
    return np.asarray(watershed(walls, markers, mask=inside))


def _from_markers(
    seen: FoundWalls, points: NDArray[np.float64], settings: MembraneSettings
) -> MembraneFrame:
    grid = seen.grid
    markers = place_markers(points, shape=grid.shape, spacing=grid.spacing, radius=_MARKER_UM)
    at = [
        np.clip(np.rint(p).astype(np.intp), 0, n - 1) // f
        for p, n, f in zip(points.T, grid.shape, grid.factor, strict=True)
    ]
    outside = np.flatnonzero(seen.depth[tuple(at)] <= 0) + 1
    labels = _on_pixels(seen, markers, settings)
    return MembraneFrame(
        labels=labels,
        looks_like_membrane=seen.looks_like_membrane,
        outside=tuple(outside.tolist()),
        together=_together(seen, labels, tuple(at), least=settings.least(labels.ndim)),
        shape=outer_shape(seen.depth > 0, grid.coarse_spacing),
        drawn=seen.drawn,
    )


def _together(
    seen: FoundWalls, labels: NDArray[np.int32], at: tuple[NDArray[np.intp], ...], *, least: float
) -> tuple[tuple[int, ...], ...]:
    """Return the groups of markers whose cells would be one if nobody had set markers."""
    grid = seen.grid
    middles = [
        np.minimum(np.arange(m) * f + f // 2, n - 1)
        for m, f, n in zip(grid.coarse_shape, grid.factor, grid.shape, strict=True)
    ]
    cells = merge_over_weak_walls(labels[np.ix_(*middles)], seen.walls, least=least)[at]
    groups = [np.flatnonzero(cells == c) + 1 for c in np.unique(cells[cells > 0])]
    return tuple(tuple(g.tolist()) for g in groups if len(g) > 1)


def _on_pixels(
    seen: FoundWalls, markers: NDArray[np.int32], settings: MembraneSettings
) -> NDArray[np.int32]:
    """Let cells grow from their markers up to the walls and the surface, at the input's pixels."""
    from skimage.segmentation import watershed

    grid = seen.grid
    labels = np.zeros(grid.shape, dtype=np.int32)
    box = bounding_box((seen.depth > 0) | (grid.mean(markers) > 0))
    if box is not None:
        fine = grid.fine_box(box)
        inside = (grid.enlarge(seen.depth, fine) > 0) | (markers[fine] > 0)
        grown = watershed(seen.walls_at(fine), markers[fine], mask=inside)
        labels[fine] = smooth_borders(grown, grid.spacing, sd=settings.smooth_um)
    return labels


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
