"""Scope: where annotation ends for many cells at once, and where it covers few branches only."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.base.sulston_tree import dies
from fatescope.lineage.lint.ranking import bounded, ranked
from fatescope.lineage.lint.timing import expected_cells, neighbour_um, pace_of

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import IntArray
    from fatescope.lineage.lint.settings import LintSettings
    from fatescope.numeric import Tracks

_FEWEST, _FEW = 4, 120  # nuclei of a frame: that can drop, and whose partners are looked for
_NEAR = 0.75  # of the distance of neighbours
"""By these, of 312 drops put into tables without tracks all are found (docs/lineage-lint.md)."""
_GERM_LINE = frozenset(["P4", "Z2", "Z3"])


def cliffs(lineage: Lineage, tracks: Tracks, *, file: str, settings: LintSettings) -> list[Finding]:
    """Report frames in which many tracks end without division, before the last frame."""
    if not (lineage.parent >= 0).any():
        return []
    end = int(lineage.frame.max())
    open_ends = (tracks.n_daughters == 0) & (tracks.last < end) & (tracks.last >= 0)
    frames, ends = np.unique(tracks.last[open_ends], return_counts=True)
    found = []
    for frame, count in zip(frames.tolist(), ends.tolist(), strict=True):
        alive = int((lineage.frame == frame).sum())
        limit = max(settings.cliff_cells, settings.cliff_share * alive)
        if count >= min(limit, max(settings.cliff_many, settings.cliff_cells)):
            found.append(
                Finding(
                    file=file,
                    rule="cliff",
                    frame=frame + 1,
                    object=f"{count} tracks",
                    value=round(count / alive, 4),
                    limit=settings.cliff_share,
                    severity="error",
                    reason=(
                        f"{count} of {alive} tracks end together after frame {frame} (the last "
                        f"frame is {end}): from here on only some branches are annotated."
                    ),
                )
            )
    return found


def counts_of(lineage: Lineage) -> tuple[int, IntArray]:
    """Return the first recorded frame and the number of nuclei in each frame from there."""
    frame = lineage.frame[lineage.frame >= 0]
    start = int(frame.min()) if len(frame) else 0
    return start, np.bincount(frame - start) if len(frame) else np.zeros(0, dtype=np.int64)


def drops(lineage: Lineage, *, file: str, settings: LintSettings) -> list[Finding]:
    """Report frames in which many nuclei vanish, where there are no tracks.

    Two signs count: the number of nuclei falls; or, while nuclei are few and far apart, many have
    no partner in the next frame although others divide and hide the loss in the number.
    """
    if (lineage.parent >= 0).any():
        return []
    start, counts = counts_of(lineage)
    steps = lineage.spacing.um("ZYX")
    found = []
    for at in range(len(counts) - 1):
        before, after = int(counts[at]), int(counts[at + 1])
        lost = max(before - after, 0)
        share = settings.drop_share
        if steps is not None and 8 <= before <= _FEW and after >= before * (1 - 2 * share):
            lost = max(lost, _without_partner(lineage, start + at))
        if before >= _FEWEST and lost >= max(1, share * before):
            found.append(_drop(file, start + at + 1, lost, before, settings))
    return found


def _without_partner(lineage: Lineage, frame: int) -> int:
    """Return how many nuclei of a frame find no nucleus of their own in the next.

    Pairs are the assignment of least total distance; a partner is near if it is closer than part
    of the usual distance between neighbours.
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    place = lineage.position_um()
    now, later = place[lineage.frame == frame], place[lineage.frame == frame + 1]
    if not (np.isfinite(now).all() and np.isfinite(later).all()):
        return 0
    near = _NEAR * neighbour_um() * np.cbrt(26.0 / len(now))
    distance = np.minimum(cdist(now, later), 2 * near)
    one, other = linear_sum_assignment(distance)
    return len(now) - int((distance[one, other] < near).sum())


def drops_in_counts(
    frame: IntArray, count: IntArray, *, file: str, settings: LintSettings
) -> list[Finding]:
    """Report falls of a mere count of nuclei, one value for each frame.

    Parameters
    ----------
    frame : ndarray of int, shape (n,)
        In any order; counts of one frame are added up.
    count : ndarray of int, shape (n,)
    """
    frames, slot = np.unique(frame, return_inverse=True)
    counts = np.bincount(slot, weights=count).astype(int).tolist()
    found = []
    for at, (before, after) in enumerate(pairwise(counts), start=1):
        lost = before - after
        if before >= _FEWEST and lost >= max(1, settings.drop_share * before):
            found.append(_drop(file, int(frames[at]), lost, before, settings))
    return bounded(ranked(found), listed=settings.listed)


def _drop(file: str, frame: int, lost: int, before: int, settings: LintSettings) -> Finding:
    return Finding(
        file=file,
        rule="cliff",
        frame=frame,
        object=f"{lost} nuclei",
        value=round(lost / before, 4),
        limit=settings.drop_share,
        severity="error",
        reason=f"{lost} of {before} nuclei are gone in frame {frame}; they do not vanish together.",
    )


def partial(
    lineage: Lineage, tracks: Tracks, *, file: str, settings: LintSettings, ends_at: int | None
) -> list[Finding]:
    """Report tables that hold few of the cells an embryo of that age has.

    Parameters
    ----------
    ends_at : int or None
        Frame of the first cliff; later frames are not checked.
    """
    pace = pace_of(tracks)
    if pace is None:
        return []
    start, counts = counts_of(lineage)
    last = start + len(counts) - 1 if ends_at is None else ends_at - 1
    if last - start >= len(counts) or last < start:
        return []
    expected = expected_cells(last, pace)
    seen = int(counts[last - start])
    if expected < 40 or seen >= settings.partial_share * expected:
        return []
    return [
        Finding(
            file=file,
            rule="partial",
            frame=last,
            value=round(seen / expected, 3),
            limit=settings.partial_share,
            severity="error",
            reason=(
                f"{seen} cells in frame {last} where an embryo of that age has about "
                f"{expected:.0f}: only some branches are annotated."
            ),
        )
    ]


def open_ends(
    lineage: Lineage, tracks: Tracks, *, file: str, cliff_frames: set[int]
) -> list[Finding]:
    """Report, in one line, cells that end before the last frame outside any cliff."""
    end = int(lineage.frame.max())
    ends = np.flatnonzero((tracks.n_daughters == 0) & (tracks.last < end) & (tracks.last >= 0))
    names = [str(tracks.name[t]) for t in ends if int(tracks.last[t]) + 1 not in cliff_frames]
    if not names or not (lineage.parent >= 0).any():
        return []
    dying = sum(map(dies, names))
    germ = sum(n in _GERM_LINE for n in names)
    shown = ", ".join(n or "unnamed" for n in names[:6]) + (", ..." if len(names) > 6 else "")
    return [
        Finding(
            file=file,
            rule="partial",
            value=float(len(names)),
            severity="info",
            reason=(
                f"{len(names)} cells end before the last frame ({shown}): {dying} of them die in "
                f"the embryo, {germ} are germ line. That a track ends is no proof of death."
            ),
        )
    ]
