"""Name a movie without tracks.

Links come first from distances alone; the names that follow say when each cell should divide and
where it should lie, and with both the links are made again. What is unusual in the end is mended.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas import at_phase
from fatescope.lineage.clock import clocks_from_counts
from fatescope.lineage.naming.evidence import phases
from fatescope.lineage.naming.tracked import NamedTree, name_tracked, rename_tracked
from fatescope.lineage.naming.tree import untimely
from fatescope.track import LinkSettings, link_frames, mend_links

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

_DIVIDE = 6.0  # cost of a division while no name is known
_TOO_YOUNG = 10.0  # and so much more of a young cell
_DUE = 2.0  # of a named cell that is due
_NEVER = 14.0  # of one that the atlas never saw divide; none measured by itself (record 0072)
_PULL = 0.3  # weight of where a named cell is expected; not measured
_HALF_UM = 2.2
"""How far a daughter lies from where her mother was, in the first frame."""
_DAUGHTER_SD_UM = 1.5  # about that place; not measured


def name_movie(atlas: Atlas, *, xyz_um: FloatArray, frame: IntArray) -> tuple[NamedTree, IntArray]:
    """Link and name a movie.

    Parameters
    ----------
    xyz_um : ndarray of float, shape (rows, 3)
    frame : ndarray of int, shape (rows,)

    Returns
    -------
    NamedTree
    ndarray of int, shape (rows,)
        The links that the names were found with.
    """
    pace = clocks_from_counts(atlas, frame, most=1)[0].minutes_per_frame
    links = link_frames(
        xyz_um,
        frame,
        minutes_per_frame=pace,
        settings=LinkSettings(),
        divide_cost=partial(_divides_when_old, frame),
    )
    found = name_tracked(atlas, xyz_um=xyz_um, frame=frame, parent=links)
    for _ in range(2):  # with the names found, links are made again
        links = _link_again(atlas, found, xyz_um=xyz_um, frame=frame)
        found = rename_tracked(atlas, found, xyz_um=xyz_um, frame=frame, parent=links)
    lives = untimely(atlas, found.clock, frame=frame, parent=links, name=found.row_names())
    mended = mend_links(xyz_um, frame, links, life_cost=lives)
    return rename_tracked(atlas, found, xyz_um=xyz_um, frame=frame, parent=mended), mended


def _divides_when_old(frame: IntArray, rows: IntArray, at: int, age_min: FloatArray) -> FloatArray:
    """Return what divisions cost while no name is known: much for the young, and at the start."""
    youngest = 8.0 if len(rows) < 12 else 14.0 if len(rows) < 60 else 20.0
    young = (age_min < youngest) | (frame[rows] == frame.min())
    return np.where(young, _DIVIDE + _TOO_YOUNG, _DIVIDE)


def _link_again(
    atlas: Atlas,
    found: NamedTree,
    *,
    xyz_um: FloatArray,
    frame: IntArray,
) -> IntArray:
    name = found.row_names()
    sure = (name >= 0) & atlas.known[name]
    safe = np.where(sure, name, 0)
    track = found.chains.of_row
    begin, life = phases(atlas, found.chains, found.clock, track, safe)
    # A track that was cut has no birth of its own.
    begin = np.where(found.chains.born[track], begin, atlas.birth_min[safe])
    due = begin + atlas.life_min[safe]
    slack = 0.06 * atlas.life_min[safe] + 1.5
    never = atlas.n_lives[safe] < 3
    placed, expected, sd = found.fit.placed, found.fit.expected, atlas.position_sd[safe]

    def divide_cost(rows: IntArray, at: int, _: FloatArray) -> FloatArray:
        early = np.maximum(due[rows] - found.clock.minutes(np.array([at]))[0], 0) / slack[rows]
        cost = np.minimum(_DUE + 0.5 * early**2, _NEVER)
        return np.asarray(np.where(never[rows], _NEVER, np.where(sure[rows], cost, 6.0)))

    def pull(before: IntArray, now: IntArray) -> FloatArray:
        minute = found.clock.minutes(frame[now[:1]])[0]
        there = at_phase(expected, safe[before], (minute - begin[before]) / life[before])
        off = (placed[now][:, None] - there[None]) / sd[before][None]
        return np.asarray(_PULL * 0.5 * np.minimum((off**2).sum(2), 16.0) * sure[before])

    def apart(before: IntArray, now: IntArray) -> FloatArray:
        half = _HALF_UM * atlas.axis[safe[before]] * sure[before][:, None]
        step = placed[now][:, None] - placed[before][None]
        one, other = ((step - half) ** 2).sum(2), ((step + half) ** 2).sum(2)
        return np.asarray(0.5 * np.minimum(one, other) / _DAUGHTER_SD_UM**2)

    return link_frames(
        xyz_um,
        frame,
        minutes_per_frame=found.clock.minutes_per_frame,
        settings=LinkSettings(),
        divide_cost=divide_cost,
        pull=pull,
        apart=apart,
    )
