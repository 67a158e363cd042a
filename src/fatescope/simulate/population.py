"""Nuclei that move, push each other and divide: positions and shapes, no pixels.

Vectors hold one number for each spatial axis, so that the motion serves 2D and 3D alike; shapes
are ellipses in the plane.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.simulate.settings import NucleiMovieSettings

NEVER = np.inf
PREROLL_MIN = 45.0
"""Minutes simulated before the first frame, so that it already holds every phase of division."""

# Minutes from the separation of the chromosomes, and what a nucleus looks like then.
_BEFORE = np.array([-30.0, -18.0, -10.0, -1.0])
_LENGTH_BEFORE = np.array([1.0, 0.93, 0.98, 0.98])
_WIDTH_BEFORE = np.array([1.0, 0.90, 0.40, 0.36])
_LIGHT_BEFORE = np.array([1.0, 1.3, 1.75, 1.85])
_AFTER = np.array([0.0, 8.0, 20.0, 45.0])
_LENGTH_AFTER = np.array([0.80, 0.74, 0.66, 0.78])
_WIDTH_AFTER = np.array([0.32, 0.42, 0.60, 0.78])
_LIGHT_AFTER = np.array([1.7, 1.55, 1.25, 1.0])
_GAP_AFTER = np.array([0.80, 1.55, 1.85, 2.0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """All nuclei of one moment; arrays have one entry per nucleus.

    ``divides_at`` and ``born_at`` are minutes from the first frame (infinite where there is no
    division to come, or no birth seen); ``parent`` is the identity of the mother and ``partner``
    that of a nucleus it leans on, -1 where there is none.
    """

    identity: IntArray
    parent: IntArray
    partner: IntArray
    position: FloatArray  # (n, d) px
    velocity: FloatArray  # (n, d) px per minute
    radius: FloatArray  # px, of the circle of equal area between divisions
    aspect: FloatArray
    angle: FloatArray  # of the long axis, radians from x towards y
    spin: FloatArray  # radians per minute
    born_at: FloatArray
    divides_at: FloatArray

    def __len__(self) -> int:
        return len(self.identity)

    def rows(self, which: BoolArray | IntArray) -> Population:
        """Return the nuclei that ``which`` selects."""
        return Population(**{f: getattr(self, f)[which] for f in self.__slots__})

    def joined(self, other: Population) -> Population:
        """Return these nuclei followed by those of ``other``."""
        return Population(
            **{f: np.concatenate([getattr(self, f), getattr(other, f)]) for f in self.__slots__}
        )

    def semi_axes(self, minute: float) -> tuple[FloatArray, FloatArray]:
        """Return half of length and half of width of each nucleus as it looks, in px.

        Towards metaphase a nucleus becomes a plate; after it the daughters round up again.
        """
        before, after = minute - self.divides_at, minute - self.born_at
        shape = np.sqrt(self._roundness(before, after))
        length = np.interp(before, _BEFORE, _LENGTH_BEFORE) * self.radius * shape
        width = np.interp(before, _BEFORE, _WIDTH_BEFORE) * self.radius / shape
        young = np.isfinite(after)
        length[young] *= np.interp(after[young], _AFTER, _LENGTH_AFTER)
        width[young] *= np.interp(after[young], _AFTER, _WIDTH_AFTER)
        return length, width

    def light(self, minute: float) -> FloatArray:
        """Return how much brighter each nucleus is than between divisions: chromatin condenses."""
        light = np.interp(minute - self.divides_at, _BEFORE, _LIGHT_BEFORE)
        return np.asarray(light * np.interp(_finite(minute - self.born_at), _AFTER, _LIGHT_AFTER))

    def phase(self, minute: float) -> list[str]:
        """Return the name of the phase of each nucleus."""
        before, after = minute - self.divides_at, _finite(minute - self.born_at)
        names = np.full(len(self), "interphase", dtype=object)
        names[before > _BEFORE[0] + 6] = "prophase"
        names[before > _BEFORE[2] - 2] = "metaphase"
        names[after < _AFTER[2]] = "telophase"
        names[after < _AFTER[1]] = "anaphase"
        return [str(name) for name in names]

    def _roundness(self, before: FloatArray, after: FloatArray) -> FloatArray:
        dividing = np.interp(before, _BEFORE[:3], [0.0, 0.5, 1.0])
        young = np.interp(_finite(after), _AFTER[1:], [1.0, 0.6, 0.0])
        return self.aspect ** (1.0 - np.maximum(dividing, young))


def settle(settings: NucleiMovieSettings, rng: np.random.Generator) -> Population:
    """Place nuclei over the field and a margin around it, some against another."""
    diameter, margin = settings.diameter_px, 1.5 * settings.diameter_px
    size = np.array([settings.height, settings.width]) + 2 * margin
    count = round(settings.density * size.prod() / (np.pi * diameter**2 / 4))
    radius = diameter / 2 * np.exp(rng.normal(0, settings.diameter_spread, count))
    aspect = 1 + (settings.aspect - 1) * rng.gamma(4, 0.25, count)
    position = rng.uniform(0, size, (count, 2)) - margin
    speed = settings.speed_um_per_min / settings.spacing_um
    end = settings.frames * settings.interval_min + abs(_BEFORE[0])
    window = end + PREROLL_MIN
    divides = rng.random(count) < -np.expm1(-settings.divisions_per_hour * window / 60)
    nuclei = Population(
        identity=np.arange(count),
        parent=np.full(count, -1),
        partner=np.full(count, -1),
        position=position,
        velocity=rng.normal(0, speed / np.sqrt(2), (count, 2)),
        radius=radius,
        aspect=aspect,
        angle=rng.uniform(0, np.pi, count),
        spin=rng.normal(0, 0.006, count),
        born_at=np.full(count, -NEVER),
        divides_at=np.where(divides, rng.uniform(-PREROLL_MIN + 5, end, count), NEVER),
    )
    nuclei = _gather(nuclei, settings.touching_share, rng)
    return _relax(nuclei, minute=-PREROLL_MIN, gap=_gap(settings), rounds=60)


def advance(
    nuclei: Population,
    settings: NucleiMovieSettings,
    rng: np.random.Generator,
    *,
    minute: float,
    step_min: float,
) -> Population:
    """Move, turn and divide: the population ``step_min`` after ``minute``."""
    speed = settings.speed_um_per_min / settings.spacing_um
    keep = np.exp(-step_min / 25.0)
    kick = rng.normal(0, speed / np.sqrt(2) * np.sqrt(1 - keep**2), nuclei.velocity.shape)
    velocity = _turn_back(nuclei.position, nuclei.velocity * keep + kick, settings)
    apart = _separation(nuclei, minute + step_min) - _separation(nuclei, minute)
    nuclei = replace(
        nuclei,
        velocity=velocity,
        position=nuclei.position + velocity * step_min + apart,
        angle=nuclei.angle + nuclei.spin * step_min,
    )
    nuclei = _divide(nuclei, rng, until=minute + step_min)
    return _relax(nuclei, minute=minute + step_min, gap=_gap(settings), rounds=16)


def _turn_back(
    position: FloatArray, velocity: FloatArray, settings: NucleiMovieSettings
) -> FloatArray:
    """Return velocities that lead nuclei beyond the margin back, so that none is lost for good."""
    margin = 1.5 * settings.diameter_px
    below = position < -margin
    above = position > np.array([settings.height, settings.width]) + margin
    return np.where(below, np.abs(velocity), np.where(above, -np.abs(velocity), velocity))


def _finite(age: FloatArray) -> FloatArray:
    return np.minimum(age, 1e6)


def _gap(settings: NucleiMovieSettings) -> float:
    return max(2.5, 0.12 * settings.diameter_px)


def _direction(angle: FloatArray) -> FloatArray:
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1)


def _separation(nuclei: Population, minute: float) -> FloatArray:
    """Return where a daughter is, from the place of its mother, along the spindle.

    The spindle is the short axis of the plate; the two daughters have opposite ``spin`` signs
    of their place: the one with the even identity goes along it, the other against it.
    """
    age = np.clip(_finite(minute - nuclei.born_at), 0, _AFTER[2])
    half = np.where(np.isfinite(nuclei.born_at), np.interp(age, _AFTER, _GAP_AFTER), 0.0) / 2
    side = np.where(nuclei.identity % 2 == 0, 1.0, -1.0)
    spindle = _direction(nuclei.angle + np.pi / 2)
    return np.asarray(spindle * (half * nuclei.radius * side)[:, None])


def _divide(nuclei: Population, rng: np.random.Generator, *, until: float) -> Population:
    ready = nuclei.divides_at <= until
    if not ready.any():
        return nuclei
    mothers = nuclei.rows(ready)
    first = int(max(nuclei.identity.max(), nuclei.parent.max())) + 1
    first += first % 2
    daughters = mothers.rows(np.repeat(np.arange(len(mothers)), 2))
    count = len(daughters)
    daughters = replace(
        daughters,
        identity=first + np.arange(count),
        parent=np.repeat(mothers.identity, 2),
        spin=np.repeat(rng.normal(0, 0.003, len(mothers)), 2),
        aspect=1 + (daughters.aspect - 1) * rng.uniform(0.6, 1.2, count),
        born_at=daughters.divides_at,
        divides_at=np.full(count, NEVER),
    )
    placed = daughters.position + _separation(daughters, until)
    nuclei = nuclei.rows(~ready).joined(replace(daughters, position=placed))
    # Whoever leaned on the mother leans on her first daughter.
    heir = np.arange(first + count)
    heir[mothers.identity] = first + 2 * np.arange(len(mothers))
    return replace(nuclei, partner=np.where(nuclei.partner < 0, -1, heir[nuclei.partner]))


def _gather(nuclei: Population, share: float, rng: np.random.Generator) -> Population:
    """Move a share of the nuclei beside another one, which becomes the partner."""
    position, partner = nuclei.position.copy(), nuclei.partner.copy()
    for i in range(1, len(nuclei)):
        if rng.random() >= share * 0.75:  # a partner touches too, hence less than the share
            continue
        partner[i] = j = int(rng.integers(i))
        away = _direction(np.asarray(rng.uniform(0, 2 * np.pi)))
        position[i] = position[j] + away * (nuclei.radius[i] + nuclei.radius[j])
    return replace(nuclei, position=position, partner=partner)


def _near(position: FloatArray, limit: float) -> tuple[IntArray, FloatArray, FloatArray]:
    pairs = cKDTree(position).query_pairs(limit, output_type="ndarray") if len(position) else []
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    away = position[pairs[:, 1]] - position[pairs[:, 0]]
    return pairs, np.sqrt((away**2).sum(axis=1)), away


def _reach(nuclei: Population, pairs: IntArray, minute: float) -> FloatArray:
    """Return the distance of centres at which the outlines of each pair meet."""
    along, across = nuclei.semi_axes(minute)
    across = np.maximum(across, 0.6 * along)  # a dividing cell needs more room than its plate
    away = nuclei.position[pairs[:, 1]] - nuclei.position[pairs[:, 0]]
    heading = np.arctan2(away[:, 0], away[:, 1])
    reach = np.zeros(len(pairs))
    for side in (0, 1):
        i = pairs[:, side]
        turn = heading - nuclei.angle[i]
        reach += 1 / np.hypot(np.cos(turn) / along[i], np.sin(turn) / across[i])
    return reach


def _relax(nuclei: Population, *, minute: float, gap: float, rounds: int) -> Population:
    """Push overlapping nuclei apart and keep partners in contact."""
    position = nuclei.position.copy()
    limit = 2.6 * float(nuclei.radius.max(initial=1.0)) + gap
    for _ in range(rounds):
        moved = replace(nuclei, position=position)
        pairs, distance, away = _near(position, limit)
        if not len(pairs):
            break
        one, other = nuclei.rows(pairs[:, 0]), nuclei.rows(pairs[:, 1])
        bound = (one.partner == other.identity) | (other.partner == one.identity)
        wanted = _reach(moved, pairs, minute) + np.where(bound, -0.4 * gap, gap)
        lack = wanted - distance
        active = (lack > 0) | bound
        push = (0.4 * lack / np.maximum(distance, 1e-6) * active)[:, None] * away
        shift = np.zeros_like(position)
        np.add.at(shift, pairs[:, 1], push / 2)
        np.add.at(shift, pairs[:, 0], -push / 2)
        position = position + shift
    return replace(nuclei, position=position)
