"""Link the objects of a movie of any scale: what is usual is measured in the movie itself."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.track.drift import frame_shifts
from fatescope.track.gaps import close_track_gaps
from fatescope.track.linking import link_frames
from fatescope.track.mending import mend_links
from fatescope.track.motion import estimate_motion
from fatescope.track.settings import NEVER_DIVIDES, LinkSettings

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.track.settings import ObjectLinkSettings

_TOO_YOUNG = 10.0
_YOUNG = 0.4
"""Of a usual life: an object that divides earlier hardly did."""
_FEWEST_LIVES = 5
_ROUND = 10
"""Lives before and after that say how long one usually is."""
_LEAST_SPREAD = 0.1
"""Of the logarithm of a life; tracked embryos have 0.05 to 0.1 (record 0391)."""
_DISBELIEF = 1.0
"""To change a link that was made here: less than one that a table gives (record 0391)."""
_MOST_JUMPED = 5
"""Frames; a longer gap costs more than a new object does, and is closed last."""
_LEAST_MISSED = 1e-3
"""Share of links that jump a frame, where hardly one was seen to; not measured by itself."""
_APART = 4.4
"""Positions are scaled to this distance of neighbours, for which the usual costs were found."""
_STEPS = 1.5
"""Spread of steps that is allowed for, beside the one that the first links show."""


def link_objects(
    position: FloatArray,
    frame: IntArray,
    *,
    settings: ObjectLinkSettings,
) -> IntArray:
    """Return the parent of each object of a movie.

    Parameters
    ----------
    position : ndarray of float, shape (n, d)
        In 2D or 3D, finite, in one unit along all axes.
    frame : ndarray of int, shape (n,)
    settings : ObjectLinkSettings

    Returns
    -------
    ndarray of int64, shape (n,)
        Row of the same object, or of its mother, in an earlier frame; -1 where there is none. No
        row has more than two children.

    Notes
    -----
    Distances of neighbours give the scale, first links how far objects move, how long they live
    before they divide and how often they are missed. Then all are linked again, links that can
    hardly be right are mended, and what is left of tracks that a few frames interrupt is joined.
    Last, daughters that are hardly seen are none (`without_brief_daughters`).
    """
    if not len(frame):
        return np.zeros(0, np.int64)
    position = position * (_APART / neighbour_distance(position, frame))
    usual = LinkSettings()
    usual = usual.replace(
        reach_um=settings.reach * _APART,
        reach_few_um=2 * settings.reach * _APART,
        divide=usual.divide if settings.divisions else NEVER_DIVIDES,
        most_missed=min(settings.most_missed, _MOST_JUMPED),
    )
    steady = position - frame_shifts(position, frame, reach=usual.reach_um)
    parent = link_frames(steady, frame, minutes_per_frame=1.0, settings=usual)
    step = _STEPS * estimate_motion(steady, frame, parent).step_um
    measured = usual.replace(step_um=max(usual.step_um, step), missed=missed_cost(frame, parent))
    parent = link_frames(
        steady,
        frame,
        minutes_per_frame=1.0,
        settings=measured,
        divide_cost=partial(_divide_cost, measured.divide, UsualLife(frame, parent).youngest),
    )
    if settings.divisions:
        lives, at = UsualLife(frame, parent), frame.tolist()
        parent = mend_links(
            steady,
            frame,
            parent,
            life_cost=lambda first, last: lives.cost(at[last] - at[first] + 1, at[last]),
            disbelief=_DISBELIEF,
            most_missed=measured.most_missed,
            missed=measured.missed,
        )
    if settings.most_missed:
        parent = close_track_gaps(
            steady, frame, parent, reach=measured.reach_um, most_frames=settings.most_missed
        )
    return without_brief_daughters(frame, parent, most_frames=settings.briefest)


def without_brief_daughters(frame: IntArray, parent: IntArray, *, most_frames: int) -> IntArray:
    """Return the links without daughters that are followed in few frames and never divide.

    Parameters
    ----------
    frame, parent : ndarray of int, shape (n,)
    most_frames : int
        A daughter of so many frames or fewer is cut off, unless the movie ends there. Of two such
        daughters the one that lasts longer stays, and goes on as the mother.

    Returns
    -------
    ndarray of int64, shape (n,)

    Notes
    -----
    A detector now and then sees one nucleus as two for a frame. Such a part ends at once, where a
    daughter goes on until she divides or the movie ends.
    """
    parent = parent.copy()
    n = np.bincount(parent[parent >= 0], minlength=len(frame))
    last = np.arange(len(frame))  # of the track, seen from each of its rows
    for row in np.argsort(-frame, kind="stable").tolist():
        mother = parent[row]
        if mother >= 0 and n[mother] == 1:
            last[mother] = last[row]
    daughters = np.flatnonzero((parent >= 0) & (n[parent] == 2))
    end = last[daughters]
    frames = frame[end] - frame[daughters] + 1
    brief = (n[end] == 0) & (frames <= most_frames) & (frame[end] < frame.max())
    kept: set[int] = set()
    for i in np.argsort(-frames, kind="stable").tolist():
        mother = int(parent[daughters[i]])
        if brief[i] and mother in kept:
            parent[daughters[i]] = -1
        kept.add(mother)
    return parent


def missed_cost(frame: IntArray, parent: IntArray) -> float:
    """Return what it costs that an object is missing in a frame: by links that jump one."""
    row = np.flatnonzero(parent >= 0)
    share = float(np.mean(frame[row] - frame[parent[row]] > 1)) if len(row) else 0.0
    return -math.log(max(share, _LEAST_MISSED))


def neighbour_distance(position: FloatArray, frame: IntArray) -> float:
    """Return the median distance of an object to its nearest neighbour in the same frame.

    Where no frame holds two objects, the largest extent of the movie, or 1.
    """
    from scipy.spatial import cKDTree

    found = []
    for f in np.unique(frame):
        here = position[frame == f]
        if len(here) > 1:
            found.append(cKDTree(here).query(here, k=2)[0][:, 1])
    distance = float(np.median(np.concatenate(found))) if found else 0.0
    return distance or float(np.ptp(position, axis=0).max()) or 1.0


class UsualLife:
    """How long objects live before they divide: by the lives that end near by in time.

    Cells of an early embryo divide in rounds, others when they like: usual life and spread are
    medians of the links themselves. Where few lives were seen, no age is unusual.
    """

    def __init__(self, frame: IntArray, parent: IntArray) -> None:
        n = np.bincount(parent[parent >= 0], minlength=len(frame))
        born = np.full(len(frame), -1)
        for row in np.argsort(frame, kind="stable"):
            mother = parent[row]
            if mother >= 0:
                born[row] = frame[row] if n[mother] == 2 else born[mother]
        ends = np.flatnonzero((n == 2) & (born >= 0))
        ends = ends[np.argsort(frame[ends], kind="stable")]
        life = np.log(frame[ends] - born[ends] + 1.0)
        here = [life[max(i - _ROUND, 0) : i + _ROUND + 1] for i in range(len(life))]
        usual = np.array([np.median(lives) for lives in here])
        self.few = len(life) < _FEWEST_LIVES
        self.youngest = 0.0 if self.few else _YOUNG * float(np.exp(np.median(life)))
        if not self.few:
            self.spread = max(1.48 * float(np.median(np.abs(life - usual))), _LEAST_SPREAD)
            self.first = int(frame.min())
            frames = np.arange(self.first, frame.max() + 1)
            self.usual = np.interp(frames, frame[ends], usual).tolist()

    def cost(self, life: int, last: int) -> float:
        """Return what it costs to divide after ``life`` frames, the last of which is ``last``."""
        if self.few:
            return 0.0
        off = (math.log(life) - self.usual[last - self.first]) / self.spread
        return 2.5 * math.log1p(off * off / 4)  # t distribution with 4 degrees of freedom


def _divide_cost(
    usual: float, youngest: float, rows: IntArray, at: int, age: FloatArray
) -> FloatArray:
    return np.where(age < youngest, usual + _TOO_YOUNG, usual)
