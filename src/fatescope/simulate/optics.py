"""From light to counts: point-spread function, haze, uneven illumination, camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.simulate.settings import NucleiMovieSettings

OFFSET = 100.0
"""Counts of the camera without light."""


def blur(light: FloatArray, sigma: float) -> FloatArray:
    """Return ``light`` (Y, X) after a Gaussian point-spread function of ``sigma`` px."""
    if sigma < 0.05:
        return light
    return np.asarray(ndi.gaussian_filter(light, sigma, mode="nearest", truncate=3.5))


def wide_blur(light: FloatArray, sigma: float) -> FloatArray:
    """Return a blur of many pixels, computed on a coarse grid: glow has no fine detail."""
    step = max(1, int(sigma / 2.5))
    if step == 1:
        return blur(light, sigma)
    height, width = light.shape
    padded = np.pad(light, ((0, -height % step), (0, -width % step)), mode="edge")
    rows, columns = padded.shape[0] // step, padded.shape[1] // step
    coarse = padded.reshape(rows, step, columns, step).mean(axis=(1, 3))
    coarse = blur(coarse, sigma / step)
    at = [(np.arange(n) + 0.5) / step - 0.5 for n in (height, width)]
    grid = np.meshgrid(*at, indexing="ij")
    return np.asarray(ndi.map_coordinates(coarse, grid, order=1, mode="nearest"))


def smooth_field(shape: tuple[int, int], rng: np.random.Generator, *, cells: int) -> FloatArray:
    """Return a smooth random field between -1 and 1, with about ``cells`` swells along an axis."""
    knots = rng.uniform(-1, 1, (cells + 2, cells + 2))
    at = [np.linspace(0.5, cells + 0.5, n) for n in shape]
    grid = np.meshgrid(*at, indexing="ij")
    field = ndi.map_coordinates(knots, grid, order=3, mode="nearest")
    return np.asarray(field / max(1e-9, float(np.abs(field).max())))


def simulated_illumination(
    settings: NucleiMovieSettings, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return the lamp's field and the background's field, both with mean near 1, shape (Y, X)."""
    shape = (settings.height, settings.width)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    centre = rng.uniform(-0.35, 0.35, 2)
    lamp = 1.0 - 0.35 * settings.unevenness * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2)
    slope = rng.normal(0, 1, 2)
    slope /= np.hypot(*slope)
    tilt = 0.6 * (slope[0] * y + slope[1] * x) + 0.4 * smooth_field(shape, rng, cells=3)
    return lamp, 1.0 + settings.unevenness * tilt


def expose(
    light: FloatArray,
    lamp: FloatArray,
    ground: FloatArray,
    settings: NucleiMovieSettings,
    rng: np.random.Generator,
) -> NDArray[np.uint16]:
    """Return what the camera records of one frame.

    ``light`` (Y, X): light of the nuclei, about 1 inside a typical one, already blurred; ``lamp``,
    ``ground`` (Y, X): fields from `simulated_illumination`; ``settings``: brightness, background
    and noise; ``rng``: for the noise of photons and of the camera.

    The result: shape (Y, X): counts, with the camera's offset.
    """
    if settings.polarity == "bright":
        counts = settings.brightness * light * lamp + settings.background * ground
    else:
        full = (settings.brightness + settings.background) * 1.6
        counts = full * lamp * (0.9 + 0.1 * ground) * np.exp(-0.9 * light)
    counts_per_electron = settings.brightness / settings.photons
    electrons = rng.poisson(np.maximum(counts, 0) / counts_per_electron)
    recorded = OFFSET + electrons * counts_per_electron
    recorded += rng.normal(0, 1, light.shape) * settings.read_noise
    return np.asarray(np.clip(np.rint(recorded), 0, 65_535), dtype=np.uint16)
