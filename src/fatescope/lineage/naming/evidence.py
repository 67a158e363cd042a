"""How well each name fits each track: place, length of life, time of birth and of division."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas import at_phase

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.clock import Clock
    from fatescope.lineage.naming.tracks import Chains

IMPOSSIBLE = -1e6
_VIEWS = 5
_PLACE_WEIGHT = 0.5
"""Views of one track repeat each other: five of them count as two and a half."""
_FAR = 3.0
_CENSORED_BONUS = 2.0
_UNSEEN_DIVISION = -6.0
_BEFORE_MIN = 60.0


def phases(
    atlas: Atlas, chains: Chains, clock: Clock, track: IntArray, name: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return when a track that bears a name was born, and how long it lives, in minutes.

    What the recording does not show (a birth before it, a division after it) is taken from the
    atlas.
    """
    birth, end = clock.minutes(chains.first)[track], clock.minutes(chains.end)[track]
    born, divides = chains.born[track], chains.divides[track]
    life = atlas.life_min[name]
    begin = np.where(born, birth, np.where(divides, end - life, atlas.birth_min[name]))
    return begin, np.maximum(np.where(born & divides, end - birth, life), 0.5)


def score_names(
    atlas: Atlas,
    chains: Chains,
    clock: Clock,
    *,
    frame: IntArray,
    placed: FloatArray,
    expected: FloatArray,
    spread: float,
    gate_min: float,
) -> FloatArray:
    """Return the log-likelihood of every name for every track.

    Parameters
    ----------
    placed : ndarray, shape (rows, 3)
        Rows in the frame of the atlas, µm.
    expected : ndarray, shape (n, 5, 3)
        Where the cells of this embryo are expected.
    spread : float
        Spread of this embryo in units of the atlas's own.
    gate_min : float
        Names born further from the track than so many minutes are impossible.

    Returns
    -------
    ndarray, shape (tracks, names)
    """
    track, name = _candidates(atlas, chains, clock, gate_min)
    scores = np.full((len(chains), len(atlas)), IMPOSSIBLE)
    place = _score_place(atlas, chains, clock, track, name, frame, placed, expected, spread)
    scores[track, name] = place + _score_times(atlas, chains, clock, track, name)
    return scores


def _candidates(
    atlas: Atlas, chains: Chains, clock: Clock, gate: float
) -> tuple[IntArray, IntArray]:
    known = np.flatnonzero(atlas.known)
    birth, end = clock.minutes(chains.first)[:, None], clock.minutes(chains.end)[:, None]
    begin, division = atlas.birth_min[known], atlas.division_min[known]
    born, divides = chains.born[:, None], chains.divides[:, None]
    early = birth > begin - gate - _BEFORE_MIN * divides
    starts: BoolArray = np.where(
        born, np.abs(birth - begin) < gate, early & (birth < division + gate)
    )
    near = np.abs(end - division) < 1.5 * gate
    ends = np.where(divides, near, (end > begin - gate) & (end < division + 1.5 * gate))
    has = (atlas.daughters[known, 0] >= 0) | ~divides
    track, at = np.nonzero(starts & ends & has)
    return track, known[at]


def _score_place(
    atlas: Atlas,
    chains: Chains,
    clock: Clock,
    track: IntArray,
    name: IntArray,
    frame: IntArray,
    placed: FloatArray,
    expected: FloatArray,
    spread: float,
) -> FloatArray:
    n_rows = chains.n_rows
    step = np.round(np.linspace(0, 1, _VIEWS) * (n_rows[:, None] - 1)).astype(np.int64)
    view = chains.rows[chains.start[:-1, None] + step]
    begin, life = phases(atlas, chains, clock, track, name)
    phase = (clock.minutes(frame)[view][track] - begin[:, None]) / life[:, None]
    sd = atlas.position_sd[name] * spread
    off = (placed[view][track] - at_phase(expected, name[:, None], phase)) / sd[:, None, :]
    square = (off**2).sum(2)
    square = np.where(square < _FAR**2, square, 2 * _FAR * np.sqrt(square) - _FAR**2)
    weight = _PLACE_WEIGHT * np.minimum(n_rows[track], _VIEWS)
    return np.asarray(-weight * (0.5 * square.mean(1) + np.log(sd).sum(1)))


def _score_times(
    atlas: Atlas, chains: Chains, clock: Clock, track: IntArray, name: IntArray
) -> FloatArray:
    birth, end = clock.minutes(chains.first)[track], clock.minutes(chains.end)[track]
    born, divides = chains.born[track], chains.divides[track]
    sd = np.maximum(atlas.life_sd[name], 0.04)
    ratio = np.log(np.maximum(end - birth, 0.5) / atlas.life_min[name]) / sd
    never = atlas.n_lives[name] < 3
    whole = np.where(never, _UNSEEN_DIVISION, -0.5 * np.minimum(ratio**2, 25) - np.log(sd))
    open_end = np.where(never, 0.0, -0.5 * np.minimum(np.maximum(ratio, 0) ** 2, 25))
    score = np.where(born & divides, whole, np.where(born, open_end, 0.0) + _CENSORED_BONUS)
    late = (birth - atlas.birth_min[name]) / np.maximum(atlas.birth_sd[name], 1.5) / 1.5
    score += np.where(born, -0.5 * np.minimum(late**2, 16), 0)
    off = (end - atlas.division_min[name]) / 4.5
    return np.asarray(score + np.where(divides & ~born, -0.5 * np.minimum(off**2, 16), 0))


def division_directions(chains: Chains, placed: FloatArray, *, rows: int = 3) -> FloatArray:
    """Return unit vectors from the first to the second daughter of each track that divides.

    The daughters' mean places over their first ``rows`` rows are used; zero where there is no
    division.
    """
    direction = np.zeros((len(chains), 3))
    for k in np.flatnonzero(chains.divides):
        a, b = (
            placed[chains.rows[chains.start[c] : min(chains.start[c] + rows, chains.start[c + 1])]]
            for c in chains.pair[k]
        )
        step = b.mean(0) - a.mean(0)
        direction[k] = step / (np.linalg.norm(step) + 1e-9)
    return direction
