"""Nuclei as soft ellipsoids: their shapes through division, their light and their outlines.

The blur of the microscope is part of the shape. Blurring the inside of ``Q(p) = p' M p <= 1`` with
a Gaussian of covariance S asks for the chance that ``Q(p + noise) <= 1``. Mean and variance of
``Q(p + noise)`` are known exactly, ``Q + tr(MS)`` and ``4 p'MSMp + 2 tr(MSMS)``, and its cube root
is nearly normal (Wilson and Hilferty 1931, PNAS 17:684). That costs one small box per nucleus,
where blurring the volume would cost every voxel; light differs by less than 0.06 from the blur.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.simulate.embryo.moments import Moment
    from fatescope.simulate.embryo.shell import Grid

# Minutes before and after the chromosomes part, and half axes beside the radius between divisions.
_LEFT = np.array([0.0, 1.0, 2.0, 3.5])
_ALONG_LEFT = np.array([0.28, 0.36, 0.80, 1.0])
_ACROSS_LEFT = np.array([0.72, 0.74, 0.82, 1.0])
_AGE = np.array([0.0, 1.5, 3.0, 5.0, 8.0])
_ALONG_AGE = np.array([0.30, 0.40, 0.66, 0.88, 1.0])
_ACROSS_AGE = np.array([0.78, 0.76, 0.78, 0.88, 1.0])
_DENSEST = 2.4
"""Condensed chromatin is at most so much brighter than between divisions."""
_LOGISTIC = 1.702
"""The logistic curve of this slope differs from the normal distribution by less than 0.01."""
_EDGE = 2.6
"""Light ends so many standard deviations outside the edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """Shapes of nuclei: ``p' inv(shape) p = 1`` about ``centre_um``.

    Parameters
    ----------
    centre_um : ndarray of float, shape (n, 3)
        z, y, x.
    shape : ndarray of float, shape (n, 3, 3)
        µm², like a covariance: eigenvalues are the squares of the half axes.
    density : ndarray of float, shape (n,)
        Light per volume, 1 between divisions.
    """

    centre_um: FloatArray
    shape: FloatArray
    density: FloatArray


def nuclear_bodies(moment: Moment) -> Bodies:
    """Return the shapes of a moment: plates in metaphase, parting plates, then growing spheres."""
    along = np.interp(moment.left_min, _LEFT, _ALONG_LEFT)
    along = np.minimum(along, np.interp(moment.age_min, _AGE, _ALONG_AGE)) * moment.radius_um
    across = np.interp(moment.left_min, _LEFT, _ACROSS_LEFT)
    across = np.minimum(across, np.interp(moment.age_min, _AGE, _ACROSS_AGE)) * moment.radius_um
    outer = moment.axis[:, :, None] * moment.axis[:, None, :]
    shape = across[:, None, None] ** 2 * (np.eye(3) - outer) + along[:, None, None] ** 2 * outer
    packed = moment.radius_um**3 / (along * across**2)
    return Bodies(centre_um=moment.centre_um, shape=shape, density=np.clip(packed, 1.0, _DENSEST))


def draw_nuclear_light(
    light: FloatArray,
    bodies: Bodies,
    brightness: FloatArray,
    *,
    grid: Grid,
    blur_um: tuple[float, float, float],
    texture: FloatArray,
    texture_at: IntArray,
    texture_strength: float,
) -> None:
    """Add the blurred light of nuclei to a volume, in place.

    ``light`` (Z, Y, X); ``brightness`` (n,): of each nucleus between divisions; ``blur_um``:
    standard deviations of the point-spread function along z, y, x; ``texture`` (z, y, x):
    chromatin, mean 0, on the same voxels; taken around the centre of each nucleus, so that it moves
    along. Nuclei larger than it are not textured at their ends; ``texture_at`` (n, 3): where in the
    texture a nucleus has its centre.
    """
    spread = np.diag(np.square(blur_um))
    inverse = np.linalg.inv(bodies.shape)
    product = inverse @ spread
    edge = 4 * product @ inverse
    shift = np.trace(product, axis1=1, axis2=2)
    least = 2 * np.trace(product @ product, axis1=1, axis2=2)
    amplitude = bodies.density * brightness
    reach = np.sqrt(np.einsum("nii->ni", bodies.shape)) + _EDGE * np.array(blur_um)
    for i, centre in enumerate(bodies.centre_um):
        box = grid.box(centre - reach[i], centre + reach[i])
        if box is None:
            continue
        inside = soft_inside(
            _quadratic(inverse[i], centre, grid, box),
            _quadratic(edge[i], centre, grid, box),
            shift[i],
            least[i],
        )
        inside *= np.float32(amplitude[i])
        if texture_strength > 0:
            _add_texture(inside, texture, texture_at[i], centre, grid, box, texture_strength)
        light[box] += inside


