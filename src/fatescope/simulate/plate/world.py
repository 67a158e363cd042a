"""The cells of a well through time: where they are, when they die, divide or float off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.simulate.plate.design import cumulative_hazard
from fatescope.simulate.plate.looks import MARGIN_PX

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.simulate.plate.design import PlateDesign, WellPlan
    from fatescope.simulate.plate.settings import PlateSettings

_SPACING = 0.98
"""Cells begin no nearer to each other than this, in sums of their radii."""
_HOME_HOURS = 2.0
"""After so long a living cell has forgotten where it was around its home."""
_TRIES = 12  # places for one cell


@dataclass(frozen=True, slots=True, kw_only=True)
class WellWorld:
    """``n`` cells of a well at ``f`` frames; a cell keeps its number, its row and 1."""

    y: FloatArray  # (f, n) centre, px of the well
    x: FloatArray  # (f, n)
    first: IntArray  # (n,) first frame
    last: IntArray  # (n,) last frame; earlier than the movie's for cells that float off
    death_h: FloatArray  # (n,) hours from the first frame; inf: lives on; below 0: dead before
    radius: FloatArray  # (n,) px, of a circle of equal area
    aspect: FloatArray  # (n,) length over width
    angle: FloatArray  # (n,)
    wobble: FloatArray  # (n, 4) amounts of second and third harmonics
    nucleus: FloatArray  # (n, 4) offset y, x as shares of the radius; size, aspect
    stain: FloatArray  # (n, 3) brightness of Hoechst, DRAQ7; speed with which the dye enters
    height: FloatArray  # (n,) optical height
    grain: FloatArray  # (n,) how grainy it is once dead
    parent: IntArray  # (n,) row of the mother, or -1
    interval_h: float

    def __len__(self) -> int:
        return len(self.first)

    @property
    def death_frame(self) -> IntArray:
        """The first frame at which each cell is dead; -1 where no death is seen."""
        frame = np.ceil(np.maximum(np.where(np.isfinite(self.death_h), self.death_h, 0), 0)
                        / self.interval_h - 1e-9)  # fmt: skip
        frame = np.maximum(frame, self.first)
        seen = np.isfinite(self.death_h) & (frame <= self.last)
        return np.where(seen, frame, -1).astype(np.int64)

    def at(self, frame: int) -> IntArray:
        """Return the rows of the cells that are there at a frame."""
        return np.flatnonzero((self.first <= frame) & (frame <= self.last))

    def dead_hours(self, frame: int) -> FloatArray:
        """Return for how long each cell has been dead; below 0 for the living."""
        return np.asarray(frame * self.interval_h - self.death_h)


def live_well(
    settings: PlateSettings, design: PlateDesign, plan: WellPlan, *, seed: int
) -> WellWorld:
    """Draw the cells of a well and their lives.

    Parameters
    ----------
    settings : PlateSettings
        Of the plate, as varied.
    design : PlateDesign
    plan : WellPlan
    seed : int
        Of this well.
    """
    rng = np.random.default_rng([seed, 43])
    wanted = 0 if plan.is_empty else int(rng.poisson(design.cells))
    radius = settings.diameter_px / 2 * np.exp(rng.normal(0, 0.12, wanted)).clip(0.65, 1.5)
    places = _place(rng, radius, settings, design)
    radius = radius[: len(places)]
    n = len(places)
    hours, hazard = cumulative_hazard(plan, settings)
    death = np.interp(rng.exponential(size=n), hazard, hours, right=np.inf)
    dead_before = rng.random(n) < settings.dead_at_start
    death = np.where(dead_before, -rng.uniform(0.5, 12.0, n), death)
    divides = rng.exponential(1 / max(settings.divisions_per_hour, 1e-12), n)
    divides = np.where(divides < np.minimum(death, settings.hours), divides, np.inf)
    mothers = np.flatnonzero(
        np.isfinite(divides) & (divides < (design.frames - 1) * design.interval_h)
    )
    daughters = _daughters(rng, mothers, divides[mothers], hours, hazard)
    parent = np.concatenate([np.full(n, -1), mothers]).astype(np.int64)
    death = np.concatenate([death, daughters])
    angle = rng.uniform(0, 2 * np.pi, len(mothers))
    apart = 1.05 * 2 * radius[mothers]
    beside = np.column_stack([np.sin(angle), np.cos(angle)]) * apart[:, None]
    homes = np.concatenate([places, places[mothers] + beside])
    radius = np.concatenate([radius, radius[mothers]])
    born = np.concatenate([np.zeros(n), divides[mothers]])
    return _drawn(rng, settings, design, homes, radius, born, death, parent)


def _daughters(
    rng: np.random.Generator,
    mothers: IntArray,
    born: FloatArray,
    hours: FloatArray,
    hazard: FloatArray,
) -> FloatArray:
    """Draw times of death of cells that are alive when they are born."""
    so_far = np.interp(born, hours, hazard)
    return np.interp(so_far + rng.exponential(size=len(mothers)), hazard, hours, right=np.inf)


def _drawn(
    rng: np.random.Generator,
    settings: PlateSettings,
    design: PlateDesign,
    homes: FloatArray,
    radius: FloatArray,
    born: FloatArray,
    death: FloatArray,
    parent: IntArray,
) -> WellWorld:
    n, frames = len(homes), design.frames
    leaves = rng.exponential(1 / max(settings.detached_per_hour, 1e-12), n) + born
    first = np.where(parent < 0, 0, np.floor(born / design.interval_h) + 1).astype(np.int64)
    last = np.full(n, frames - 1)
    floats = (leaves < death) & (death > 0)
    until = np.minimum(np.floor(leaves / design.interval_h), frames - 1).astype(np.int64)
    last = np.where(floats, np.maximum(np.minimum(last, until), first), last)
    y, x = _walk(rng, settings, design, homes, death)
    return WellWorld(
        y=y,
        x=x,
        first=first,
        last=last,
        death_h=np.where(floats, np.inf, death),
        radius=radius,
        aspect=1 + np.abs(rng.normal(0, 0.18, n)),
        angle=rng.uniform(0, np.pi, n),
        wobble=rng.normal(0, 0.045, (n, 4)),
        nucleus=np.column_stack(
            [
                rng.normal(0, 0.14, (n, 2)).clip(-0.3, 0.3),
                np.exp(rng.normal(0, 0.08, n)),
                1 + np.abs(rng.normal(0, 0.15, n)),
            ]
        ),
        stain=np.column_stack([np.exp(rng.normal(0, 0.25, (n, 2))), np.exp(rng.normal(0, 0.3, n))]),
        height=np.exp(rng.normal(0, 0.15, n)),
        grain=np.exp(rng.normal(0, 0.25, n)),
        parent=parent,
        interval_h=design.interval_h,
    )


def _walk(
    rng: np.random.Generator,
    settings: PlateSettings,
    design: PlateDesign,
    homes: FloatArray,
    death: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Let cells wander around their homes until they die; return y and x, shape (f, n)."""
    keep = np.exp(-design.interval_h / _HOME_HOURS)
    away = rng.normal(0, 1, homes.shape) * settings.wander_px
    low = np.full(2, MARGIN_PX)
    high = np.maximum(np.array(design.extent) - MARGIN_PX, low)
    at = []
    for frame in range(design.frames):
        if frame:
            moves = (death > frame * design.interval_h)[:, None]
            step = rng.normal(0, 1, homes.shape) * settings.wander_px * np.sqrt(1 - keep**2)
            away = np.where(moves, keep * away + step, away)
        at.append(np.clip(homes + away, low, high))
    places = np.stack(at).reshape(design.frames, -1, 2)
    return places[:, :, 0], places[:, :, 1]


