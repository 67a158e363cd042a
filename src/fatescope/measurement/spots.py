"""Light of nuclei that are known by centre and radius: in the nucleus, and in a shell around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray, IntArray

_FEWEST = 12
"""Voxels of a ring; a background of fewer is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotLight:
    """Light of ``n`` nuclei in ``c`` channels; NaN where it cannot be measured.

    Parameters
    ----------
    nucleus, shell : ndarray of float, shape (c, n)
        Mean of the voxels in the nucleus, and of all those in the shell around it.
    ring : ndarray of float, shape (c, n)
        Median of those voxels of the shell that lie outside every neighbour.
    n_px : ndarray of int, shape (n,)
        Voxels of the nucleus.
    outside : ndarray of float, shape (c,)
        Median of the voxels outside the shells of all nuclei.
    """

    nucleus: FloatArray
    shell: FloatArray
    ring: FloatArray
    n_px: IntArray
    outside: FloatArray


def measure_spots(
    channels: NDArray[np.generic],
    centre: FloatArray,
    radius_um: FloatArray,
    spacing_um: Sequence[float],
    *,
    core: float,
    inner: float,
    outer: float,
) -> SpotLight:
    """Measure nuclei in one volume.

    Parameters
    ----------
    channels : ndarray, shape (C, Z, Y, X)
    centre : ndarray of float, shape (n, 3)
        Voxels z, y, x.
    radius_um : ndarray of float, shape (n,)
        NaN where unknown: nothing is measured there, and the nucleus stands in nobody's way.
    spacing_um : sequence of 3 floats
    core, inner, outer : float
        Radii, beside that of a nucleus, of what counts as its inside, and of its shell.

    Notes
    -----
    A voxel belongs to the nucleus to which it is nearest in radii of that nucleus. The ring leaves
    out what lies within ``inner`` radii of a neighbour.
    """
    shape, step = channels.shape[1:], np.asarray(spacing_um, dtype=np.float64)
    c, n = len(channels), len(centre)
    at = np.round(centre)
    usable = np.isfinite(radius_um) & (radius_um > 0) & np.isfinite(centre).all(axis=1)
    inside = usable & (at >= 0).all(axis=1) & (at < np.array(shape)).all(axis=1)
    nucleus, shell, ring = (np.full((c, n), np.nan) for _ in range(3))
    n_px = np.zeros(n, dtype=np.int64)
    taken = np.zeros(shape, dtype=bool)
    rows = np.flatnonzero(usable)
    place = centre[rows] * step
    tree = KDTree(place) if len(rows) else None
    largest = float(radius_um[rows].max(initial=0.0))
    for i in np.flatnonzero(inside).tolist():
        reach = outer * radius_um[i]
        box = _box(centre[i], reach / step, shape)
        axes = [np.arange(b.start, b.stop) * s for b, s in zip(box, step, strict=True)]
        own = _distance(axes, centre[i] * step) / radius_um[i]
        near = tree.query_ball_point(centre[i] * step, reach + inner * largest) if tree else []
        others = np.full(own.shape, np.inf)
        for j in (j for j in near if rows[j] != i):
            np.minimum(others, _distance(axes, place[j]) / radius_um[rows[j]], out=others)
        core_of = (own <= core) & (own <= others)
        shell_of = (own > inner) & (own <= outer)
        ring_of = shell_of & (others > inner)
        taken[box] |= own <= outer
        pixels = channels[(slice(None), *box)]
        n_px[i] = core_of.sum()
        nucleus[:, i] = _of(pixels, core_of, 1, np.mean)
        shell[:, i] = _of(pixels, shell_of, _FEWEST, np.mean)
        ring[:, i] = _of(pixels, ring_of, _FEWEST, np.median)
    free = ~taken
    outside = _of(channels, free, _FEWEST, np.median)
    return SpotLight(nucleus=nucleus, shell=shell, ring=ring, n_px=n_px, outside=outside)


def _box(centre: FloatArray, reach: FloatArray, shape: Sequence[int]) -> tuple[slice, ...]:
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, shape).astype(int)
    return tuple(slice(a, b) for a, b in zip(low.tolist(), high.tolist(), strict=True))


def _distance(axes: Sequence[FloatArray], centre: FloatArray) -> FloatArray:
    """Return the distance of every voxel of a box from a place, in µm."""
    z, y, x = ((a - m) ** 2 for a, m in zip(axes, centre, strict=True))
    return np.asarray(np.sqrt(z[:, None, None] + y[:, None] + x))


def _of(pixels: NDArray[np.generic], chosen: BoolArray, fewest: int, how: Any) -> FloatArray:
    """Return mean or median of the chosen voxels of each channel; NaN where they are too few."""
    if int(chosen.sum()) < fewest:
        return np.full(len(pixels), np.nan)
    return np.asarray(how(pixels[:, chosen].astype(np.float64), axis=1))
