"""Stacks of crowded nuclei: ellipsoids in a ball, on a shell, on a sheet or anywhere.

Networks that divide nuclei in space learn from them what embryos of one species do not show: other
sizes, distances of planes, arrangements and looks, each drawn by the seed. A stack is as tall as
nuclei are crowded, and as bright as few or many photons make it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.simulate.settings import CrowdSettings

_KINDS = ("ball", "shell", "sheet", "cloud")
_TRIES = 4000  # to place a nucleus
_DIVIDING = 0.04  # share of nuclei that are a bright plate
_PLATE = 1.1, 1.1, 0.4  # its axes, in radii
_LEAST_VOXELS = 30  # of a nucleus in the stack: less is a sliver at its edge


@dataclass(frozen=True, slots=True)
class Crowd:
    """A rendered stack with its truth.

    Parameters
    ----------
    pixels : ndarray of uint16, shape (Z, Y, X)
    labels : ndarray of uint16 or uint32, shape (Z, Y, X)
        1..n, one nucleus each; slivers at the edge of the stack have none.
    plane_px : float
        Distance of planes in pixels.
    kind : str
        How nuclei lie.
    """

    pixels: NDArray[np.uint16]
    labels: LabelImage
    plane_px: float
    kind: str


@dataclass(frozen=True, slots=True)
class _Space:
    """The stack in pixels, of which a plane is ``plane_px`` high; Z, Y, X."""

    shape: tuple[int, int, int]
    plane_px: float
    radius: float  # of a typical nucleus

    @property
    def size(self) -> FloatArray:
        return np.array(self.shape) * (self.plane_px, 1.0, 1.0)

    def axes(self) -> tuple[FloatArray, ...]:
        """Return the places of voxels along each axis."""
        steps = self.plane_px, 1.0, 1.0
        return tuple((np.arange(n) + 0.5) * step for n, step in zip(self.shape, steps, strict=True))

    def sigma(self, share: float, share_z: float | None = None) -> tuple[float, float, float]:
        """Return a width in radii as one in voxels along each axis."""
        across = share * self.radius
        along = across if share_z is None else share_z * self.radius
        return along / self.plane_px, across, across


def simulate_crowd(settings: CrowdSettings, *, seed: int) -> Crowd:
    """Render one stack of crowded nuclei.

    Parameters
    ----------
    settings : CrowdSettings
        What is to be seen; ``count`` and ``pixel_um`` are not used here.
    seed : int
        The same seed and settings give the same look and the same stack, bit for bit.

    Examples
    --------
    >>> from fatescope.simulate import CrowdSettings, simulate_crowd
    >>> few = CrowdSettings(least_diameter_px=12, most_diameter_px=12, side_px=64, planes=8)
    >>> crowd = simulate_crowd(few, seed=1)
    >>> crowd.pixels.shape == crowd.labels.shape
    True
    """
    rng = np.random.default_rng([seed, 9])
    kind = str(rng.choice(_KINDS)) if settings.kind == "any" else settings.kind
    space = _draw_space(settings, rng)
    place, radius = _placed(kind, space, settings.nuclei, rng)
    labels, light = _painted(place, radius, space, rng)
    pixels = _photographed(light, space, rng)
    kept = np.bincount(labels.ravel(), minlength=len(place) + 1) >= _LEAST_VOXELS
    kept[0] = False
    number = np.where(kept, np.cumsum(kept), 0).astype(np.min_scalar_type(max(256, kept.sum())))
    return Crowd(pixels, number[labels], space.plane_px, kind)


def _draw_space(settings: CrowdSettings, rng: np.random.Generator) -> _Space:
    """Draw the size of nuclei, of the stack, and the distance of planes."""
    low, high = settings.least_diameter_px, settings.most_diameter_px
    diameter = float(np.exp(rng.uniform(math.log(low), math.log(high))))
    plane_px = float(np.exp(rng.uniform(0, math.log(min(6, diameter / 3)))))
    across = rng.uniform(4, 8) * diameter
    rows, columns = (
        max(32, int(min(across * rng.uniform(0.8, 1.3), settings.side_px))) for _ in range(2)
    )
    planes = int(max(6, min(rng.uniform(3, 6.5) * diameter / plane_px, settings.planes)))
    return _Space((planes, rows, columns), plane_px, diameter / 2)


def _placed(
    kind: str, space: _Space, most: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return places (n, 3) and radii (n,) of nuclei that hardly overlap."""
    spread, gap = rng.uniform(0.05, 0.25), rng.uniform(0.72, 1.15)
    size, r = space.size, space.radius
    centre = size / 2 + rng.uniform(-0.1, 0.1, 3) * size
    reach = size.min() * rng.uniform(0.42, 0.75)
    wanted = rng.uniform(0.3, 1.0)
    place, radius = np.zeros((0, 3)), np.zeros(0)
    for _ in range(_TRIES):
        at = _somewhere(kind, centre, reach, space, rng)
        own = r * math.exp(rng.normal(0, spread))
        if at is None or rng.random() > wanted:
            continue
        if (np.linalg.norm(place - at, axis=1) < gap * (radius + own)).any():
            continue
        place, radius = np.append(place, [at], axis=0), np.append(radius, own)
        if len(place) >= most:
            break
    return place, radius


