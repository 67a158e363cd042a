"""How sure links and divisions are: from steps, from rivals, and from how long tracks last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import expit

from fatescope.storage.fitted import read_fitted
from fatescope.track.objects import neighbour_distance

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray

_FITTED = "track/shipped/link-certainty-1.toml"
_FAR = 3.0
"""Of the distance of neighbours: rivals farther away do not matter."""
_LONG = 20
"""Frames after which a track counts as lasting."""


def score_links(
    position: FloatArray, frame: IntArray, parent: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return the chance that each link is right, and each division.

    Parameters
    ----------
    position : ndarray of float, shape (n, d)
        In one unit along all axes; rows without a place, NaN, have no links.
    frame, parent : ndarray of int, shape (n,)
        As `link_objects` takes and gives them.

    Returns
    -------
    links : ndarray of float, shape (n,)
        Of the link of each row to its parent; NaN where it has none.
    divisions : ndarray of float, shape (n,)
        Of the division of each row into two; NaN where it has not two children.

    Notes
    -----
    Logistic, fitted to links that were hidden in tracked embryos and found again
    (`benchmarks/link_certainty.py`, which also scores it on other embryos).
    """
    links, divisions = np.full(len(frame), np.nan), np.full(len(frame), np.nan)
    known = np.flatnonzero(np.isfinite(position).all(axis=1))
    if not len(known) or not (parent >= 0).any():
        return links, divisions
    new = np.full(len(frame) + 1, -1)
    new[known] = np.arange(len(known))
    placed = position[known], frame[known], new[parent[known]]
    for traits, kind, scores in (
        (link_traits, "link", links),
        (division_traits, "division", divisions),
    ):
        rows, values = traits(*placed)
        scores[known[rows]] = _chance(kind, values)
    return links, divisions


def link_traits(
    position: FloatArray, frame: IntArray, parent: IntArray
) -> tuple[IntArray, FloatArray]:
    """Return the rows that have a parent, and what tells right links from wrong ones.

    Traits: step and nearest rival beside the distance of neighbours, their ratio, frames that were
    jumped, whether the parent divides, how long the track lasts after and did before.
    """
    scale = neighbour_distance(position, frame)
    row = np.flatnonzero(parent >= 0)
    step = np.linalg.norm(position[row] - position[parent[row]], axis=1) / scale
    rival = np.minimum(
        _nearest_other(position, frame, at=row, among=frame[parent[row]], but=parent[row]),
        _nearest_other(position, frame, at=parent[row], among=frame[row], but=row),
    )
    rival = np.minimum(rival / scale, _FAR)
    children = np.bincount(parent[row], minlength=len(frame))
    after, before = _lasting(frame, parent)
    return row, np.stack(
        [
            step,
            rival,
            step / np.maximum(rival, 1e-3),
            frame[row] - frame[parent[row]] - 1,
            children[parent[row]] == 2,
            np.log1p(np.minimum(after[row], _LONG)),
            np.log1p(np.minimum(before[parent[row]], _LONG)),
        ],
        axis=1,
    ).astype(np.float64)


def division_traits(
    position: FloatArray, frame: IntArray, parent: IntArray
) -> tuple[IntArray, FloatArray]:
    """Return the rows that have two children, and what tells divisions from mistakes.

    Traits: the longer step to a daughter, how far daughters are apart and their middle from the
    mother, nearest rival of a daughter, frames that were jumped, how long the shorter daughter
    lasts and the mother did.
    """
    scale = neighbour_distance(position, frame)
    children = np.bincount(parent[parent >= 0], minlength=len(frame))
    mother = np.flatnonzero(children == 2)
    daughter = np.flatnonzero((parent >= 0) & (children[parent] == 2))
    pair = daughter[np.argsort(parent[daughter], kind="stable")].reshape(len(mother), 2)
    at, two = position[mother], position[pair]
    steps = np.linalg.norm(two - at[:, None], axis=2) / scale
    apart = np.linalg.norm(two[:, 0] - two[:, 1], axis=1) / scale
    aside = np.linalg.norm(two.mean(axis=1) - at, axis=1) / scale
    rival = np.min(
        [
            _nearest_other(position, frame, at=pair[:, i], among=frame[mother], but=mother)
            for i in (0, 1)
        ],
        axis=0,
    )
    after, before = _lasting(frame, parent)
    return mother, np.stack(
        [
            steps.max(axis=1),
            apart,
            aside,
            np.minimum(rival / scale, _FAR),
            (frame[pair] - frame[mother][:, None]).max(axis=1) - 1,
            np.log1p(np.minimum(after[pair].min(axis=1), _LONG)),
            np.log1p(np.minimum(before[mother], _LONG)),
        ],
        axis=1,
    ).astype(np.float64)


def _nearest_other(
    position: FloatArray, frame: IntArray, *, at: IntArray, among: IntArray, but: IntArray
) -> FloatArray:
    """Return the distance from each row to the nearest object of a frame, one of them left out."""
    found = np.full(len(at), np.inf)
    for t in np.unique(among):
        there, asked = np.flatnonzero(frame == t), np.flatnonzero(among == t)
        distance, index = cKDTree(position[there]).query(position[at[asked]], k=2)
        index = np.where(index < len(there), index, 0)
        mine = (there[index] == but[asked, None]) & np.isfinite(distance)
        found[asked] = np.where(mine, np.inf, distance).min(axis=1)
    return found


def _lasting(frame: IntArray, parent: IntArray) -> tuple[IntArray, IntArray]:
    """Return for how many frames the track of each row goes on, and for how many it has lasted.

    A track that reaches the end or the start of the movie counts as lasting.
    """
    children = np.bincount(parent[parent >= 0], minlength=len(frame))
    order = np.argsort(frame, kind="stable")
    before = np.where(frame == frame.min(), _LONG, 0)
    for row in order:
        p = parent[row]
        if p >= 0 and children[p] == 1:
            before[row] = before[p] + frame[row] - frame[p]
    after = np.where(frame == frame.max(), _LONG, np.where(children == 2, 1, 0))
    for row in order[::-1]:
        p = parent[row]
        if p >= 0 and children[p] == 1:
            after[p] = after[row] + frame[row] - frame[p]
    return after, before


def _chance(what: str, traits: FloatArray) -> FloatArray:
    fitted = read_fitted(_FITTED)[what]
    return np.asarray(expit(fitted["constant"] + traits @ np.array(fitted["weights"])), np.float64)