def _place(
    rng: np.random.Generator, radius: FloatArray, settings: PlateSettings, design: PlateDesign
) -> FloatArray:
    """Place cells apart from each other, some in clumps; those that find no room are left out."""
    extent = np.array(design.extent)
    bare = _bare_discs(rng, settings, design)
    reach = float(radius.max(initial=1.0)) * 2
    grid: dict[tuple[int, int], list[int]] = {}
    places: list[tuple[float, float]] = []
    clumped = rng.random(len(radius)) < settings.clumped
    draws = rng.random((len(radius), _TRIES, 3))
    for r, beside, tries in zip(radius.tolist(), clumped.tolist(), draws.tolist(), strict=True):
        for a, b, c in tries:
            if beside and places:
                y, x = places[int(c * len(places))]
                d = 2 * r * (1.0 + 0.2 * a)
                y, x = y + d * np.sin(2 * np.pi * b), x + d * np.cos(2 * np.pi * b)
            else:
                y, x = a * extent[0], b * extent[1]
            if not _is_inside(y, x, extent) or any(
                (y - p) ** 2 + (x - q) ** 2 < s * s for p, q, s in bare
            ):
                continue
            cell = int(y // reach), int(x // reach)
            near = (
                i
                for dy in (-1, 0, 1)
                for dx in (-1, 0, 1)
                for i in grid.get((cell[0] + dy, cell[1] + dx), ())
            )
            if any(
                (places[i][0] - y) ** 2 + (places[i][1] - x) ** 2
                < (_SPACING * (radius[i] + r)) ** 2
                for i in near
            ):
                continue
            grid.setdefault(cell, []).append(len(places))
            radius[len(places)] = r
            places.append((y, x))
            break
    return np.array(places, dtype=np.float64).reshape(-1, 2)


def _is_inside(y: float, x: float, extent: FloatArray) -> bool:
    return bool(MARGIN_PX <= y <= extent[0] - MARGIN_PX and MARGIN_PX <= x <= extent[1] - MARGIN_PX)


def _bare_discs(
    rng: np.random.Generator, settings: PlateSettings, design: PlateDesign
) -> list[tuple[float, float, float]]:
    """Return discs without cells, of wells with nine fields or more."""
    if design.fields < 9 or settings.bare <= 0:
        return []
    height, width = design.extent
    wanted, got, discs = settings.bare * height * width, 0.0, []
    while got < wanted:
        s = float(min(height, width) * rng.uniform(0.1, 0.2))
        discs.append((float(rng.uniform(0, height)), float(rng.uniform(0, width)), s))
        got += np.pi * s * s
    return discs