def _somewhere(
    kind: str, centre: FloatArray, reach: float, space: _Space, rng: np.random.Generator
) -> FloatArray | None:
    """Return a place for a nucleus, or none where this kind has none."""
    size, r = space.size, space.radius
    at = rng.uniform(0, 1, 3) * (size + r) - r / 2
    away = at - centre
    if kind == "ball" and np.linalg.norm(away / (size / size.min())) > reach:
        return None
    if kind == "shell":
        away /= max(1e-6, float(np.linalg.norm(away)))
        at = centre + away * (reach + rng.normal(0, 0.25 * r))
    if kind == "sheet":
        bent = (at[1] - centre[1]) * 0.25 + (at[2] - centre[2]) ** 2 / (3 * size[2])
        at[0] = size[0] * 0.35 + bent + rng.normal(0, 0.3 * r)
    return np.asarray(at)


def _painted(
    place: FloatArray, radius: FloatArray, space: _Space, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return labels from 1 and the light of ellipsoids; what two share is the nearer one's."""
    labels = np.zeros(space.shape, np.int32)
    light = np.zeros(space.shape, np.float32)
    nearest = np.ones(space.shape, np.float32)
    bright = np.exp(rng.normal(0, rng.uniform(0, 0.45), len(place)))
    texture = rng.uniform(0.05, 0.7)
    long = rng.uniform(0, 0.3)
    axes = space.axes()
    for i, (at, own) in enumerate(zip(place, radius, strict=True)):
        turned, _ = np.linalg.qr(rng.standard_normal((3, 3)))
        shape = np.exp(rng.normal(0, long, 3))
        shape /= shape.prod() ** (1 / 3)
        if rng.random() < _DIVIDING:
            shape, bright[i] = np.array(_PLATE), 2 * bright[i]
        form = turned @ np.diag(1 / (shape * own) ** 2) @ turned.T
        reach = own * shape.max() + 1
        box = tuple(
            slice(int(np.searchsorted(c, v - reach)), int(np.searchsorted(c, v + reach)))
            for c, v in zip(axes, at, strict=True)
        )
        away = np.stack(
            np.meshgrid(*(c[b] - v for c, b, v in zip(axes, box, at, strict=True)), indexing="ij"),
            axis=-1,
        )
        depth = np.einsum("...i,ij,...j->...", away, form, away).astype(np.float32)
        mine = depth < nearest[box]
        nearest[box][mine] = depth[mine]
        labels[box][mine] = i + 1
        light[box][mine] = bright[i]
    return labels, light * np.clip(1 + texture * _grain(space, rng), 0.1, None)


def _grain(space: _Space, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return chromatin: smooth noise with a standard deviation of 1."""
    along, across, _ = space.sigma(0.22)
    noise = rng.standard_normal(space.shape, dtype=np.float32)
    noise = ndi.gaussian_filter(noise, (max(0.3, along), across, across), mode="wrap")
    return np.asarray(noise / max(1e-9, float(noise.std())), np.float32)


def _photographed(
    light: NDArray[np.float32], space: _Space, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Return what a camera records: debris, blur, haze, light lost in depth, few photons."""
    for _ in range(rng.poisson(2)):
        z, y, x = (int(rng.integers(n)) for n in light.shape)
        half = max(1, int(space.radius * rng.uniform(0.1, 0.3)))
        light[z, max(0, y - half) : y + half, max(0, x - half) : x + half] += rng.uniform(0.5, 3)
    blur_z, blur = rng.uniform(0.1, 0.45), rng.uniform(0.04, 0.16)
    light = ndi.gaussian_filter(light, space.sigma(blur, blur_z))
    light = light + rng.uniform(0, 0.25) * ndi.gaussian_filter(light, space.sigma(1.0))
    light += rng.uniform(0.01, 0.1)
    lost = rng.uniform(0, 1.2) * np.arange(len(light)) / len(light)
    light *= np.exp(-lost)[:, None, None]
    photons = np.exp(rng.uniform(math.log(6), math.log(120)))
    counts: NDArray[Any] = rng.poisson(light * photons)
    counts = counts + rng.normal(0, rng.uniform(0.2, 1.5), light.shape)
    return np.asarray(np.clip(counts * 200 / photons + 100, 0, 65_535), np.uint16)
