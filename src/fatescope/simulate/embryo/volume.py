"""One volume of an embryo, rendered: nuclei, membranes and their exact labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.simulate.embryo.camera import Detector, deconvolve_look
from fatescope.simulate.embryo.cells import blur_volume, tessellate
from fatescope.simulate.embryo.nuclei import (
    draw_nuclear_labels,
    draw_nuclear_light,
    nuclear_bodies,
)
from fatescope.simulate.embryo.shell import Grid, fit_shell
from fatescope.simulate.embryo.truth import spots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.table import Table
    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.simulate.embryo.moments import Lives, Moment
    from fatescope.simulate.embryo.settings import VolumeSettings
    from fatescope.simulate.embryo.shell import Shell

_GAIN = 110.0
"""Grey value of a typical nucleus or wall."""
_OFFSET = 2.0
_READ_NOISE = 0.6  # photons
_TEXTURE_SHAPE = (24, 96, 96)
_GRAIN_UM, _GRAIN_PX = 0.25, 1.0
"""Size of grains in the stain, and of what deconvolution makes of noise."""
_FLOOR = 0.3
"""Share of the cytoplasm's light that deconvolution takes away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbryoVolume:
    """What the microscope saw at one moment, and what was there.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (C, Z, Y, X)
        Channels in the order of the settings.
    labels : dict of str to ndarray of unsigned int, shape (Z, Y, X)
        By channel: ``nuclei`` has the true outlines of nuclei, ``membrane`` the true cells, wall
        to wall. 0 = background; a cell and its nucleus have one number, the same through time.
    """

    pixels: NDArray[np.uint8]
    labels: dict[str, LabelImage]


