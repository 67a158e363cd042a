"""One field of a well as a microscope shows it, frame by frame, and what is truly there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.simulate.plate.looks import FieldCamera
from fatescope.simulate.plate.settings import FAULTS
from fatescope.simulate.plate.stamps import Outlines, draw_outlines, grain_texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.simulate.plate.design import PlateDesign, WellPlan
    from fatescope.simulate.plate.looks import PlateLook, StagePlaces
    from fatescope.simulate.plate.world import WellWorld

CLASSES = ("background", "cell", "outline", "Hoechst nucleus", "DRAQ7 nucleus")
"""By their number in images of classes; the nucleus says whether its cell lives or is dead."""
BRIGHT_FIELD, HOECHST, DRAQ7 = "BF", "DAPI", "Cy5"

_SHRUNK, _SHRINKS_H = 0.6, 0.5
"""Area that a dead cell keeps, and the time constant."""
_CONDENSED = 0.86
"""Size of a dead nucleus beside that of a living one."""
_HOECHST_LEFT, _FADES_H = 0.45, 8.0
_LEAK = 0.015
"""DRAQ7 seen in a living nucleus."""
_ABSORBED, _CONTRAST = 0.035, 0.55  # of the light: by height, and by its curvature; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTruth:
    """What is in one frame of a field."""

    labels: NDArray[np.uint16]  # (Y, X) number of the cell in its well: row of the world and 1
    classes: NDArray[np.uint8]  # (Y, X) see `CLASSES`
    cells: IntArray  # numbers of the cells of which something is seen


class FieldScene:
    """One field of one well; memory holds one frame.

    Parameters
    ----------
    look : PlateLook
    design : PlateDesign
    plan : WellPlan
    world : WellWorld
        Of its well.
    stage : StagePlaces
    field : int
        From 0, row by row.
    seed : int
        Of this field.
    """

    def __init__(
        self,
        look: PlateLook,
        design: PlateDesign,
        plan: WellPlan,
        world: WellWorld,
        stage: StagePlaces,
        *,
        field: int,
        seed: int,
    ) -> None:
        self.look, self.design, self.plan, self.world = look, design, plan, world
        self.stage, self.field, self.seed = stage, field, seed
        rng = np.random.default_rng([seed, 44])
        self._focus = float(look.settings.focus * np.exp(rng.normal(0, look.settings.focus_spread)))
        self._camera = FieldCamera(look.settings, seed=look.seed)

    @property
    def channels(self) -> tuple[str, ...]:
        """What is recorded: bright field, and the stains of wells where they are."""
        return (BRIGHT_FIELD, HOECHST, DRAQ7) if self.plan.is_recorded else (BRIGHT_FIELD,)

    @cached_property
    def faults(self) -> dict[int, str]:
        """Frames that are faulty, and how."""
        rng = np.random.default_rng([self.seed, 45])
        hit = rng.random(self.design.frames) < self.look.settings.fault_share
        kinds = rng.integers(0, len(FAULTS), self.design.frames)
        return {int(k): FAULTS[kinds[k]] for k in np.flatnonzero(hit)}

    def origin(self, frame: int) -> FloatArray:
        """Return the place of the upper left pixel in the well as cells lie at that frame."""
        return np.asarray(self.stage.placed[self.field] - self.stage.drift[frame])

    def render(self, frame: int) -> tuple[dict[str, NDArray[np.uint16]], FieldTruth]:
        """Return what the camera records in each channel, shape (Y, X), and the truth."""
        settings, world = self.look.settings, self.world
        shape = settings.height, settings.width
        origin = self.origin(frame)
        rows = world.at(frame)
        reach = 1.9 * settings.diameter_px
        y, x = world.y[frame, rows] - origin[0], world.x[frame, rows] - origin[1]
        near = (y > -reach) & (y < shape[0] + reach) & (x > -reach) & (x < shape[1] + reach)
        rows, y, x = rows[near], y[near], x[near]
        dead_h = np.maximum(world.dead_hours(frame)[rows], 0)
        is_dead = world.dead_hours(frame)[rows] >= 0
        cells = self._outlines(rows, y, x, dead_h)
        nuclei = self._nuclei(rows, y, x, dead_h)
        truth = _truth(shape, cells, nuclei, rows, is_dead)
        fault = self.faults.get(frame, "")
        rng = np.random.default_rng([self.seed, 46, frame])
        light = {BRIGHT_FIELD: self._bright_field(shape, cells, nuclei, rows, dead_h, origin)}
        if self.plan.is_recorded:
            light.update(self._stains(shape, nuclei, rows, dead_h, is_dead, frame))
        return {
            c: self._camera.expose(v, c == BRIGHT_FIELD, fault, rng) for c, v in light.items()
        }, truth

    def _outlines(
        self, rows: IntArray, y: FloatArray, x: FloatArray, dead_h: FloatArray
    ) -> Outlines:
        world = self.world
        area = _SHRUNK + (1 - _SHRUNK) * np.exp(-dead_h / _SHRINKS_H)
        rounder = np.exp(-dead_h / _SHRINKS_H)
        return draw_outlines(
            y,
            x,
            radius=world.radius[rows] * np.sqrt(area),
            aspect=1 + (world.aspect[rows] - 1) * (0.5 + 0.5 * rounder),
            angle=world.angle[rows],
            wobble=world.wobble[rows],
        )

    def _nuclei(self, rows: IntArray, y: FloatArray, x: FloatArray, dead_h: FloatArray) -> Outlines:
        world = self.world
        shape = world.nucleus[rows]
        smaller = _CONDENSED + (1 - _CONDENSED) * np.exp(-dead_h / _SHRINKS_H)
        radius = world.radius[rows]
        return draw_outlines(
            y + shape[:, 0] * radius,
            x + shape[:, 1] * radius,
            radius=radius * self.look.nucleus * shape[:, 2] * smaller,
            aspect=shape[:, 3],
            angle=world.angle[rows] + 0.6,
            wobble=world.wobble[rows] * 0.5,
        )

    def _bright_field(
        self,
        shape: tuple[int, int],
        cells: Outlines,
        nuclei: Outlines,
        rows: IntArray,
        dead_h: FloatArray,
        origin: FloatArray,
    ) -> FloatArray:
        """Return transmitted light around 1: what thickness does to light out of focus.

        Intensity follows the curvature of the optical height (transport of intensity), here as a
        difference of Gaussians, times the focus; a little is absorbed.
        """
        world, look = self.world, self.look
        gone = 1 - np.exp(-dead_h * 60 / look.settings.look_delay_min)
        left = look.height_left
        height = world.height[rows] * (1 - (1 - left) * gone)
        texture = grain_texture(look.seed)
        granules = cells.sample(texture, rows * 37 + 11, rows * 61 + 5)
        amount = look.texture * (1 - gone) + look.grain * gone * world.grain[rows]
        dome = np.maximum(1 - cells.s**2, 0)
        flat = np.sqrt(dome)
        optical = np.zeros(shape, dtype=np.float32)
        body = height[:, None, None] * flat + amount[:, None, None] * granules * (dome > 0)
        cells.add(optical, body)
        bump = 0.35 * height * (1 - 0.5 * gone)
        nuclei.add(optical, bump[:, None, None] * np.sqrt(np.maximum(1 - nuclei.s**2, 0)))
        self._add_debris(optical, origin)
        halo = look.halo_px
        curved = ndi.gaussian_filter(optical, 0.45 * halo, truncate=3) - ndi.gaussian_filter(
            optical, 1.6 * halo, truncate=3
        )
        signed = look.polarity * _CONTRAST * self._focus
        light = np.asarray(1 + signed * curved - _ABSORBED * optical)
        return np.asarray(np.maximum(light, 0.02))

    def _add_debris(self, optical: FloatArray, origin: FloatArray) -> None:
        """Add specks of dirt, which stay where they are."""
        settings = self.look.settings
        rng = np.random.default_rng([self.look.seed, 47, _row_of(self.plan.well)])
        n = int(settings.debris * max(self.design.cells, 50.0))
        places = rng.uniform(0, 1, (n, 2)) * np.array(self.design.extent) - origin
        size = rng.uniform(1.2, 0.14 * settings.diameter_px + 1.3, n)
        amount = rng.uniform(-0.5, 0.8, n)
        inside = ((places > -9) & (places < np.array(optical.shape) + 9)).all(axis=1)
        if not inside.any():
            return
        some = inside.sum()
        specks = draw_outlines(
            places[inside, 0],
            places[inside, 1],
            radius=size[inside],
            aspect=np.ones(some),
            angle=np.zeros(some),
            wobble=np.zeros((some, 4)),
        )
        specks.add(optical, amount[inside][:, None, None] * np.maximum(1 - specks.s**2, 0))

    def _stains(
        self,
        shape: tuple[int, int],
        nuclei: Outlines,
        rows: IntArray,
        dead_h: FloatArray,
        is_dead: NDArray[np.bool_],
        frame: int,
    ) -> dict[str, FloatArray]:
        """Return electrons in each stain's channel, with glow, bleeding and bleaching."""
        settings, stain = self.look.settings, self.world.stain[rows]
        entered = 1 - np.exp(-dead_h * 60 / settings.dye_delay_min * stain[:, 2])
        faded = _HOECHST_LEFT + (1 - _HOECHST_LEFT) * np.exp(-dead_h / _FADES_H)
        brighter = 1 + 0.5 * (1 - np.exp(-dead_h / _SHRINKS_H))  # condensed
        amounts = {
            HOECHST: stain[:, 0] * faded * brighter,
            DRAQ7: stain[:, 1] * np.where(is_dead, np.maximum(entered, _LEAK), _LEAK),
        }
        edge = 1 / (1 + np.exp(np.clip((nuclei.s - 1) * 9, -30, 30)))
        chromatin = edge * (
            1 + 0.22 * nuclei.sample(grain_texture(self.look.seed), rows * 13, rows)
        )
        bleached = (1 - settings.bleaching) ** frame
        light = {}
        for name, amount in amounts.items():
            plane = np.zeros(shape, dtype=np.float32)
            nuclei.add(plane, amount[:, None, None] * chromatin)
            sharp = ndi.gaussian_filter(plane, 1.1, truncate=3)
            light[name] = bleached * (0.88 * sharp + 0.12 * _glow(plane, settings.diameter_px))
        mixed = {
            HOECHST: light[HOECHST] + settings.bleed * light[DRAQ7],
            DRAQ7: light[DRAQ7] + settings.bleed * light[HOECHST],
        }
        return {
            n: settings.stain_electrons * v + settings.stain_background for n, v in mixed.items()
        }


