"""Does a lineage dwell in one part of the embryo? A number, with an interval over embryos.

The overlap of two groups is the shared part of their densities, the sum of min(p, q) over small
cubes: 0 where they never meet, 1 where they are spread alike. A group's overlap with all the
rest says how far it has a place of its own; beside it stands the same number after the names
were dealt out to the tracks at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Territories:
    """Overlaps of one embryo.

    Parameters
    ----------
    groups : tuple of str, length g
    own : ndarray of float, shape (g,)
        Overlap of each group with everything else; NaN for a group that is absent.
    chance : ndarray of float, shape (g,)
        The same, mean over random deals of the names to the tracks.
    pairs : ndarray of float, shape (g, g)
        Overlap of each pair; 1 on the diagonal.
    """

    groups: tuple[str, ...]
    own: FloatArray
    chance: FloatArray
    pairs: FloatArray


def measure_territories(
    position_um: FloatArray,
    track: IntArray,
    track_group: Sequence[str],
    groups: Sequence[str],
    *,
    cube_um: float,
    blur_um: float,
    n_deals: int,
    rng: np.random.Generator,
) -> Territories:
    """Measure how far groups of cells share space in one embryo.

    Parameters
    ----------
    position_um : ndarray of float, shape (n, 3)
        One row per nucleus and frame.
    track : ndarray of int, shape (n,)
        The cell of each row, an index into ``track_group``.
    track_group : sequence of str, length k
        The group of each cell.
    groups : sequence of str
        Groups to report.
    cube_um, blur_um : float
        Edge of a cube, and standard deviation of the smoothing.
    n_deals : int
        Random deals for ``chance``.
    rng : numpy.random.Generator

    Raises
    ------
    InputError
        If no position is known.
    """
    known = np.isfinite(position_um).all(axis=1)
    if not known.any():
        raise InputError("no nucleus has a position, so territories cannot be measured.")
    cell, size = _cubes(position_um[known], cube_um)
    number = {g: i for i, g in enumerate(groups)}
    label = np.array([number.get(g, -1) for g in track_group])
    rows = track[known]
    density = _densities(cell, size, label[rows], len(groups), blur_um / cube_um)
    dealt = [
        _own(_densities(cell, size, rng.permutation(label)[rows], len(groups), blur_um / cube_um))
        for _ in range(n_deals)
    ]
    return Territories(
        groups=tuple(groups),
        own=_own(density),
        chance=np.mean(dealt, axis=0) if dealt else np.full(len(groups), np.nan),
        pairs=_pairs(density),
    )


def _cubes(position_um: FloatArray, cube_um: float) -> tuple[IntArray, tuple[int, ...]]:
    at = np.floor((position_um - position_um.min(axis=0)) / cube_um).astype(np.int64) + 2
    size = tuple(int(s) for s in at.max(axis=0) + 3)
    return np.ravel_multi_index(tuple(at.T), size), size


def _densities(
    cell: IntArray, size: tuple[int, ...], label: IntArray, n: int, blur: float
) -> FloatArray:
    """Return one smoothed histogram per group and one for all other rows, shape (n + 1, cubes)."""
    out = np.zeros((n + 1, int(np.prod(size))))
    for group in range(n):
        out[group] = np.bincount(cell[label == group], minlength=out.shape[1])
    out[n] = np.bincount(cell[label < 0], minlength=out.shape[1])
    if blur > 0:
        out = gaussian_filter(out.reshape(n + 1, *size), sigma=(0, *[blur] * len(size)))
    return out.reshape(n + 1, -1)


def _own(density: FloatArray) -> FloatArray:
    total = density.sum(axis=0)
    rest = total - density[:-1]
    return np.array([_overlap(a, b) for a, b in zip(density[:-1], rest, strict=True)])


def _pairs(density: FloatArray) -> FloatArray:
    groups = density[:-1]
    return np.array([[_overlap(a, b) for b in groups] for a in groups])


def _overlap(a: FloatArray, b: FloatArray) -> float:
    sa, sb = a.sum(), b.sum()
    if sa <= 0 or sb <= 0:
        return float("nan")
    return float(np.minimum(a / sa, b / sb).sum())
