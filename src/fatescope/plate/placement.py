"""Where all fields lie: by the stage, by how pairs of them lie, and from frame to frame."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fatescope.base import InputError
from fatescope.numeric import fit_linear
from fatescope.plate.match import match_overlap, show_detail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray, IntArray

_TETHER = 1e-6
"""Weight of the stage, against that of the overlaps: it decides only what they leave open."""
_AT_ONCE = 0.5
"""Pairs with this share of the worst residual go in one round with it."""
_STAGE_RIDGE = 0.01  # of what the stage spans: keeps the map near its own; not measured
_FEWEST = 4  # one more than the three fields that a linear map takes


def solve_positions(
    pairs: IntArray, shifts: FloatArray, weight: FloatArray, prior: FloatArray
) -> FloatArray:
    """Return the positions that agree best with the shifts of pairs.

    ``pairs`` (e, 2); ``shifts`` (e, 2): from the first to the second of each pair, px; ``weight``
    (e,); ``prior`` (n, 2): decides alone for fields without a pair, and where an island of fields
    lies as a whole.

    The result: shape (n, 2).
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

    The result: ``positions`` (n, 2); ``kept`` (e,): pairs whose residual is at most
    ``residual_px``.
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


Order = Literal["rows", "snake", "columns", "snake-columns"]


def grid_size(n_fields: int, *, rows: int | None, columns: int | None) -> tuple[int, int]:
    """Return rows and columns of a grid of fields; a square where neither is given.

    Raises
    ------
    InputError
        If the fields do not fill the grid.
    """
    if rows is None and columns is None:
        rows = columns = math.isqrt(n_fields)
    if rows is None:
        rows = n_fields // (columns or 1)
    columns = n_fields // rows if columns is None else columns
    if rows * columns != n_fields or n_fields == 0:
        raise InputError(
            f"{n_fields} fields do not fill a grid of {rows} x {columns}. Give --rows and "
            "--columns, or the stage positions with --positions."
        )
    return rows, columns


def grid_places(rows: int, columns: int, *, order: Order) -> IntArray:
    """Return row and column of each field, in the order of their numbers; shape (n, 2)."""
    by_column = order in ("columns", "snake-columns")
    outer, inner = (columns, rows) if by_column else (rows, columns)
    places = []
    for i in range(outer):
        back = order.startswith("snake") and i % 2
        for j in reversed(range(inner)) if back else range(inner):
            places.append((j, i) if by_column else (i, j))
    return np.array(places, dtype=np.int64)


def nominal_positions(places: IntArray, *, shape: tuple[int, int], overlap: float) -> FloatArray:
    """Return where the upper left pixel of each field lies if the stage is right, in px.

    Parameters
    ----------
    places : ndarray of int, shape (n, 2)
        Row and column of each field.
    shape : (int, int)
        Of one field.
    overlap : float
        Of neighbours, as a share of a field.
    """
    return np.asarray((places - places.min(axis=0)) * (np.array(shape) * (1 - overlap)))


_SEARCH_PX = 20.0
_LEAST_QUALITY = 0.3
"""Cells change between frames, and yet most of a field must look the same."""


def choose_fields(fields: Sequence[NDArray[Any]], n: int) -> list[int]:
    """Return the ``n`` fields with the most to see, by the spread of their detail."""
    seen = [float(np.std(show_detail(f))) for f in fields]
    return sorted(np.argsort(seen)[::-1][:n].tolist())


def measure_drift(before: Sequence[NDArray[Any]], after: Sequence[NDArray[Any]]) -> FloatArray:
    """Return how far the plate moved in the image from one frame to the next, px.

    Parameters
    ----------
    before, after : sequence of ndarray, shape (Y, X)
        The same fields at two times.

    Returns
    -------
    ndarray of float, shape (2,)
        dy, dx: what lay at a pixel lies at that pixel plus this. The median over fields, which
        leaves out what cells do by themselves; 0 where no field can tell.
    """
    found = [
        match_overlap(show_detail(a), show_detail(b), np.zeros(2), search_px=_SEARCH_PX)
        for a, b in zip(before, after, strict=True)
    ]
    sure = [-m.shift for m in found if m.quality >= _LEAST_QUALITY]
    return np.median(sure, axis=0) if sure else np.zeros(2)
