"""Link nuclei from frame to frame where a table has no links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.base.types import FloatArray, IntArray

_STEP_UM = 0.8
_DAUGHTER_UM = 2.4
_REACH_UM = 9.0
_EARLY_REACH_UM = 18.0
_FEW = 30
_KEEP = 6.0
_NEW = 16.0
_DIVIDE = 6.0
_TOO_YOUNG = 10.0


def link_frames(
    xyz_um: FloatArray,
    frame: IntArray,
    *,
    minutes_per_frame: float,
    divide_cost: Callable[[IntArray, int], FloatArray] | None = None,
    pull: Callable[[IntArray, IntArray], FloatArray] | None = None,
    apart: Callable[[IntArray, IntArray], FloatArray] | None = None,
) -> IntArray:
    """Return the parent of each row, by solving one assignment per pair of frames.

    Every nucleus continues one of the frame before, is the second daughter of one, or is new; the
    costs are squared distances in units of the usual step, plus what a division or a new nucleus
    costs.

    Parameters
    ----------
    divide_cost : callable, optional
        ``divide_cost(rows, frame)``: cost that each of these nuclei divides before ``frame``.
    pull : callable, optional
        ``pull(before, now)``: further cost that a nucleus continues, shape (now, before).
    apart : callable, optional
        ``apart(before, now)``: cost of the place of a second daughter, in place of the distance
        from its mother.
    """
    from scipy.optimize import linear_sum_assignment

    parent = np.full(len(frame), -1)
    age = np.zeros(len(frame))
    frames = np.unique(frame)
    rows_at = {int(f): np.flatnonzero(frame == f) for f in frames}
    drift = np.zeros((len(frame), 3))
    for f0, f1 in zip(frames[:-1].tolist(), frames[1:].tolist(), strict=True):
        before, now = rows_at[f0], rows_at[f1]
        minutes = (f1 - f0) * minutes_per_frame
        step = _STEP_UM * np.sqrt(max(minutes, 0.5))
        shift = xyz_um[now][:, None] - xyz_um[before][None] - 0.5 * drift[before][None]
        square = (shift**2).sum(2)
        follow = 0.5 * np.minimum(square / step**2, 4 * _NEW) - _KEEP
        if divide_cost is None:
            young = age[before] < _youngest(len(before))
            divides = np.where(young, _DIVIDE + _TOO_YOUNG, _DIVIDE)
        else:
            divides = divide_cost(before, f1)
        place = 0.5 * square / _DAUGHTER_UM**2 if apart is None else apart(before, now)
        second = place + divides
        if pull is not None:
            follow = follow + pull(before, now)
        cost = np.concatenate([follow, second, np.full((len(now), len(now)), _NEW)], axis=1)
        reach = _REACH_UM if len(before) > _FEW else _EARLY_REACH_UM
        cost[:, : 2 * len(before)][np.tile(square > reach**2, 2)] = 1e3
        row, column = linear_sum_assignment(cost)
        linked = column < 2 * len(before)
        row, source = row[linked], before[column[linked] % len(before)]
        parent[now[row]] = source
        count = np.bincount(source, minlength=len(frame))
        alone = count[source] == 1
        age[now[row]] = np.where(alone, age[source] + minutes, 0.0)
        moved = xyz_um[now[row]] - xyz_um[source]
        drift[now[row]] = np.where(alone[:, None], 0.5 * drift[source] + 0.5 * moved, 0.0)
        age[now[~np.isin(np.arange(len(now)), row)]] = 30.0
        if f0 == frames[0]:
            age[now[row]] += 30.0 * alone
    return parent


def _youngest(n_cells: int) -> float:
    """Return the age in minutes below which no cell divides, at this stage."""
    return 8.0 if n_cells < 12 else 14.0 if n_cells < 60 else 20.0