def soft_inside(form: FloatArray, variance: FloatArray, shift: float, least: float) -> FloatArray:
    """Return the share of the blur's Gaussian that lies inside an ellipsoid; see the module.

    ``form``, ``variance``: q and ``4 p'MSMp`` at each place; both are overwritten; ``shift``,
    ``least``: ``tr(MS)`` and ``2 tr(MSMS)``.
    """
    inside, softness = form, variance
    softness += np.float32(least)
    inside += np.float32(shift)
    softness /= inside
    softness /= inside
    softness *= np.float32(1 / 9)
    np.cbrt(inside, out=inside)
    np.divide(-1, inside, out=inside)
    inside += 1
    inside -= softness
    np.sqrt(softness, out=softness)
    inside /= softness
    inside *= np.float32(_LOGISTIC)
    np.clip(inside, -30, 30, out=inside)
    np.exp(inside, out=inside)
    inside += 1
    return np.asarray(np.reciprocal(inside, out=inside))


def draw_nuclear_labels(labels: IntArray, bodies: Bodies, numbers: IntArray, *, grid: Grid) -> None:
    """Write the outlines of nuclei into a volume of zeros, in place.

    Where two overlap, a voxel belongs to the one in which it lies deeper. Plates thinner than a
    voxel are widened to it, so that no nucleus is lost between planes.
    """
    depth = np.ones(grid.shape, dtype=np.float32)
    shape = bodies.shape + np.diag(np.square(np.array(grid.spacing_um) / 2))
    inverse = np.linalg.inv(shape)
    reach = np.sqrt(np.einsum("nii->ni", shape))
    for i, centre in enumerate(bodies.centre_um):
        box = grid.box(centre - reach[i], centre + reach[i])
        if box is None:
            continue
        own, best = _quadratic(inverse[i], centre, grid, box), depth[box]
        mine = own < best
        best[mine] = own[mine]
        labels[box][mine] = numbers[i]


def _quadratic(
    matrix: FloatArray, centre: FloatArray, grid: Grid, box: tuple[slice, slice, slice]
) -> FloatArray:
    """Return p' M p over a box, p from the centre; float32, shape of the box."""
    z, y, x = (grid.along(axis, part) - np.float32(centre[axis]) for axis, part in enumerate(box))
    m = matrix.astype(np.float32)
    y, x = y[:, None], x[None]
    flat = m[1, 1] * y * y + m[2, 2] * x * x + 2 * m[1, 2] * y * x
    slope = 2 * (m[0, 1] * y + m[0, 2] * x)
    out = np.multiply(z[:, None, None], slope[None])
    out += flat[None]
    out += (m[0, 0] * z * z)[:, None, None]
    return np.asarray(out)


def _add_texture(
    light: FloatArray,
    texture: FloatArray,
    at: IntArray,
    centre: FloatArray,
    grid: Grid,
    box: tuple[slice, slice, slice],
    strength: float,
) -> None:
    middle = np.rint(grid.to_voxels(centre)).astype(int)
    here, there = [], []
    for axis, part in enumerate(box):
        start = int(at[axis] - middle[axis]) + part.start
        low = max(0, -start)
        high = min(part.stop - part.start, texture.shape[axis] - start)
        if low >= high:
            return
        here.append(slice(low, high))
        there.append(slice(start + low, start + high))
    light[tuple(here)] *= np.maximum(1 + np.float32(strength) * texture[tuple(there)], 0.1)
