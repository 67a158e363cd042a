"""Cells that fill the egg shell: a weighted tessellation, and the light of its walls.

A voxel belongs to the cell with the least power distance ``|p - c|^2 - w`` (Laguerre), evaluated
at slightly displaced places, so that walls are not planes. Cells end at the shell, and at a ball
around each cell, which leaves grooves between cells on the surface. Walls are drawn from the
distance to the bisector, not from the labels, so they have no steps, and then blurred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.simulate.embryo.moments import Moment
    from fatescope.simulate.embryo.shell import Grid, Shell

_BALL = 1.3
"""Radius of the ball that a cell may fill, beside that of a sphere of the same volume."""
_NEAR_UM = 1.5
"""Walls are drawn up to this distance."""
_KNOT_UM = 5.0
"""Between the knots of the displacement that bends walls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tessellation:
    """Cells on a grid.

    Parameters
    ----------
    owner : ndarray of int16, shape (Z, Y, X)
        1 + row of the moment; 0 outside the embryo.
    wall : ndarray of float32, shape (Z, Y, X)
        Light of membranes before the blur: 1 at a wall between two cells.
    """

    owner: IntArray
    wall: FloatArray


def tessellate(
    moment: Moment,
    shell: Shell,
    *,
    grid: Grid,
    shell_depth_um: FloatArray,
    bend_um: float,
    outer: float,
    wall_brightness: FloatArray,
    rng: np.random.Generator,
) -> Tessellation:
    """Divide the shell among the nuclei of a moment.

    ``shell_depth_um`` (Z, Y, X): from `Shell.depth`; ``bend_um``: standard deviation of the
    displacement that bends the walls; ``outer``: light of a membrane that faces the shell, beside 1
    of a wall between two cells; ``wall_brightness`` (n,): of the membrane of each cell; a wall has
    the mean of its two cells; ``rng``: for the displacement.
    """
    radius = _sphere_radii(moment, shell)
    centre, weight = moment.centre_um.astype(np.float32), _weights(moment.centre_um, radius)
    place = _displaced(grid, bend_um, rng)
    first, second, own, other = _two_nearest(centre, weight, radius, place, grid)
    apart = np.linalg.norm(centre[:, None] - centre[None], axis=2) + np.float32(1e-6)
    depth = np.minimum(shell_depth_um, _ball_depth(first, own, weight, radius))
    owner = np.where((depth >= 0) & (own >= 0), own + 1, 0).astype(np.int16)
    wall = np.zeros(grid.shape, dtype=np.float32)

    thick = np.square(np.maximum(np.array(grid.spacing_um) * 0.5, 0.08)).astype(np.float32)
    side = np.square((centre[:, None] - centre[None]) / apart[..., None]) @ thick
    both = (own >= 0) & (other >= 0)
    both &= (second - first < 2 * _NEAR_UM * float(apart.max())) & (depth > -0.5)
    at = np.flatnonzero(both)
    i, j = own.ravel()[at], other.ravel()[at]
    away = (second.ravel()[at] - first.ravel()[at]) / (2 * apart[i, j])
    light = np.exp(-0.5 * away * away / side[i, j])
    light *= (0.5 * (wall_brightness[i] + wall_brightness[j])).astype(np.float32)
    light /= 1 + np.exp(np.clip(-depth.ravel()[at] * 8, -30, 30))
    wall.ravel()[at] = light

    near = np.flatnonzero((np.abs(depth) < _NEAR_UM) & (own >= 0))
    surface = outer * wall_brightness[own.ravel()[near]].astype(np.float32)
    surface *= np.exp(-0.5 * np.square(depth.ravel()[near]) / thick.mean())
    wall.ravel()[near] = np.maximum(wall.ravel()[near], surface)
    return Tessellation(owner=owner, wall=wall)


def blur_volume(
    light: FloatArray, *, grid: Grid, blur_um: tuple[float, float, float]
) -> FloatArray:
    """Return a volume after a Gaussian point-spread function, float32."""
    sigma = [b / s for b, s in zip(blur_um, grid.spacing_um, strict=True)]
    return np.asarray(ndi.gaussian_filter(light, sigma, mode="nearest", truncate=3.0))


