"""How ridges lie as lines: threads and rings are as bright as walls, and enclose otherwise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fatescope.systems.membranes.cells.settings import MembraneSettings
from fatescope.systems.membranes.cells.walls import find_walls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIDE_PX = 256
"""Lines are those of the middle of a plane, at most so wide and high on the grid of ridges."""

_LEAST_LINE, _LEAST_REGION, _LEAST_PIECE = 20, 12, 6  # pixels; less says nothing
_EDGE = 3  # pixels; lines end at the border because they are cut
_LEAST_RIDGE, _WITHIN = 1e-6, 0.05  # keep a logarithm and a ratio finite
"""The traits were chosen by measuring (record 0387), these numbers were not."""


def measure_lines(plane: NDArray[np.float32], spacing: Sequence[float]) -> dict[str, float]:
    """Measure how the ridges of a plane enclose, end and differ.

    Parameters
    ----------
    plane : ndarray of float32, shape (Y, X)
        Membranes bright, as taken.
    spacing : sequence of float
        Of Y and X, in µm.

    Returns
    -------
    dict of str to float
        ``lines_closed``: the share of them that lies between two regions; ``lines_regions``: the
        logarithm of one more than the number of enclosed regions; ``lines_open``: the largest
        region's share of all; ``lines_uneven``: how far pieces of line differ in strength, as a
        multiple of how far one differs along itself; ``lines_end``: how strong ends are, as a
        logarithm, against lines as a whole. Empty where there are hardly any lines.
    """
    from scipy.ndimage import convolve, label
    from skimage.morphology import skeletonize

    settings = MembraneSettings()
    found = find_walls(plane, spacing, settings, network=None)
    if found is None:
        return {}
    y, x = (max(0, (n - SIDE_PX) // 2) for n in found.ridges.shape)
    middle = (slice(y, y + SIDE_PX), slice(x, x + SIDE_PX))
    ridges = found.ridges[middle]
    walls = (found.depth[middle] > 0) & (ridges > settings.least_wall)
    lines = np.asarray(skeletonize(walls))
    if np.count_nonzero(lines) < _LEAST_LINE:
        return {}
    square = np.ones((3, 3), dtype=np.int32)
    beside = convolve(lines.astype(np.int32), square, mode="constant") - 1
    ends = lines & (beside == 1)
    ends[:_EDGE] = ends[-_EDGE:] = ends[:, :_EDGE] = ends[:, -_EDGE:] = False
    strength = np.log(ridges + _LEAST_RIDGE)
    usual = float(np.median(strength[lines]))
    regions, _ = label(~walls)
    return {
        "lines_closed": _closed(lines),
        "lines_regions": math.log1p(_enclosed(regions)),
        "lines_open": _largest(regions),
        "lines_uneven": _uneven(strength, label(lines & (beside <= 2), square)[0]),
        "lines_end": float(np.median(strength[ends])) - usual if ends.any() else 0.0,
    }


def _closed(lines: NDArray[np.bool_]) -> float:
    """Return the share of lines that lies between two regions, and does not end in one."""
    from scipy.ndimage import label, maximum_filter, minimum_filter

    regions, n = label(~lines)
    most = maximum_filter(regions, 3)
    least = minimum_filter(np.where(lines, n + 1, regions), 3)
    return float((most > least)[lines].mean())


def _enclosed(regions: NDArray[np.int32]) -> int:
    sizes = np.bincount(regions.ravel())
    sizes[0] = 0
    rim = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    sizes[rim] = 0
    return int(np.count_nonzero(sizes >= _LEAST_REGION))


def _largest(regions: NDArray[np.int32]) -> float:
    sizes = np.bincount(regions.ravel())[1:]
    sizes = sizes[sizes >= _LEAST_REGION]
    return float(sizes.max() / sizes.sum()) if len(sizes) else 1.0


def _uneven(strength: NDArray[np.float32], pieces: NDArray[np.int32]) -> float:
    from scipy.ndimage import mean, variance

    long = np.flatnonzero(np.bincount(pieces.ravel()) >= _LEAST_PIECE)
    long = long[long > 0]
    if len(long) < 3:
        return 0.0
    between = float(np.std(mean(strength, pieces, long)))
    within = math.sqrt(float(np.mean(variance(strength, pieces, long))))
    return between / (within + _WITHIN)
