"""The egg shell on its grid of voxels, and another embryo beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.simulate.embryo.moments import Lives, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Voxels whose centres lie at whole multiples of the spacing from ``origin_um``.

    Parameters
    ----------
    shape : tuple of 3 ints
        Planes, rows, columns.
    spacing_um : tuple of 3 floats
        z, y, x.
    origin_um : tuple of 3 floats
        Where the centre of the first voxel lies.
    """

    shape: tuple[int, int, int]
    spacing_um: tuple[float, float, float]
    origin_um: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def centre_um(self) -> FloatArray:
        """The middle of the volume: z, y, x."""
        extent = (np.array(self.shape) - 1) * np.array(self.spacing_um)
        return np.asarray(np.array(self.origin_um) + extent / 2)

    def along(self, axis: int, part: slice | None = None) -> FloatArray:
        """Return the places of the voxel centres along an axis, in µm, as float32."""
        start, stop = (part.start, part.stop) if part else (0, self.shape[axis])
        places = self.origin_um[axis] + np.arange(start, stop) * self.spacing_um[axis]
        return places.astype(np.float32)

    def to_voxels(self, position_um: FloatArray) -> FloatArray:
        """Return positions (n, 3) in µm as (n, 3) planes, rows, columns."""
        return np.asarray((position_um - np.array(self.origin_um)) / np.array(self.spacing_um))

    def box(self, low_um: FloatArray, high_um: FloatArray) -> tuple[slice, slice, slice] | None:
        """Return the voxels between two corners, or ``None`` where there are none."""
        ends = self.to_voxels(np.stack([low_um, high_um]))
        low = np.maximum(np.ceil(ends[0]), 0).astype(int).tolist()
        high = np.minimum(np.floor(ends[1]) + 1, self.shape).astype(int).tolist()
        if any(a >= b for a, b in zip(low, high, strict=True)):
            return None
        return slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2])


