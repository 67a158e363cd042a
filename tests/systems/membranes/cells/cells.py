"""Tiny embryos of known cells: the space inside an ellipsoid belongs to the nearest centre."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SPACING = {3: (0.6, 0.3, 0.3), 2: (0.3, 0.3)}
SHAPE = {3: (40, 64, 80), 2: (64, 80)}
_CENTRES = np.array(
    [[-4, -4.5, -6], [4, -4, -6], [0, 4.5, -6], [-4, 4, 1], [0, -5, 1], [4, 3, 2], [0, 0, 7.5]],
    float,
)


def embryo(ndim, *, seed=1, wall=100.0, noise=3.0):
    """Return pixels, true labels and the centres of the cells in pixels."""
    spacing, shape = np.array(SPACING[ndim]), SHAPE[ndim]
    centre = (np.array(shape) - 1) / 2
    places = _CENTRES if ndim == 3 else np.array([[-3, -5], [3.5, -5], [-4, 2], [3.5, 2], [0, 8]])
    points = places / spacing + centre
    at = np.stack(np.indices(shape), axis=-1)
    distance = np.stack([(((at - p) * spacing) ** 2).sum(axis=-1) for p in points])
    half = np.array((7.5, 8.5, 10.5)[-ndim:])
    inside = ((((at - centre) * spacing) / half) ** 2).sum(axis=-1) < 1
    labels = np.where(inside, distance.argmin(axis=0) + 1, 0)
    border = np.zeros(shape, bool)
    for axis in range(ndim):
        one = np.roll(labels, 1, axis=axis)
        border |= labels != one
    width = np.array((0.6, 0.3, 0.3)[-ndim:]) / spacing
    walls = ndimage.gaussian_filter(border.astype(float), width)
    rng = np.random.default_rng(seed)
    pixels = (
        wall * walls / walls.max() + 12.0 * inside + np.abs(rng.normal(0, noise, shape)) * inside
    )
    return pixels.clip(0, 255).astype(np.uint8), labels.astype(np.int32), points
