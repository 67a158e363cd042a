"""Walls as ridges: how strongly the brightness falls off to both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Components = dict[tuple[int, int], "NDArray[np.float32]"]


def ridge_strength(
    values: NDArray[np.float32], spacing: Sequence[float], *, width: Sequence[float]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Measure ridges: bright sheets in 3D, bright lines in 2D.

    Parameters
    ----------
    values : ndarray of float32, shape (Y, X) or (Z, Y, X)
    spacing : sequence of float
        Distance of voxel centres along each axis.
    width : sequence of float
        Standard deviation of a wall's profile along each axis, in the unit of ``spacing``.

    Returns
    -------
    strength, second : ndarray of float32, the same shape
        The largest curvature downwards, 0 where there is none: minus the smallest eigenvalue of
        the matrix of second derivatives, in units of ``width``, so that it is a difference of
        brightness; and the same of the next eigenvalue, which a sheet (in 2D a line) has not and
        a ball has.

    References
    ----------
    Lindeberg, "Edge detection and ridge detection with automatic scale selection", IJCV 30 (1998).
    """
    from scipy.ndimage import gaussian_filter

    sigma = np.divide(width, spacing)
    smooth = gaussian_filter(values, sigma)
    curvature = _second_derivatives(smooth, sigma)
    lowest = _of_two(curvature) if values.ndim == 2 else _of_three(curvature)
    first, second = (np.maximum(-x, 0).astype(np.float32) for x in lowest)
    return first, second


def _second_derivatives(smooth: NDArray[np.float32], sigma: NDArray[np.float64]) -> Components:
    """Return second derivatives by axes, times the widths; 0 along an axis of one voxel."""
    ndim = smooth.ndim
    first = [
        np.gradient(smooth, axis=a) if smooth.shape[a] > 1 else np.zeros_like(smooth)
        for a in range(ndim)
    ]
    found: Components = {}
    for i in range(ndim):
        for j in range(i, ndim):
            found[i, j] = (
                _along(smooth, i)
                if i == j
                else np.gradient(first[i], axis=j)
                if smooth.shape[j] > 1
                else np.zeros_like(smooth)
            ) * np.float32(sigma[i] * sigma[j])
    return found


def _along(smooth: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    out = np.zeros_like(smooth)
    if smooth.shape[axis] > 2:
        lines, target = np.moveaxis(smooth, axis, 0), np.moveaxis(out, axis, 0)
        target[1:-1] = lines[:-2] + lines[2:] - 2 * lines[1:-1]
    return out


def _of_two(c: Components) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the eigenvalues of symmetric 2 x 2 matrices, the smaller first."""
    mean, half = (c[0, 0] + c[1, 1]) / 2, (c[0, 0] - c[1, 1]) / 2
    radius = np.sqrt(half * half + c[0, 1] * c[0, 1])
    return mean - radius, mean + radius


def _of_three(c: Components) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the smallest and the middle eigenvalue of symmetric 3 x 3 matrices.

    O. K. Smith, "Eigenvalues of a symmetric 3 x 3 matrix", Comm. ACM 4 (1961) 168.
    """
    mean = (c[0, 0] + c[1, 1] + c[2, 2]) / 3
    a, b, d = c[0, 0] - mean, c[1, 1] - mean, c[2, 2] - mean
    xy, xz, yz = c[0, 1], c[0, 2], c[1, 2]
    radius = np.sqrt((a * a + b * b + d * d + 2 * (xy * xy + xz * xz + yz * yz)) / 6)
    determinant = a * (b * d - yz * yz) - xy * (xy * d - yz * xz) + xz * (xy * yz - b * xz)
    cosine = np.clip(determinant / (2 * np.maximum(radius, 1e-12) ** 3), -1, 1)
    angle = np.arccos(cosine) / 3
    third = 2 * np.pi / 3
    return mean + 2 * radius * np.cos(angle + third), mean + 2 * radius * np.cos(angle - third)
