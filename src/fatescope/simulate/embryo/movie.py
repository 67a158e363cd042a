"""A movie of an embryo, frame by frame: maximum projections with marker, reporter and noise."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.simulate.embryo.camera import Detector
from fatescope.simulate.embryo.looks import Marker, Reporter
from fatescope.simulate.embryo.nuclei import nuclear_bodies
from fatescope.simulate.embryo.projection import project_labels, project_light
from fatescope.simulate.embryo.shell import Grid, Neighbour, fit_shell
from fatescope.simulate.embryo.truth import spots_of
from fatescope.simulate.optics import wide_blur

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.table import Table
    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.simulate.embryo.moments import Lives, Moment
    from fatescope.simulate.embryo.settings import MovieSettings
    from fatescope.simulate.embryo.shell import Shell

_MARGIN_UM = 1.2
_TEXTURE = 256
_SHIFT_UM = 1.5
"""Recordings hardly ever have the embryo quite in the middle."""
_GLOW_UM = 1.6
"""How wide the light from out of focus is spread."""
_GREEN_OFFSET, _RED_OFFSET, _READ_NOISE = -6.0, -2.5, 0.3
"""Grey values without light (the recording software cuts at 0), and noise without light."""
_SPECKLE_SHARE, _SPECKLE_GREY, _SPECKLE_FRAMES = 0.012, 22.0, 25.0
"""Share of pixels, mean grey value, and frames in which speckle falls to 1 / e; not measured."""


class MovieScene:
    """An embryo under a microscope for hours; frames do not depend on each other.

    Frame ``k`` shows frame ``k`` of the lineage; before the first that the lineage has, its first,
    and after its last, its last.

    Parameters
    ----------
    lives : Lives
    settings : MovieSettings
    beside : Lives or None
        The lives of a neighbour at the edge of the field.
    seed : int
        Of everything that is drawn: look, reporter, place and noise.
    """

    def __init__(
        self, lives: Lives, settings: MovieSettings, *, beside: Lives | None = None, seed: int
    ) -> None:
        self.lives, self.settings, self.seed = lives, settings, seed
        rng = np.random.default_rng([seed, 11])
        self.shell: Shell = fit_shell(lives.position_um, margin_um=_MARGIN_UM)
        self.grid: Grid = self._grid(rng)
        self.length = settings.frames or int(lives.last.max()) + 1
        look = {"early": settings.early, "spread": settings.brightness_spread}
        self.marker = Marker.draw(lives, **look, rng=rng)
        self.reporter = self._draw_reporter(lives, rng)
        self.laser = _laser(self.length, settings, rng)
        self._texture_at = rng.integers(0, _TEXTURE, (len(lives.rows), 2))
        self._spots = self._debris(rng)
        self.neighbour: Neighbour | None = None
        if beside is not None:
            around = fit_shell(beside.position_um, margin_um=_MARGIN_UM)
            self.neighbour = Neighbour.draw(beside, around, self.shell, rng=rng)
            self._beside_marker = Marker.draw(beside, **look, rng=rng)
            self._beside_reporter = self._draw_reporter(beside, rng)
            self._beside_texture_at = rng.integers(0, _TEXTURE, (len(beside.rows), 2))

    def moment(self, frame: int) -> Moment:
        """Return the nuclei of a frame."""
        lives = self.lives
        moment = lives.at(min(max(frame, int(lives.first.min())), int(lives.last.max())))
        return replace(moment, radius_um=self.settings.nuclear_size * moment.radius_um)

    def spots(self) -> Table:
        """Return where each nucleus is in every frame that the lineage has; see `spots_of`."""
        spots = spots_of(self.lives, range(self.length), grid=self.grid)
        radius = self.settings.nuclear_size * spots["radius_um"]
        return spots.with_columns({"radius_um": radius})

    def render(self, frame: int) -> NDArray[np.uint8]:
        """Return one frame as the recording software shows it: (Y, X, 3), red, green, blue."""
        s = self.settings
        layers = np.zeros((2, s.height, s.width), dtype=np.float32)
        moment = self.moment(frame)
        levels = np.stack([self.marker.at(moment), self.reporter.at(moment)])
        self._draw(layers, moment, levels * self._seen(moment, self.shell), self._texture_at)
        if self.neighbour is not None:
            other = self.neighbour.at(frame)
            levels = np.stack([self._beside_marker.at(other), self._beside_reporter.at(other)])
            self._draw(layers, other, levels, self._beside_texture_at)
        if s.glow > 0:
            sigma = _GLOW_UM / s.voxel_um[1]
            layers += np.float32(s.glow) * np.stack([wide_blur(x, sigma) for x in layers])
        layers *= np.float32(self.laser[min(frame, len(self.laser) - 1)])
        rng = np.random.default_rng([self.seed, 12, frame])
        haze = self._haze
        in_green, in_red = self._detectors
        green = np.maximum(
            in_green.expose(layers[0] + haze, rng),
            in_green.expose_brightest(haze, s.planes, rng),
        )
        red = np.maximum(
            in_red.expose(layers[1] + self._spots, rng),
            in_red.expose_brightest(haze, s.planes, rng),
        )
        red = np.maximum(red, self._speckle(frame, rng))
        blue = np.zeros_like(red)
        return np.stack([red, green, blue], axis=-1)

    def labels(self, frame: int) -> LabelImage:
        """Return the true outlines of one frame as seen from above, (Y, X); the upper one shows.

        Numbers are those of ``label`` in the spots; a neighbour has none.
        """
        moment = self.moment(frame)
        dtype = np.min_scalar_type(max(len(self.lives.rows), 1))
        labels = np.zeros((self.settings.height, self.settings.width), dtype=dtype)
        project_labels(labels, nuclear_bodies(moment), moment.cell + 1, grid=self.grid)
        return labels

    def _grid(self, rng: np.random.Generator) -> Grid:
        s = self.settings
        grid = Grid(shape=(s.planes, s.height, s.width), spacing_um=s.voxel_um)
        if s.place == "table":
            return grid
        shift = rng.uniform(-1, 1, 3) * _SHIFT_UM * s.vary
        origin = self.shell.centre_um - grid.centre_um + shift
        return Grid(
            shape=grid.shape,
            spacing_um=s.voxel_um,
            origin_um=(float(origin[0]), float(origin[1]), float(origin[2])),
        )

    def _draw_reporter(self, lives: Lives, rng: np.random.Generator) -> Reporter:
        drawn = Reporter.draw(lives, rng=rng)
        if self.settings.reporter == "none":
            return Reporter(0 * drawn.level, drawn.begins, drawn.frames)
        return drawn

    def _draw(
        self, layers: FloatArray, moment: Moment, levels: FloatArray, texture_at: NDArray[np.int64]
    ) -> None:
        s = self.settings
        project_light(
            layers,
            nuclear_bodies(moment),
            levels,
            grid=self.grid,
            blur_um=(s.blur_z_um, s.blur_um, s.blur_um),
            texture=self._texture,
            texture_at=texture_at[moment.cell],
            texture_strength=s.nuclear_texture,
        )

    def _seen(self, moment: Moment, shell: Shell) -> FloatArray:
        """Return the share of each nucleus's light that comes through the embryo."""
        s = self.settings
        away = (moment.centre_um - shell.centre_um) / shell.half_um
        rim = np.clip(np.square(away[:, 1:]).sum(axis=1), 0, 1)
        top = shell.centre_um[0] - shell.half_um[0] * (1 - rim) ** 0.25
        below = np.maximum(moment.centre_um[:, 0] - top, 0)
        return np.asarray(np.exp(-s.attenuation * below) * (1 - s.shade * (1 - rim)))

    @cached_property
    def _detectors(self) -> tuple[Detector, Detector]:
        s = self.settings
        green, red = (
            Detector(photons=s.photons, gain=s.brightness, offset=offset, read_noise=_READ_NOISE)
            for offset in (_GREEN_OFFSET, _RED_OFFSET)
        )
        return green, red

    @cached_property
    def _haze(self) -> FloatArray:
        """Light without nuclei: cytoplasm inside the shell, and what is everywhere."""
        inside = np.clip(4 * (1 - self.shell.silhouette(self.grid)), 0, 1)
        return (self.settings.haze * inside + self.settings.dark).astype(np.float32)

    @cached_property
    def _texture(self) -> FloatArray:
        rng = np.random.default_rng([self.seed, 13])
        raw = rng.standard_normal((_TEXTURE, _TEXTURE), dtype=np.float32)
        smooth = ndi.gaussian_filter(raw, 0.3 / self.settings.voxel_um[1], mode="wrap")
        return np.asarray(np.clip(smooth / smooth.std(), -3, 3), dtype=np.float32)

    def _debris(self, rng: np.random.Generator) -> FloatArray:
        """Return bodies that glow red and do not move: a few blurred grains each."""
        s = self.settings
        light = np.zeros((s.height, s.width), dtype=np.float32)
        for _ in range(int(rng.poisson(s.debris))):
            side = rng.uniform(0, 2 * np.pi)
            away = self.shell.reach(side) * rng.uniform(0.9, 1.15)
            middle = self.shell.centre_um[1:] + away * np.array([np.sin(side), np.cos(side)])
            at = (middle - self.grid.origin_um[1:]) / s.voxel_um[1:]
            grains = at + rng.normal(0, 0.7, (12, 2)) / s.voxel_um[1]
            for y, x in np.rint(grains).astype(int).tolist():
                if 0 <= y < s.height and 0 <= x < s.width:
                    light[y, x] += rng.exponential(6.0)
        return np.asarray(ndi.gaussian_filter(light, 1.6))

    def _speckle(self, frame: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return isolated bright pixels of a detector at high gain."""
        s = self.settings
        shape = (s.height, s.width)
        strength = s.speckle * (0.15 + np.exp(-frame / _SPECKLE_FRAMES))
        number = int(rng.poisson(strength * _SPECKLE_SHARE * s.height * s.width))
        grey = np.zeros(shape, dtype=np.uint8)
        at = rng.integers(0, s.height * s.width, number)
        grey.ravel()[at] = np.clip(rng.exponential(_SPECKLE_GREY, number), 0, 255)
        return grey


def _laser(length: int, settings: MovieSettings, rng: np.random.Generator) -> FloatArray:
    """Return the light of each frame beside that of the last: bleaching, and steps upwards."""
    level = 1 - settings.bleaching * np.arange(length) / max(length - 1, 1)
    for at in rng.uniform(0.1, 0.9, int(rng.poisson(settings.laser_steps))).tolist():
        level[: int(at * length)] /= rng.uniform(1.08, 1.3)
    return np.asarray(level)
