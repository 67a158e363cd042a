"""Link the objects of a movie of any scale: what is usual is measured in the movie itself."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fatescope.track.drift import frame_shifts
from fatescope.track.gaps import close_track_gaps, links_to_next_frame
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
    Distances of neighbours give the scale, first links how far objects move and how long they live
    before they divide. Then all are linked again, links that can hardly be right are mended, and
    tracks are joined over frames that missed an object. Last, daughters that are hardly seen are
    none (`without_brief_daughters`).
    """
    if not len(frame):
        return np.zeros(0, np.int64)
    position = position * (_APART / neighbour_distance(position, frame))
    usual = LinkSettings()
    usual = usual.replace(
        reach_um=settings.reach * _APART,
        reach_few_um=2 * settings.reach * _APART,
        divide=usual.divide if settings.divisions else NEVER_DIVIDES,
    )
    steady = position - frame_shifts(position, frame, reach=usual.reach_um)
    parent = link_frames(steady, frame, minutes_per_frame=1.0, settings=usual)
    youngest = _YOUNG * usual_life(frame, parent)
    step = _STEPS * estimate_motion(steady, frame, parent).step_um
    measured = usual.replace(step_um=max(usual.step_um, step))
    parent = link_frames(
        steady,
        frame,
        minutes_per_frame=1.0,
        settings=measured,
        divide_cost=partial(_divide_cost, measured.divide, youngest),
    )
    parent = links_to_next_frame(parent, frame)
    if settings.divisions:

        def life_cost(first: int, last: int) -> float:
            return _TOO_YOUNG if frame[last] - frame[first] + 1 < youngest else 0.0

        parent = mend_links(steady, frame, parent, life_cost=life_cost)
    if settings.most_missed:
        parent = _found_again(steady, frame, parent, most_frames=settings.most_missed)
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


def usual_life(frame: IntArray, parent: IntArray) -> float:
    """Return the median number of frames from a division to the next; 0 if few were seen."""
    n = np.bincount(parent[parent >= 0], minlength=len(frame))
    born = np.full(len(frame), -1)
    for row in np.argsort(frame, kind="stable"):
        mother = parent[row]
        if mother >= 0:
            born[row] = frame[row] if n[mother] == 2 else born[mother]
    ends = (n == 2) & (born >= 0)
    lives = frame[ends] - born[ends] + 1
    return float(np.median(lives)) if len(lives) >= _FEWEST_LIVES else 0.0


def _divide_cost(
    usual: float, youngest: float, rows: IntArray, at: int, age: FloatArray
) -> FloatArray:
    return np.where(age < youngest, usual + _TOO_YOUNG, usual)


def _found_again(
    position: FloatArray, frame: IntArray, parent: IntArray, *, most_frames: int
) -> IntArray:
    """Return the links without divisions that are an object found again.

    A daughter that lies nearer to the end of a track, a few frames before, than to her mother is
    that object; of two daughters, the one of whom it is truer.
    """
    from scipy.spatial import cKDTree

    parent = parent.copy()
    n = np.bincount(parent[parent >= 0], minlength=len(frame))
    ends = np.flatnonzero((n == 0) & (frame < frame.max() - 1))
    daughters = np.flatnonzero((parent >= 0) & (n[parent] == 2))
    if not len(ends) or not len(daughters):
        return parent
    tree = cKDTree(position[ends])
    own = np.linalg.norm(position[daughters] - position[parent[daughters]], axis=1)
    nearer: list[tuple[float, int, int]] = []
    for daughter, distance in zip(daughters.tolist(), own.tolist(), strict=True):
        for i in tree.query_ball_point(position[daughter], distance):
            missed = frame[daughter] - frame[ends[i]] - 1
            if 1 <= missed <= most_frames:
                gap = float(np.linalg.norm(position[daughter] - position[ends[i]]))
                nearer.append((gap / distance, daughter, int(ends[i])))
    taken: set[int] = set()
    for _, daughter, end in sorted(nearer):
        mother = int(parent[daughter])
        if end in taken or mother in taken:
            continue
        taken |= {end, mother}
        parent[daughter] = end
    return parent
