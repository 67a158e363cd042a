"""Where all fields lie, from how pairs of them lie: least squares that drops what disagrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fatescope.numeric import fit_linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray, IntArray

_TETHER = 1e-6
"""Weight of the stage, against that of the overlaps: it decides only what they leave open."""
_AT_ONCE = 0.5
"""Pairs with this share of the worst residual go in one round with it."""
_STAGE_RIDGE = 0.01
_FEWEST = 4


def solve_positions(
    pairs: IntArray, shifts: FloatArray, weight: FloatArray, prior: FloatArray
) -> FloatArray:
    """Return the positions that agree best with the shifts of pairs.

    Parameters
    ----------
    pairs : ndarray of int, shape (e, 2)
    shifts : ndarray, shape (e, 2)
        From the first to the second of each pair, px.
    weight : ndarray, shape (e,)
    prior : ndarray, shape (n, 2)
        Decides alone for fields without a pair, and where an island of fields lies as a whole.

    Returns
    -------
    ndarray, shape (n, 2)
    """
    n, (a, b) = len(prior), pairs.T
    tether = _TETHER * (weight.mean() if len(weight) else 1.0)
    normal, right = np.eye(n) * tether, prior * tether
    np.add.at(normal, (a, a), weight)
    np.add.at(normal, (b, b), weight)
    np.add.at(normal, (a, b), -weight)
    np.add.at(normal, (b, a), -weight)
    pulled = shifts * weight[:, None]
    np.add.at(right, b, pulled)
    np.add.at(right, a, -pulled)
    return np.linalg.solve(normal, right)


def place_robustly(
    pairs: IntArray,
    shifts: FloatArray,
    weight: FloatArray,
    prior: FloatArray,
    *,
    residual_px: float,
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Solve, drop the pairs that disagree most with all others, and solve again until none does.

    Returns
    -------
    positions : ndarray, shape (n, 2)
    kept : ndarray of bool, shape (e,)
        Pairs whose residual is at most ``residual_px``.
    """
    kept = np.ones(len(pairs), dtype=bool)
    while True:
        found = solve_positions(pairs[kept], shifts[kept], weight[kept], prior)
        left = residuals(pairs, shifts, found)
        if not kept.any():
            return found, kept
        worst = float(left[kept].max())
        if worst <= residual_px:
            return found, kept
        kept &= left < max(_AT_ONCE * worst, residual_px)


def residuals(pairs: IntArray, shifts: FloatArray, positions: FloatArray) -> FloatArray:
    """Return how far each pair lies from what its shift says, px; shape (e,)."""
    between = positions[pairs[:, 1]] - positions[pairs[:, 0]]
    return np.asarray(np.hypot(*(between - shifts).T))


def largest_group(pairs: IntArray, n: int) -> NDArray[np.bool_]:
    """Return which of ``n`` fields hang together by pairs, in the largest group of two or more."""
    if not len(pairs):
        return np.zeros(n, dtype=bool)
    graph = coo_array((np.ones(len(pairs)), tuple(pairs.T)), shape=(n, n))
    _, group = connected_components(graph, directed=False)
    return np.asarray(group == np.bincount(group).argmax())


def stage_in_pixels(prior: FloatArray, found: FloatArray, placed: NDArray[np.bool_]) -> FloatArray:
    """Return where the stage would put every field, its scale and turn estimated from placed ones.

    A wrong nominal overlap or a camera that is turned against the stage moves all fields alike;
    a linear map from the stage to the image takes that out of the fields that only it places.
    """
    if placed.sum() < _FEWEST:
        return prior
    centred = prior - prior[placed].mean(axis=0)
    ridge = _STAGE_RIDGE * float(np.square(centred).sum())
    matrix, shift = fit_linear(
        prior[placed], found[placed], weight=np.ones(placed.sum()), ridge=ridge, prior=np.eye(2)
    )
    return np.asarray(prior @ matrix + shift)