LEAST_UM = (9.5, 14.5, 22.0)
"""Half axes that no shell falls below (z, across, along), however few stages a table shows."""
_FLAT = 4
"""Power along z: mounted embryos are pressed flat between slide and cover glass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """``(along/a)^2 + (across/b)^2 + (z/c)^4 = 1``, turned in the plane.

    Parameters
    ----------
    centre_um : ndarray of float, shape (3,)
        z, y, x.
    half_um : ndarray of float, shape (3,)
        Along z, across, along the long axis.
    angle : float
        Of the long axis, radians from x towards y.
    """

    centre_um: FloatArray
    half_um: FloatArray
    angle: float

    def reach(self, side: float) -> float:
        """Return how far the shell reaches in a direction of the plane (radians from x to y)."""
        along = np.cos(side - self.angle) * self.half_um[2]
        across = np.sin(side - self.angle) * self.half_um[1]
        return float(np.hypot(along, across))

    def height(self, grid: Grid) -> FloatArray:
        """Return how far the shell reaches above its middle plane at each (y, x), in µm.

        0 outside its silhouette; float32, shape (Y, X).
        """
        room = np.clip(1 - self.silhouette(grid), 0, None)
        return np.asarray(self.half_um[0] * room ** (1 / _FLAT), dtype=np.float32)

    def depth(self, grid: Grid) -> FloatArray:
        """Return how far each voxel lies inside (negative: outside), in µm, near the shell.

        To first order; float32, shape (Z, Y, X).
        """
        flat = self.silhouette(grid).astype(np.float32)
        z = (grid.along(0) - self.centre_um[0]) / self.half_um[0]
        value = flat + (z**_FLAT)[:, None, None].astype(np.float32)
        across = self.half_um[1:].mean()
        steep_flat = (2 * np.sqrt(flat) / across) ** 2
        steep_z = ((_FLAT * np.abs(z) ** (_FLAT - 1) / self.half_um[0]) ** 2)[:, None, None]
        steep = np.sqrt(steep_flat + steep_z.astype(np.float32) + 1e-4)
        return np.asarray((1 - value) / steep, dtype=np.float32)

    def silhouette(self, grid: Grid) -> FloatArray:
        """Return 0 in the middle and 1 at the rim of the shell as seen from above, shape (Y, X)."""
        y = (grid.along(1) - self.centre_um[1])[:, None]
        x = (grid.along(2) - self.centre_um[2])[None]
        along = (x * np.cos(self.angle) + y * np.sin(self.angle)) / self.half_um[2]
        across = (y * np.cos(self.angle) - x * np.sin(self.angle)) / self.half_um[1]
        return np.asarray(along**2 + across**2)


def fit_shell(position_um: FloatArray, *, margin_um: float) -> Shell:
    """Return the shell around positions.

    ``position_um`` (n, 3): z, y, x of all nuclei at all times; ``margin_um``: from the outermost
    nuclei to the shell.
    """
    centre = np.median(position_um, axis=0)
    flat = position_um[:, 1:] - centre[1:]
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat) + 1e-9 * np.eye(2))
    y, x = vectors[:, int(np.argmax(values))]
    angle = float(np.arctan2(y, x)) % np.pi
    turned = np.stack(
        [
            position_um[:, 0] - centre[0],
            flat[:, 0] * np.cos(angle) - flat[:, 1] * np.sin(angle),
            flat[:, 1] * np.cos(angle) + flat[:, 0] * np.sin(angle),
        ],
        axis=1,
    )
    low, high = turned.min(axis=0), turned.max(axis=0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-3)
    u = np.abs(turned - middle) / half
    reach = float(np.quantile(u[:, 1] ** 2 + u[:, 2] ** 2 + u[:, 0] ** _FLAT, 0.97))
    half = half * np.array([reach ** (1 / _FLAT), reach**0.5, reach**0.5])
    half = np.maximum(half + margin_um, LEAST_UM)
    shift = np.array(
        [
            middle[0],
            middle[1] * np.cos(angle) + middle[2] * np.sin(angle),
            middle[2] * np.cos(angle) - middle[1] * np.sin(angle),
        ]
    )
    return Shell(centre_um=centre + shift, half_um=half, angle=angle)


_GAP_UM = (0.5, 4.0)  # between two shells; not measured


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An embryo that lies elsewhere, turned in the plane, at a stage of its own.

    Parameters
    ----------
    lives : Lives
    shell : Shell
        Where the lives are.
    turn : float
        Radians from x towards y.
    shift_um : ndarray of float, shape (3,)
        From the middle of its own shell to its place in the field.
    ahead : float
        Frames by which it is ahead of the recorded embryo.
    """

    lives: Lives
    shell: Shell
    turn: float
    shift_um: FloatArray
    ahead: float

    @classmethod
    def draw(
        cls, lives: Lives, shell: Shell, beside: Shell, *, rng: np.random.Generator
    ) -> Neighbour:
        """Place an embryo so that it touches the recorded one, or nearly does."""
        turn, side = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
        turned = Shell(centre_um=beside.centre_um, half_um=shell.half_um, angle=shell.angle + turn)
        away = beside.reach(side) + turned.reach(side) + rng.uniform(*_GAP_UM)
        shift = beside.centre_um + away * np.array([0.0, np.sin(side), np.cos(side)])
        span = float(lives.last.max() - lives.first.min())
        return cls(lives, shell, turn, shift, float(rng.uniform(-0.4, 0.4) * span))

    def at(self, frame: float) -> Moment:
        """Return its nuclei at a moment of the recording, where they are seen."""
        first, last = float(self.lives.first.min()), float(self.lives.last.max())
        moment = self.lives.at(float(np.clip(frame + self.ahead, first, last)))
        return replace(
            moment,
            centre_um=_turned(moment.centre_um - self.shell.centre_um, self.turn) + self.shift_um,
            axis=_turned(moment.axis, self.turn),
        )


def _turned(vector: FloatArray, angle: float) -> FloatArray:
    z, y, x = vector.T
    return np.stack(
        [z, y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)], axis=1
    )
