"""Outlines, chromatin and light of nuclei, one patch of pixels each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray

_HARMONICS = np.array([2, 3, 4, 5])


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """What stays with one nucleus for its life: outline, chromatin, brightness, focus."""

    wobble: FloatArray  # (4,) amplitude of the harmonics 2 to 5 of the outline
    wobble_at: FloatArray  # (4,) their phase
    spots: FloatArray  # (k, 4) place y, x in units of the radius, width, weight
    brightness: float
    defocus: int  # 0 in focus, 1 and 2 out of it

    @classmethod
    def draw(
        cls, rng: np.random.Generator, *, brightness_spread: float, defocus_share: float
    ) -> Character:
        """Draw one nucleus at random."""
        nucleoli, foci = int(rng.integers(1, 4)), 14
        count = nucleoli + foci
        rho, theta = 0.8 * np.sqrt(rng.random(count)), rng.uniform(0, 2 * np.pi, count)
        rho[:nucleoli] *= 0.65
        width, weight = rng.uniform(0.08, 0.2, count), rng.uniform(-0.25, 0.5, count)
        width[:nucleoli] = rng.uniform(0.13, 0.22, nucleoli)
        weight[:nucleoli] = rng.uniform(-0.65, -0.4, nucleoli)
        blurred = rng.random() < defocus_share
        return cls(
            wobble=rng.normal(0, 1, 4) * np.array([0.02, 0.03, 0.018, 0.01]),
            wobble_at=rng.uniform(0, 2 * np.pi, 4),
            spots=np.stack([rho * np.sin(theta), rho * np.cos(theta), width, weight], axis=1),
            brightness=float(np.exp(rng.normal(0, brightness_spread))),
            defocus=int(rng.integers(1, 3)) if blurred else 0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """The pixels around one nucleus: where they are and how deep inside each lies."""

    where: tuple[slice, slice]
    depth: FloatArray  # 1 at the centre, 0 on the outline, negative outside
    u: FloatArray  # (2, Y, X) place in the nucleus's own axes, in units of its half axes


def outline_patch(
    character: Character,
    *,
    centre: FloatArray,
    semi_axes: tuple[float, float],
    angle: float,
    shape: tuple[int, int],
) -> Patch | None:
    """Return the patch of a nucleus, or ``None`` where it lies outside the image.

    ``character``: whose outline it is; ``centre`` (2,): y, x in px; ``semi_axes``: half of the
    length and half of the width, in px; ``angle``: of the long axis, radians from x towards y;
    ``shape``: of the image (Y, X).
    """
    reach = 1.15 * max(semi_axes) + 2
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, shape).astype(int)
    if (low >= high).any():
        return None
    y = np.arange(low[0], high[0])[:, None] - centre[0]
    x = np.arange(low[1], high[1])[None, :] - centre[1]
    u = np.stack(
        [
            (y * np.cos(angle) - x * np.sin(angle)) / semi_axes[1],
            (y * np.sin(angle) + x * np.cos(angle)) / semi_axes[0],
        ]
    )
    rho, theta = np.hypot(u[0], u[1]), np.arctan2(u[0], u[1])
    edge = np.ones_like(rho)
    for k, amplitude, at in zip(_HARMONICS, character.wobble, character.wobble_at, strict=True):
        edge += amplitude * np.cos(k * theta + at)
    where = (slice(low[0], high[0]), slice(low[1], high[1]))
    return Patch(where=where, depth=1.0 - rho / edge, u=u)


def paint_labels(patches: list[Patch], numbers: IntArray, *, shape: tuple[int, int]) -> IntArray:
    """Return the labels of all patches; where two overlap, the deeper one has the pixel."""
    labels = np.zeros(shape, dtype=np.int32)
    deepest = np.zeros(shape)
    for number, patch in zip(numbers, patches, strict=True):
        there = deepest[patch.where]
        mine = patch.depth > there
        there[mine] = patch.depth[mine]
        labels[patch.where][mine] = number
    return labels


def chromatin_light(
    character: Character, patch: Patch, *, flatness: float, texture: float
) -> FloatArray:
    """Return the light of a nucleus at each pixel of its patch, about 1 inside.

    A nucleus is a flattened body: its thickness falls to 0 at the outline.
    """
    rho = np.clip(1.0 - patch.depth, 0.0, 1.0)
    thickness = np.sqrt(1.0 - rho**flatness)
    light = np.ones_like(rho)
    for y, x, width, weight in character.spots:
        distance = (patch.u[0] - y) ** 2 + (patch.u[1] - x) ** 2
        light += texture * weight * np.exp(-distance / (2 * width**2))
    return np.asarray(thickness * np.maximum(light, 0.15))
