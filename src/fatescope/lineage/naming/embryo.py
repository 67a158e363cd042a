"""Name an embryo, whatever is known of it: a tree, a movie, or a single frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base.errors import InputError
from fatescope.lineage.body_axes import MIRROR
from fatescope.lineage.clock import clocks_from_counts
from fatescope.lineage.naming.confidence import certainty, doubtful_cost, most_believed
from fatescope.lineage.naming.flags import fitness
from fatescope.lineage.naming.frame import name_frame
from fatescope.lineage.naming.movie import name_movie
from fatescope.lineage.naming.tracked import NamedTree, name_tracked, rename_tracked
from fatescope.lineage.naming.tree import too_young, untimely
from fatescope.track import mend_links

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.naming.settings import NameSettings

Kind = Literal["tracked", "movie", "frame"]
_LINKED_SHARE = 0.3  # of rows with a parent, above which a table is tracked; not measured
_MOST_CELLS = 450  # beyond them frames get no names; measured to 350
BOTH_HANDS = "its mirror image fits about as well, so left and right are open"
_SYMMETRIC_CELLS = 6
"""Up to so many cells both hands fit alike: of 24 embryos, three fitted better mirrored."""
_BOTH_CELLS = 24
_CLEAR_SCORE, _CLEAR_GAIN = 3.0, 0.5
"""Score per track above which no mirror image came (at most 1.6; as stored 3.9, whole tables 2.2),
and what a hand must gain per track (smallest gap from 24 cells on: 1.6)."""
_BOTH_NUCLEI, _CLEAR_COST, _FRAME_GAIN = 64, 0.5, 0.15
"""Of more nuclei, frames so far below the doubtful cost are not mirrored; gain per nucleus."""
_LEAST_TREE_GAIN, _LEAST_FRAME_GAIN = 15.0, 5.0  # of one hand over the other (record 0349)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRows:
    """Names of rows and how far to trust them.

    Parameters
    ----------
    name, second : ndarray of int, shape (rows,)
        Places in the atlas, or -1.
    confidence : ndarray of float, shape (rows,)
    kind : str
        What the table was taken for: ``tracked``, ``movie`` or ``frame``.
    species : str
        Empty where lives do not tell.
    reasons : list of str
        Why the embryo does not fit; empty if it is typical.
    minutes_per_frame : float
        Pace against the atlas; NaN for a single frame.
    mirrored : bool
        Whether the names are those of the mirror image, because only that fits.
    """

    name: IntArray
    second: IntArray
    confidence: FloatArray
    kind: Kind
    species: str
    reasons: list[str]
    minutes_per_frame: float
    mirrored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """An embryo named in one hand.

    ``score`` is the log-likelihood of all, ``clear`` by how much the other hand must exceed it,
    ``good`` says that the other need not be tried; ``reversed`` that the fit turned the hand.
    """

    rows: NamedRows
    score: float
    clear: float
    good: bool
    fits: bool
    reversed: bool


def name_embryo(
    atlas: Atlas, *, xyz_um: FloatArray, frame: IntArray, parent: IntArray, settings: NameSettings
) -> NamedRows:
    """Name every row of an embryo.

    Parameters
    ----------
    xyz_um : ndarray of float, shape (rows, 3)
        x, y, z in µm; rows that are not finite get no name.
    frame : ndarray of int, shape (rows,)
    parent : ndarray of int, shape (rows,)
        Row in an earlier frame, or -1. Without any link the table is a movie, with one frame a
        single frame.

    Raises
    ------
    InputError
        If no row has a position.
    """
    finite = np.flatnonzero(np.isfinite(xyz_um).all(axis=1))
    if not len(finite):
        raise InputError("no nucleus has a position. Check the columns x, y and z.")
    if len(finite) < len(frame):
        place = np.full(len(frame), -1)
        place[finite] = np.arange(len(finite))
        links = np.where(parent[finite] >= 0, place[parent[finite]], -1)
        part = _name(atlas, xyz_um[finite], frame[finite], links, settings)
        return _spread_out(part, finite, len(frame))
    return _name(atlas, xyz_um, frame, parent, settings)


def _spread_out(part: NamedRows, rows: IntArray, n: int) -> NamedRows:
    name, second, confidence = np.full(n, -1), np.full(n, -1), np.zeros(n)
    name[rows], second[rows], confidence[rows] = part.name, part.second, part.confidence
    return replace(part, name=name, second=second, confidence=confidence)


def _name(
    atlas: Atlas, xyz: FloatArray, frame: IntArray, parent: IntArray, settings: NameSettings
) -> NamedRows:
    late = _late(frame)
    if late.any():
        rows = np.flatnonzero(~late)
        place = np.full(len(frame), -1)
        place[rows] = np.arange(len(rows))
        links = np.where(parent[rows] >= 0, place[parent[rows]], -1)
        part = _name(atlas, xyz[rows], frame[rows], links, settings)
        return _carried(_spread_out(part, rows, len(frame)), frame, parent)
    given = _tried(atlas, xyz, frame, parent, settings)
    if np.bincount(frame - frame.min()).max() <= _SYMMETRIC_CELLS:
        return given.rows
    if given.good:
        return replace(given.rows, mirrored=given.reversed)
    other = _tried(atlas, xyz * MIRROR, frame, parent, settings)
    gain = other.score - given.score
    if gain > given.clear and other.fits:
        return replace(other.rows, mirrored=not other.reversed)
    differs = other.rows.name != given.rows.name
    as_given = replace(given.rows, mirrored=given.reversed)
    if gain < -given.clear or not differs.any():
        return as_given
    return replace(
        as_given,
        confidence=np.where(
            differs, np.minimum(as_given.confidence, most_believed()), as_given.confidence
        ),
        reasons=[*as_given.reasons, BOTH_HANDS],
    )


def _tried(
    atlas: Atlas, xyz: FloatArray, frame: IntArray, parent: IntArray, settings: NameSettings
) -> _Trial:
    if frame.min() == frame.max():
        return _tried_frame(atlas, xyz)
    linked = np.mean(parent[frame > frame.min()] >= 0) > _LINKED_SHARE
    kind: Kind = "movie"
    if linked and settings.links != "ignore":
        found, kind = _tracked(atlas, xyz, frame, parent, settings), "tracked"
    else:
        found, _ = name_movie(atlas, xyz_um=xyz, frame=frame)
    sure = certainty(atlas, found, frame=frame, kind=kind)
    fit = fitness(atlas, found, frame=frame)
    rows = NamedRows(
        name=found.row_names(),
        second=sure.second,
        confidence=sure.confidence,
        kind=kind,
        species=fit.species,
        reasons=fit.reasons(),
        minutes_per_frame=found.clock.minutes_per_frame,
    )
    return _Trial(
        rows=rows,
        score=found.named.total,
        clear=max(_LEAST_TREE_GAIN, _CLEAR_GAIN * len(found.chains)),
        good=fit.fit >= _CLEAR_SCORE and np.bincount(frame - frame.min()).max() >= _BOTH_CELLS,
        fits=True,
        reversed=bool(np.linalg.det(found.fit.matrix) < 0),
    )


def _tried_frame(atlas: Atlas, xyz: FloatArray) -> _Trial:
    single, n = name_frame(atlas, xyz_um=xyz), len(xyz)
    limit = doubtful_cost(n)
    rows = NamedRows(
        name=single.name,
        second=single.second,
        confidence=single.confidence,
        kind="frame",
        species="",
        reasons=single.reasons,
        minutes_per_frame=float("nan"),
    )
    return _Trial(
        rows=rows,
        score=-n * single.cost,
        clear=max(_LEAST_FRAME_GAIN, _FRAME_GAIN * n),
        good=n >= _BOTH_NUCLEI and single.cost <= limit - _CLEAR_COST,
        fits=single.cost <= limit,
        reversed=bool(np.linalg.det(single.matrix) < 0),
    )


def _late(frame: IntArray) -> BoolArray:
    """Return the rows of frames beyond the atlas: from the first with more than 450 nuclei on."""
    count = np.bincount(frame - frame.min())
    over = np.flatnonzero(count > _MOST_CELLS)
    if not len(over):
        return np.zeros(len(frame), bool)
    return np.asarray(frame >= frame.min() + max(int(over[0]), 1))


def _carried(named: NamedRows, frame: IntArray, parent: IntArray) -> NamedRows:
    """Let later rows bear the names of the rows they continue, until these divide."""
    successors = np.bincount(parent[parent >= 0], minlength=len(frame))
    for row in np.argsort(frame, kind="stable").tolist():
        before = parent[row]
        if named.name[row] < 0 <= before and successors[before] == 1:
            named.name[row], named.second[row] = named.name[before], named.second[before]
            named.confidence[row] = named.confidence[before]
    return named


def _tracked(
    atlas: Atlas, xyz: FloatArray, frame: IntArray, parent: IntArray, settings: NameSettings
) -> NamedTree:
    if settings.links == "trust":
        return name_tracked(atlas, xyz_um=xyz, frame=frame, parent=parent)
    # Steps and lives alone propose changes; whether they stay is decided by the names of all cells.
    pace = clocks_from_counts(atlas, frame, most=1)[0].minutes_per_frame
    links = mend_links(xyz, frame, parent, life_cost=too_young(frame, pace))
    found = name_tracked(atlas, xyz_um=xyz, frame=frame, parent=links)
    if not np.array_equal(links, parent):
        given = name_tracked(atlas, xyz_um=xyz, frame=frame, parent=parent)
        if given.named.total >= found.named.total:
            links, found = parent, given
    lives = untimely(atlas, found.clock, frame=frame, parent=links, name=found.row_names())
    again = mend_links(xyz, frame, parent, life_cost=lives, now=links)
    if np.array_equal(again, links):
        return found
    mended = rename_tracked(atlas, found, xyz_um=xyz, frame=frame, parent=again)
    return mended if mended.named.total > found.named.total else found
