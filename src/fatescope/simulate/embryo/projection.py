"""Nuclei in the maximum projection of a stack, without the stack.

The light of one nucleus is highest, along z, where its quadratic form is least; that is a
quadratic form of y and x. So a frame of a movie costs a flat patch for each nucleus, and movies of
hundreds of frames render in seconds. Where nuclei lie above one another, the brighter one shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.simulate.embryo.nuclei import soft_inside

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.simulate.embryo.nuclei import Bodies
    from fatescope.simulate.embryo.shell import Grid

_EDGE = 2.6
"""Light ends so many standard deviations outside the edge."""


def project_light(
    layers: FloatArray,
    bodies: Bodies,
    brightness: FloatArray,
    *,
    grid: Grid,
    blur_um: tuple[float, float, float],
    texture: FloatArray,
    texture_at: IntArray,
    texture_strength: float,
) -> None:
    """Draw the projected, blurred light of nuclei into channels, in place, the brightest on top.

    ``layers`` (C, Y, X); ``brightness`` (C, n): of each nucleus in each channel between divisions;
    ``grid``: rows and columns of the frame; planes do not matter; ``blur_um``: standard deviations
    of the point-spread function along z, y, x; ``texture`` (y, x): chromatin, mean 0, on the same
    pixels; ``texture_at`` (n, 2): where in the texture a nucleus has its centre.
    """
    inverse = np.linalg.inv(bodies.shape)
    product = inverse @ np.diag(np.square(blur_um))
    flat = _flattening(inverse)
    form = _through(flat, inverse)
    variance = _through(flat, 4 * product @ inverse)
    shift = np.trace(product, axis1=1, axis2=2)
    least = 2 * np.trace(product @ product, axis1=1, axis2=2)
    reach = np.sqrt(np.einsum("nii->ni", bodies.shape))[:, 1:] + _EDGE * np.array(blur_um[1:])
    for i, centre in enumerate(bodies.centre_um[:, 1:]):
        box = _flat_box(grid, centre, reach[i])
        if box is None:
            continue
        y, x = (grid.along(a + 1, p) - np.float32(centre[a]) for a, p in enumerate(box))
        light = soft_inside(
            _flat_form(form[i], y, x), _flat_form(variance[i], y, x), shift[i], least[i]
        )
        if texture_strength > 0:
            light *= 1 + np.float32(texture_strength) * _crop(texture, texture_at[i], light.shape)
        for layer, level in zip(layers, brightness[:, i], strict=True):
            if level > 0:
                seen = light * np.float32(level * bodies.density[i])
                np.maximum(layer[box], seen, out=layer[box])


def project_labels(labels: IntArray, bodies: Bodies, numbers: IntArray, *, grid: Grid) -> None:
    """Write the outlines of nuclei as seen from above into zeros (Y, X), in place.

    Where two overlap, a pixel belongs to the one nearer to the objective (smaller z).
    """
    inverse = np.linalg.inv(bodies.shape)
    form = _through(_flattening(inverse), inverse)
    reach = np.sqrt(np.einsum("nii->ni", bodies.shape))[:, 1:]
    for i in np.argsort(-bodies.centre_um[:, 0], kind="stable").tolist():
        centre = bodies.centre_um[i, 1:]
        box = _flat_box(grid, centre, reach[i])
        if box is None:
            continue
        y, x = (grid.along(a + 1, p) - np.float32(centre[a]) for a, p in enumerate(box))
        labels[box][_flat_form(form[i], y, x) <= 1] = numbers[i]


def _flattening(inverse: FloatArray) -> FloatArray:
    """Return, for each form, the matrix (3, 2) from y, x to the z, y, x of the least value."""
    flat = np.zeros((len(inverse), 3, 2))
    flat[:, 0] = -inverse[:, 0, 1:] / inverse[:, 0, :1]
    flat[:, 1, 0] = flat[:, 2, 1] = 1
    return flat


def _through(flat: FloatArray, form: FloatArray) -> FloatArray:
    return np.asarray(np.swapaxes(flat, 1, 2) @ form @ flat, dtype=np.float32)


def _flat_form(m: FloatArray, y: FloatArray, x: FloatArray) -> FloatArray:
    out = np.multiply.outer(2 * m[0, 1] * y, x)
    out += (m[0, 0] * y * y)[:, None]
    out += (m[1, 1] * x * x)[None]
    return np.asarray(out)


def _flat_box(grid: Grid, centre: FloatArray, reach: FloatArray) -> tuple[slice, slice] | None:
    parts = []
    for a in (0, 1):
        at = (centre[a] - grid.origin_um[a + 1]) / grid.spacing_um[a + 1]
        far = reach[a] / grid.spacing_um[a + 1]
        low, high = max(int(np.ceil(at - far)), 0), min(int(at + far) + 1, grid.shape[a + 1])
        if low >= high:
            return None
        parts.append(slice(low, high))
    return parts[0], parts[1]


def _crop(texture: FloatArray, at: IntArray, shape: tuple[int, ...]) -> FloatArray:
    """Return a part of the texture; the texture repeats."""
    rows = (at[0] - shape[0] // 2 + np.arange(shape[0])) % texture.shape[0]
    columns = (at[1] - shape[1] // 2 + np.arange(shape[1])) % texture.shape[1]
    return np.asarray(texture[rows[:, None], columns[None]])
