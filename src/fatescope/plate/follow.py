"""Cells of a well through time: linked from frame to frame, and when each of them died.

A dead cell stays dead. What a network says of a cell at one frame is uncertain, so the frame of
death is the one that makes all that it said of the cell likeliest, not the first frame that looks
dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Table
from fatescope.track import (
    NEVER_DIVIDES,
    LinkSettings,
    close_track_gaps,
    frame_shifts,
    link_frames,
    links_to_next_frame,
)

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.plate.settings import FollowSettings

_SURE = 0.02
"""No frame is believed more than this far from certainty."""


def link_cells(
    position: FloatArray,
    frame: IntArray,
    p_dead: FloatArray,
    *,
    diameter_px: float,
    settings: FollowSettings,
) -> IntArray:
    """Return the track of each observation, numbered from 0 in the order of first rows.

    Parameters
    ----------
    position : ndarray of float, shape (n, 2)
        In the well, px.
    frame : ndarray of int, shape (n,)
    p_dead : ndarray of float, shape (n,)
        Dead cells lie still: they are found again after any time.
    diameter_px : float
        Of a nucleus; steps and reach are measured in it.
    settings : FollowSettings
    """
    if not len(frame):
        return np.zeros(0, np.int64)
    reach = settings.reach * diameter_px
    steady = position - frame_shifts(position, frame, reach=reach)
    links = LinkSettings(
        step_um=max(0.3 * diameter_px, 0.5),
        reach_um=reach,
        reach_few_um=reach,
        divide=NEVER_DIVIDES,  # two daughters: one goes on, the other begins
    )
    parent = link_frames(steady, frame, minutes_per_frame=1.0, settings=links)
    parent = links_to_next_frame(parent, frame)
    parent = close_track_gaps(
        steady,
        frame,
        parent,
        reach=reach,
        most_frames=settings.most_missed,
        still=p_dead >= 0.5,
    )
    return _tracks(parent, frame)


def _tracks(parent: IntArray, frame: IntArray) -> IntArray:
    """Return the number of the track of each row; a row has one child at most."""
    track = np.full(len(parent), -1, dtype=np.int64)
    n = 0
    for row in np.argsort(frame, kind="stable").tolist():
        if parent[row] < 0:
            track[row] = n
            n += 1
        else:
            track[row] = track[parent[row]]
    return track


def death_row(p_dead: FloatArray, *, certainty: float) -> int:
    """Return the first observation at which a cell is dead; as many as there are: none.

    Parameters
    ----------
    p_dead : ndarray of float, shape (n,)
        Probability that the cell is dead, in the order of time.
    certainty : float
        Least probability of a death, beside none, that is believed.

    Notes
    -----
    Of all moments the likeliest, the last of equals: the sum of log(1 - p) before it and of log p
    from it on. A single frame cannot say more than `_SURE`, so that one fault of the network
    kills no cell. Cells that are dead when first seen are so by the most of their frames.

    Examples
    --------
    >>> death_row(np.array([0.1, 0.9, 0.1, 0.2, 0.8, 0.9, 0.9]), certainty=0.8)
    4
    """
    p = np.clip(p_dead, _SURE, 1 - _SURE)
    live, dead = np.log1p(-p), np.log(p)
    n = len(p)
    before = np.concatenate([[0.0], np.cumsum(live)])
    after = np.concatenate([np.cumsum(dead[::-1])[::-1], [0.0]])
    score = (before + after).round(9)
    if not n:
        return 0
    at = n - 1 - int(np.argmax(score[:n][::-1]))
    # A death that was seen needs more than one that lies before the first frame.
    least = np.log(certainty / (1 - certainty)) if at else 0.0
    return at if score[at] - score[n] > least else n


def fates_of_cells(
    track: IntArray,
    frame: IntArray,
    p_dead: FloatArray,
    *,
    well: str,
    plate: str,
    settings: FollowSettings,
) -> tuple[Table, BoolArray, IntArray]:
    """Return when each cell was first and last seen and when it died.

    Returns
    -------
    Table
        ``plate, well, cell, first_frame, last_frame, death_frame, censored``; cells are numbered
        from 1.
    kept : ndarray of bool, shape (n,)
        Observations of cells that were seen often enough.
    cell : ndarray of int, shape (n,)
        The cell of each observation, 0 where it is not kept.
    """
    n_frames = len(np.unique(frame))
    least = min(settings.least_frames, n_frames)
    count = np.bincount(track) if len(track) else np.zeros(0, np.int64)
    number = np.zeros(len(count), np.int64)
    often = np.flatnonzero(count >= max(1, least))
    number[often] = np.arange(1, len(often) + 1)
    cell = number[track] if len(track) else np.zeros(0, np.int64)
    order = np.lexsort((frame, track))
    starts = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    rows = []
    for t in often.tolist():
        mine = order[starts[t] : starts[t + 1]]
        at = death_row(p_dead[mine], certainty=settings.certainty)
        died = at < len(mine)
        rows.append(
            {
                "plate": plate,
                "well": well,
                "cell": int(number[t]),
                "first_frame": int(frame[mine[0]]),
                "last_frame": int(frame[mine[-1]]),
                "death_frame": float(frame[mine[at]]) if died else float("nan"),
                "censored": int(not died),
            }
        )
    columns = ("plate", "well", "cell", "first_frame", "last_frame", "death_frame", "censored")
    kinds = (object, object, np.int64, np.int64, np.int64, np.float64, np.int64)
    table = Table(
        {c: np.array([r[c] for r in rows], dtype=k) for c, k in zip(columns, kinds, strict=True)}
    )
    return table, cell > 0, cell


def owning_field(
    position: FloatArray, field: IntArray, origins: FloatArray, shape: tuple[int, int]
) -> BoolArray:
    """Return which observations lie in the field whose middle is nearest to them.

    Where fields overlap, a cell is seen in several; it counts in one.

    Parameters
    ----------
    position : ndarray of float, shape (n, 2)
        In the well, px.
    field : ndarray of int, shape (n,)
        Row of ``origins``.
    origins : ndarray of float, shape (f, 2)
        Upper left pixel of each field in the well.
    shape : tuple of int
        Of a field.
    """
    from scipy.spatial import cKDTree

    if len(origins) < 2 or not len(position):
        return np.ones(len(position), dtype=bool)
    scale = np.array(shape, dtype=np.float64)
    middles = cKDTree((origins + scale / 2) / scale)
    _, nearest = middles.query(position / scale)
    return np.asarray(nearest == field)