def _sphere_radii(moment: Moment, shell: Shell) -> FloatArray:
    z, across, along = shell.half_um
    volume = 0.87 * 4 / 3 * np.pi * z * across * along * 1.2  # flattened: 1.2 x an ellipsoid
    return np.asarray(np.cbrt(volume * moment.share / moment.share.sum() * 3 / (4 * np.pi)))


def _weights(centre: FloatArray, radius: FloatArray) -> FloatArray:
    """Return weights that keep each nucleus well inside its own cell."""
    weight = 0.7 * np.square(radius)
    apart = np.square(np.linalg.norm(centre[:, None] - centre[None], axis=2))
    np.fill_diagonal(apart, np.inf)
    for _ in range(4):
        most = (weight[None] + 0.45 * apart).min(axis=1)
        weight = np.minimum(weight, most)
    return np.asarray(weight, dtype=np.float32)


def _displaced(grid: Grid, bend_um: float, rng: np.random.Generator) -> list[FloatArray]:
    """Return z, y, x of every voxel, displaced by a smooth random field."""
    counts = [
        max(2, int(n * s / _KNOT_UM) + 2) for n, s in zip(grid.shape, grid.spacing_um, strict=True)
    ]
    bases = [_basis(n, k) for n, k in zip(grid.shape, counts, strict=True)]
    places = []
    for axis in range(3):
        knots = rng.normal(0, 1.7 * bend_um, counts).astype(np.float32)
        field = np.einsum("abc,ia->ibc", knots, bases[0])
        field = np.einsum("ibc,jb->ijc", field, bases[1])
        field = field @ bases[2].T
        shape = [1, 1, 1]
        shape[axis] = -1
        field += grid.along(axis).reshape(shape)
        places.append(field)
    return places


def _basis(n: int, knots: int) -> FloatArray:
    """Return cubic B-splines: weights (n, knots) of the knots at n even places."""
    at = np.linspace(0, knots - 1, n)[:, None]
    away = np.abs(at - np.arange(knots)[None])
    weight = np.where(away < 1, 2 / 3 - away**2 + away**3 / 2, np.clip(2 - away, 0, None) ** 3 / 6)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), dtype=np.float32)


def _two_nearest(
    centre: FloatArray,
    weight: FloatArray,
    radius: FloatArray,
    place: list[FloatArray],
    grid: Grid,
) -> tuple[FloatArray, FloatArray, IntArray, IntArray]:
    """Return the two least power distances of each voxel, and whose they are (-1: nobody's)."""
    far = np.float32(1e9)
    first, second = (np.full(grid.shape, far, dtype=np.float32) for _ in range(2))
    own, other = (np.full(grid.shape, -1, dtype=np.int16) for _ in range(2))
    for i in range(len(centre)):
        reach = _BALL * radius[i] + _NEAR_UM
        box = grid.box(centre[i] - reach, centre[i] + reach)
        if box is None:
            continue
        power = np.square(place[0][box] - centre[i, 0])
        for axis in (1, 2):
            step = place[axis][box] - centre[i, axis]
            step *= step
            power += step
        power -= weight[i]
        a, b, who, next_to = first[box], second[box], own[box], other[box]
        closer = power < a
        runner = (power < b) & ~closer
        np.copyto(b, a, where=closer)
        np.copyto(next_to, who, where=closer)
        np.copyto(a, power, where=closer)
        who[closer] = i
        np.copyto(b, power, where=runner)
        next_to[runner] = i
    return first, second, own, other


def _ball_depth(
    first: FloatArray, own: IntArray, weight: FloatArray, radius: FloatArray
) -> FloatArray:
    """Return how far each voxel lies inside its owner's ball, in µm; float32."""
    ball = (_BALL * radius).astype(np.float32)
    return np.asarray((np.square(ball) - weight)[own] - first) / (2 * ball)[own]