class EmbryoScene:
    """An embryo with its look, to be rendered at any moment; moments do not depend on each other.

    Parameters
    ----------
    lives : Lives
    settings : VolumeSettings
    seed : int
        Of everything that is drawn: look, texture and noise.
    """

    def __init__(self, lives: Lives, settings: VolumeSettings, *, seed: int) -> None:
        self.lives, self.settings, self.seed = lives, settings, seed
        shape = (settings.planes, settings.height, settings.width)
        grid = Grid(shape=shape, spacing_um=settings.voxel_um)
        shell = fit_shell(lives.position_um, margin_um=1.2)
        if settings.place == "centre":
            grid = Grid(
                shape=shape,
                spacing_um=settings.voxel_um,
                origin_um=tuple((shell.centre_um - grid.centre_um).tolist()),
            )
        self.grid: Grid = grid
        self.shell: Shell = shell
        rng = np.random.default_rng([seed, 1])
        self.brightness = np.exp(rng.normal(0, settings.brightness_spread, len(lives.rows)))
        self.wall_brightness = np.exp(rng.normal(0, 0.15, len(lives.rows)))
        self.texture_at = rng.integers(
            np.array(_TEXTURE_SHAPE) // 3, 2 * np.array(_TEXTURE_SHAPE) // 3, (len(lives.rows), 3)
        )
        self.along_z = _uneven(settings.planes, rng)
        self.label_type = np.min_scalar_type(max(len(lives.rows), 1))

    @cached_property
    def _detector(self) -> Detector:
        return Detector(
            photons=self.settings.photons, gain=_GAIN, offset=_OFFSET, read_noise=_READ_NOISE
        )

    @cached_property
    def _height_um(self) -> FloatArray:
        return self.shell.height(self.grid)

    @cached_property
    def _shell_depth_um(self) -> FloatArray:
        return self.shell.depth(self.grid)

    @cached_property
    def texture(self) -> FloatArray:
        """Chromatin on the voxels of this volume, mean 0 and deviation 1; the same for all."""
        rng = np.random.default_rng([self.seed, 2])
        raw = rng.standard_normal(_TEXTURE_SHAPE, dtype=np.float32)
        sigma = [max(0.5, 0.35 / s) for s in self.settings.voxel_um]
        smooth = ndi.gaussian_filter(raw, sigma, mode="wrap")
        return np.asarray(smooth / smooth.std(), dtype=np.float32)

    def render(self, frame: float) -> EmbryoVolume:
        """Render one moment (in frames of the table)."""
        moment = self.lives.at(frame)
        channels: list[NDArray[np.uint8]] = []
        labels: dict[str, LabelImage] = {}
        for channel in self.settings.channels:
            draw = self._nuclei if channel == "nuclei" else self._membrane
            pixels, labels[channel] = draw(moment)
            channels.append(pixels)
        return EmbryoVolume(pixels=np.stack(channels), labels=labels)

    def spots(self, frames: Sequence[float]) -> Table:
        """Return the truth of some frames, one row per nucleus and frame.

        Returns
        -------
        Table
            ``id, frame, z, y, x, radius_um, parent, label, name``: ``frame`` counts the rendered
            volumes from 0, ``z, y, x`` are voxels of the rendered grid, ``parent`` is the ``id``
            of the nucleus or of its nearest ancestor in an earlier volume.
        """
        return spots_of(self.lives, frames, grid=self.grid)

    def _nuclei(self, moment: Moment) -> tuple[NDArray[np.uint8], LabelImage]:
        s, grid = self.settings, self.grid
        bodies = nuclear_bodies(moment)
        light = np.zeros(grid.shape, dtype=np.float32)
        draw_nuclear_light(
            light,
            bodies,
            self.brightness[moment.cell] * self._passed(moment),
            grid=grid,
            blur_um=(s.blur_z_um, s.blur_um, s.blur_um),
            texture=self.texture,
            texture_at=self.texture_at[moment.cell],
            texture_strength=s.nuclear_texture,
        )
        labels = np.zeros(grid.shape, dtype=self.label_type)
        draw_nuclear_labels(labels, bodies, moment.cell + 1, grid=grid)
        z = grid.along(0) - np.float32(self.shell.centre_um[0])
        pixels = np.empty(grid.shape, dtype=np.uint8)
        for k, rng in enumerate(self._rngs(moment, 3)):
            plane = light[k]
            inside = np.clip(self._height_um - np.abs(z[k]) + np.float32(0.5), 0, 1)
            inside *= np.float32(s.haze)
            plane += inside
            plane += np.float32(s.dark)
            pixels[k] = self._detector.expose(plane, rng)
        return pixels, labels

    def _membrane(self, moment: Moment) -> tuple[NDArray[np.uint8], LabelImage]:
        s, grid = self.settings, self.grid
        (rng,) = self._rngs(moment, 4)[:1]
        built = tessellate(
            moment,
            self.shell,
            grid=grid,
            shell_depth_um=self._shell_depth_um,
            bend_um=s.bend_um,
            outer=s.outer_wall,
            wall_brightness=self.wall_brightness[moment.cell],
            rng=np.random.default_rng([self.seed, 5]),
        )
        grain = rng.standard_normal(grid.shape, dtype=np.float32)
        grain = blur_volume(grain, grid=grid, blur_um=(_GRAIN_UM,) * 3)
        grain *= np.float32(s.grain) / grain.std()
        grain += 1
        np.maximum(grain, 0, out=grain)
        light = built.wall
        light *= grain
        blur = (s.wall_blur_z_um, s.wall_blur_um, s.wall_blur_um)
        light = blur_volume(light, grid=grid, blur_um=blur)
        light /= np.float32(max(float(np.quantile(light[light > 0.02], 0.97)), 1e-6))
        grain *= np.float32(s.wall_haze)
        light += grain * (built.owner > 0)
        light *= self.along_z[:, None, None]
        numbers = np.concatenate([[0], moment.cell + 1]).astype(self.label_type)
        labels = numbers[built.owner]
        rngs = self._rngs(moment, 6)
        if s.membrane_look == "raw":
            light += np.float32(s.dark)
            expose = self._detector.expose
            return np.stack([expose(p, r) for p, r in zip(light, rngs, strict=True)]), labels
        floor = _OFFSET + _FLOOR * s.wall_haze * _GAIN
        return deconvolve_look(
            light, self._detector, floor=floor, smooth_px=_GRAIN_PX, rngs=rngs
        ), labels

    def _passed(self, moment: Moment) -> FloatArray:
        """Return the share of light that comes through the embryo above each nucleus."""
        at = np.rint(self.grid.to_voxels(moment.centre_um)).astype(int)
        y = np.clip(at[:, 1], 0, self.grid.shape[1] - 1)
        x = np.clip(at[:, 2], 0, self.grid.shape[2] - 1)
        top = self.shell.centre_um[0] - self._height_um[y, x]
        below = np.maximum(moment.centre_um[:, 0] - top, 0)
        return np.asarray(np.exp(-self.settings.attenuation * below))

    def _rngs(self, moment: Moment, what: int) -> list[np.random.Generator]:
        """Return a generator for each plane: noise does not depend on the order of work."""
        frame = round(1000 * moment.frame)
        return [
            np.random.default_rng([self.seed, what, frame & 0xFFFFFFFF, k])
            for k in range(self.grid.shape[0])
        ]


def _uneven(planes: int, rng: np.random.Generator) -> FloatArray:
    """Return brightness along z: a rise, a maximum, a fall, as in the 3DMMS volumes."""
    z = np.linspace(-1, 1, planes)
    peak, width = rng.uniform(-0.1, 0.5), rng.uniform(0.8, 1.6)
    return np.asarray(np.exp(-0.5 * ((z - peak) / width) ** 2), dtype=np.float32)