def _glow(plane: FloatArray, sigma: float) -> FloatArray:
    """Return a wide blur, computed on a coarse grid."""
    step = max(1, int(sigma / 3))
    height, width = plane.shape
    padded = np.pad(plane, ((0, -height % step), (0, -width % step)), mode="edge")
    coarse = padded.reshape(padded.shape[0] // step, step, -1, step).mean(axis=(1, 3))
    coarse = ndi.gaussian_filter(coarse, sigma / step, truncate=3)
    wide = coarse.repeat(step, axis=0).repeat(step, axis=1)[:height, :width]
    return np.asarray(ndi.uniform_filter(wide, step))


def _truth(
    shape: tuple[int, int],
    cells: Outlines,
    nuclei: Outlines,
    rows: IntArray,
    is_dead: NDArray[np.bool_],
) -> FieldTruth:
    labels = cells.paint(shape, rows + 1)
    classes = (labels > 0).astype(np.uint8)
    edge = np.zeros(shape, dtype=np.bool_)
    for axis in (0, 1):
        a, b = (np.moveaxis(labels, axis, 0)[i] for i in (slice(1, None), slice(None, -1)))
        differs = a != b
        e = np.moveaxis(edge, axis, 0)
        e[1:] |= differs
        e[:-1] |= differs
    classes[edge & (labels > 0)] = 2
    owner = nuclei.paint(shape, rows + 1)
    own = (owner > 0) & (owner == labels)
    dead = np.zeros(int(rows.max(initial=0)) + 2, dtype=np.bool_)
    dead[rows + 1] = is_dead
    classes[own] = np.where(dead[owner[own]], 4, 3)
    seen = np.unique(labels)
    return FieldTruth(
        labels=labels.astype(np.uint16), classes=classes, cells=seen[seen > 0].astype(np.int64)
    )


def _row_of(well: str) -> int:
    """Return a number of a well for seeds."""
    return int.from_bytes(well.encode(), "big")
