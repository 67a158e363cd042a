"""Link objects from frame to frame: one assignment for each pair of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.track.settings import LinkSettings

    DivideCost = Callable[[IntArray, int, FloatArray], FloatArray]
    PairCost = Callable[[IntArray, IntArray], FloatArray]

_FEW = 30
_LEAST_MIN = 0.5
_NEVER = 1e3
_DRIFT = 0.5
"""Of its last movements, how much an object goes on with."""


def link_frames(
    position_um: FloatArray,
    frame: IntArray,
    *,
    minutes_per_frame: float,
    settings: LinkSettings,
    divide_cost: DivideCost | None = None,
    pull: PairCost | None = None,
    apart: PairCost | None = None,
) -> IntArray:
    """Return the parent of each object, by solving one assignment per pair of frames.

    Every object goes on from one of the frame before, is the second daughter of one, or is new;
    the costs are squared distances in units of the usual step, plus what a division or a new
    object costs. An object that misses more than `LinkSettings.most_missed` frames begins a new
    track.

    Parameters
    ----------
    position_um : ndarray of float, shape (n, d)
        Finite, in 2D or 3D, in any order of axes.
    frame : ndarray of int, shape (n,)
        Frames without an object are passed over.
    minutes_per_frame : float
    settings : LinkSettings
    divide_cost : callable, optional
        ``divide_cost(rows, frame, age_min)``: cost that each of these objects divides before
        ``frame``; its age since its own birth, infinite where that was not seen. Infinite: never,
        as for the dead. In place of ``settings.divide``.
    pull : callable, optional
        ``pull(before, now)``: further cost that an object goes on as another, shape (now,
        before). Infinite: never, as from dead to living.
    apart : callable, optional
        ``apart(before, now)``: cost of the place of a second daughter, in place of the distance
        from its mother.

    Returns
    -------
    ndarray of int64, shape (n,)
        Row of the parent in an earlier frame, or -1. No row has more than two children.

    Notes
    -----
    A pair of frames falls into groups that no step joins, and each is solved on its own, so that
    memory holds the largest group squared.

    References
    ----------
    Jaqaman K et al. (2008). Nature Methods 5:695-702: linking as linear assignment, here with
    divisions in the same step.

    Examples
    --------
    >>> from fatescope.track import LinkSettings
    >>> place = np.array([[0.0, 0.0], [30.0, 0.0], [31.0, 0.0], [0.5, 0.0]])
    >>> frame = np.array([0, 0, 1, 1])
    >>> link_frames(place, frame, minutes_per_frame=1.5, settings=LinkSettings()).tolist()
    [-1, -1, 1, 0]
    """
    from scipy.optimize import linear_sum_assignment

    parent = np.full(len(frame), -1)
    age = np.full(len(frame), np.inf)
    drift = np.zeros(position_um.shape)
    frames = np.unique(frame)
    rows_at = {int(f): np.flatnonzero(frame == f) for f in frames}
    every, followed = np.zeros(0, np.int64), np.zeros(len(frame), dtype=bool)
    for f0, f1 in zip(frames[:-1].tolist(), frames[1:].tolist(), strict=True):
        lost = every[(frame[every] >= f0 - settings.most_missed) & ~followed[every]]
        every = np.concatenate([lost, rows_at[f0]])
        minutes = (f1 - frame) * minutes_per_frame
        step = settings.step_um * np.sqrt(np.maximum(minutes, _LEAST_MIN))
        missed = settings.missed * (f0 - frame)
        reach = settings.reach_um if len(rows_at[f0]) > _FEW else settings.reach_few_um
        divides = np.full(len(frame), settings.divide)
        if divide_cost is not None:
            divides[every] = divide_cost(every, f1, age[every])
        expected = position_um + _DRIFT * drift
        for before, now in _groups(expected[every], position_um[rows_at[f1]], reach):
            before, now = every[before], rows_at[f1][now]
            shift = position_um[now][:, None] - position_um[before][None]
            square = ((shift - _DRIFT * drift[before][None]) ** 2).sum(2)
            follow = (
                0.5 * np.minimum(square / step[before] ** 2, 4 * settings.begin) - settings.keep
            )
            if pull is not None:
                follow = follow + pull(before, now)
            place = 0.5 * square / settings.daughter_um**2 if apart is None else apart(before, now)
            linked = np.concatenate([follow, place + divides[before]], axis=1)
            linked += np.tile(missed[before], 2)
            linked[np.tile(square > reach**2, 2)] = _NEVER
            begins = np.full((len(now), len(now)), settings.begin)
            row, column = linear_sum_assignment(np.c_[np.minimum(linked, _NEVER), begins])
            old = column < 2 * len(before)
            parent[now[row[old]]] = before[column[old] % len(before)]
        row = rows_at[f1][parent[rows_at[f1]] >= 0]
        source = parent[row]
        followed[source] = True
        alone = np.bincount(source, minlength=len(frame))[source] == 1
        age[row] = np.where(alone, age[source] + minutes[source], 0.0)
        moved = (position_um[row] - position_um[source]) / (1 + f0 - frame[source])[:, None]
        drift[row] = np.where(alone[:, None], 0.5 * drift[source] + 0.5 * moved, 0.0)
    return parent


def _groups(
    before: FloatArray, now: FloatArray, reach: float
) -> Iterator[tuple[IntArray, IntArray]]:
    """Divide two frames into groups that no step joins; yield the objects of each that has both."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    pairs = cKDTree(before).sparse_distance_matrix(cKDTree(now), reach, output_type="ndarray")
    n, total = len(before), len(before) + len(now)
    near = coo_array((np.ones(len(pairs)), (pairs["i"], pairs["j"] + n)), shape=(total, total))
    _, group = connected_components(near, directed=False)
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        cut = np.searchsorted(members, n)
        if 0 < cut < len(members):
            yield members[:cut], members[cut:] - n
