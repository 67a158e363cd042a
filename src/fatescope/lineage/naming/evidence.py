"""How well each name fits each track: place, length of life, time of birth and of division."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas import at_phase

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.clock import Clock
    from fatescope.numeric import Tracks

IMPOSSIBLE = -1e6
_VIEWS = 5
_PLACE_WEIGHT = 0.5
"""Views of one track repeat each other: five of them count as two and a half."""
_FAR = 3.0  # spreads from which the cost of a place grows linearly (Huber)
_FEW = 60  # tracks with a mother: of fewer it is not learnt how strays are inherited
_CENSORED_BONUS = 2.0  # in place of -log(sd) of a whole life: a spread of exp(-2), 14 %
_UNSEEN_DIVISION = -6.0  # 1 in 400 for a division that the atlas never saw
_BEFORE_MIN = 60.0  # that the first row of a dividing track may lie before its cell is born
"""Not measured one by one; halved or doubled, the weights of place, axis and life changed nothing
(record 0070). What all give together: docs/lineage-naming.md."""


def phases(
    atlas: Atlas, chains: Tracks, clock: Clock, track: IntArray, name: IntArray
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Displacements:
    """How far cells of one embryo lie from where they are expected.

    A daughter starts with her mother's displacement and slowly loses it, faster in an embryo like
    those of the atlas than in one that is built differently. So the displacement of a whole
    lineage counts once, not once per cell.

    Parameters
    ----------
    kept : ndarray of float, shape (5,)
        Share of the mother's last displacement that is left at five views of the daughter's life.
    rest : ndarray of float, shape (5,)
        Spread of what is new, in units of the atlas's own spread.
    alone : float
        Spread of cells whose mother was not seen.
    """

    kept: FloatArray
    rest: FloatArray
    alone: float

    @staticmethod
    def independent(spread: float) -> Displacements:
        """Return displacements that are not inherited."""
        return Displacements(kept=np.zeros(_VIEWS), rest=np.full(_VIEWS, spread), alone=spread)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamingScene:
    """Rows of an embryo in the frame of the atlas, and where its cells are expected.

    Parameters
    ----------
    frame : ndarray of int, shape (rows,)
    placed : ndarray, shape (rows, 3)
        Rows in the frame of the atlas, µm.
    expected : ndarray, shape (n, 5, 3)
        Where the cells of this embryo are expected.
    """

    frame: IntArray
    placed: FloatArray
    expected: FloatArray


def score_names(
    atlas: Atlas,
    chains: Tracks,
    clock: Clock,
    scene: NamingScene,
    displacements: Displacements,
    *,
    gate_min: float,
) -> FloatArray:
    """Return the log-likelihood of every name for every track.

    ``gate_min``: names born further from the track than so many minutes are impossible.

    The result: shape (tracks, names).
    """
    track, name = _candidates(atlas, chains, clock, gate_min)
    scores = np.full((len(chains), len(atlas)), IMPOSSIBLE)
    place = _score_place(atlas, chains, clock, scene, displacements, track, name)
    scores[track, name] = place + _score_times(atlas, chains, clock, track, name)
    return scores


def fit_displacements(
    atlas: Atlas, chains: Tracks, clock: Clock, scene: NamingScene, name: IntArray, *, spread: float
) -> Displacements:
    """Learn from the names found so far how cells stray; not inherited where few are named."""
    sure = (name >= 0) & atlas.known[np.maximum(name, 0)]
    track = np.flatnonzero(sure & chains.born & sure[chains.mother] & (chains.n_rows >= _VIEWS))
    if len(track) < _FEW:
        return Displacements.independent(spread)
    off, above = _displacements(atlas, chains, clock, scene, track, name[track])
    off, above = np.clip(off, -_FAR, _FAR), np.clip(above, -_FAR, _FAR)
    kept = np.clip(np.einsum("kvi,ki->v", off, above) / (above**2).sum(), 0.0, 0.95)
    left = (off - kept[:, None] * above[:, None]) ** 2
    rest = np.sqrt(np.median(left.mean(2), axis=0) / 0.79)
    return Displacements(kept=kept, rest=np.clip(rest, 0.4, 2.5), alone=spread)


def _displacements(
    atlas: Atlas, chains: Tracks, clock: Clock, scene: NamingScene, track: IntArray, name: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Return how far tracks stray at five views, and their mothers at the last (zero: unseen)."""
    step = np.round(np.linspace(0, 1, _VIEWS) * (chains.n_rows[:, None] - 1)).astype(np.int64)
    view = chains.rows[chains.start[:-1, None] + step]
    begin, life = phases(atlas, chains, clock, track, name)
    phase = (clock.minutes(scene.frame)[view][track] - begin[:, None]) / life[:, None]
    there = at_phase(scene.expected, name[:, None], phase)
    off = (scene.placed[view][track] - there) / atlas.position_sd[name][:, None, :]
    mother, above = chains.mother[track], atlas.mother[name]
    seen = chains.born[track] & (above >= 0) & atlas.known[np.maximum(above, 0)]
    last = scene.placed[view[:, -1]][mother]
    stray = (last - scene.expected[above, -1]) / atlas.position_sd[above]
    return off, np.where(seen[:, None], stray, 0.0)


def _candidates(
    atlas: Atlas, chains: Tracks, clock: Clock, gate: float
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
    chains: Tracks,
    clock: Clock,
    scene: NamingScene,
    displacements: Displacements,
    track: IntArray,
    name: IntArray,
) -> FloatArray:
    off, above = _displacements(atlas, chains, clock, scene, track, name)
    inherits = np.any(above != 0, axis=1, keepdims=True)
    rest = np.where(inherits, displacements.rest, displacements.alone)
    off = (off - displacements.kept[:, None] * above[:, None, :]) / rest[:, :, None]
    square = (off**2).sum(2)
    square = np.where(square < _FAR**2, square, 2 * _FAR * np.sqrt(square) - _FAR**2)
    weight = _PLACE_WEIGHT * np.minimum(chains.n_rows[track], _VIEWS)
    norm = np.log(atlas.position_sd[name]).sum(1) + 3 * np.log(rest).mean(1)
    return np.asarray(-weight * (0.5 * square.mean(1) + norm))


def _score_times(
    atlas: Atlas, chains: Tracks, clock: Clock, track: IntArray, name: IntArray
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


def division_directions(chains: Tracks, placed: FloatArray) -> FloatArray:
    """Return unit vectors from the first to the second daughter of each track that divides.

    The daughters' mean places over their first three rows are used; zero where there is no
    division.
    """
    direction = np.zeros((len(chains), 3))
    for k in np.flatnonzero(chains.divides):
        a, b = (
            placed[chains.rows[chains.start[c] : min(chains.start[c] + 3, chains.start[c + 1])]]
            for c in chains.pair[k]
        )
        step = b.mean(0) - a.mean(0)
        direction[k] = step / (np.linalg.norm(step) + 1e-9)
    return direction
