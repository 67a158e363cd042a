"""Size and shape of objects, from their sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.checks import check_label_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray, LabelImage
    from fatescope.measurement.sums import ObjectSums


def centroids(sums: ObjectSums) -> FloatArray:
    """Return the mean position of each object, shape (d, n), in px."""
    return np.asarray(sums.first / sums.count)


def covariances(sums: ObjectSums, spacing: FloatArray) -> FloatArray:
    """Return the covariance of the positions inside each object, shape (n, d, d).

    A pixel is a small box and not a point: each axis gets the variance of a box of its own,
    ``spacing ** 2 / 12``, so that a row of pixels has a width.
    """
    # Positions are taken from the object's own corner, in whole numbers, so that nothing is
    # lost for a small object far from the origin.
    local = sums.first - sums.count * sums.low
    cross = sums.low[:, None] * sums.first[None]
    square = sums.second - cross - cross.swapaxes(0, 1)
    square = square + sums.count * sums.low[:, None] * sums.low[None]
    mean = local / sums.count
    covariance = square / sums.count - mean[:, None] * mean[None]
    covariance = covariance + np.eye(len(spacing))[:, :, None] / 12
    scaled = covariance * (spacing[:, None] * spacing[None])[:, :, None]
    return np.asarray(np.moveaxis(scaled, -1, 0))


def ellipsoid_axes(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return full axes of the ellipsoids with these covariances, and their directions.

    Parameters
    ----------
    covariance : ndarray of float, shape (n, d, d)

    Returns
    -------
    lengths : ndarray of float, shape (n, d)
        Longest first; the full axis of an ellipsoid is ``2 * sqrt((d + 2) * variance)``.
    directions : ndarray of float, shape (n, d, d)
        ``directions[i, :, k]`` is the unit vector of axis ``k`` of object ``i``, in axis order.
    """
    variance, directions = np.linalg.eigh(covariance)
    ndim = covariance.shape[-1]
    lengths = 2 * np.sqrt((ndim + 2) * np.maximum(variance[:, ::-1], 0))
    return lengths, directions[:, :, ::-1]


def orientation_deg(direction: FloatArray) -> FloatArray:
    """Return the angle of vectors (n, [y, x]) against the x axis, counter-clockwise as seen.

    Rows count downwards on the screen, so a line that rises to the right has a positive angle.
    Degrees in (-90, 90].
    """
    angle = np.degrees(np.arctan2(-direction[:, 0], direction[:, 1]))
    return np.asarray(90.0 - (90.0 - angle) % 180.0)


def equivalent_diameter(size: FloatArray, *, ndim: int) -> FloatArray:
    """Return the diameter of the circle (2D) or ball (3D) of the same size."""
    if ndim == 2:
        return np.asarray(2 * np.sqrt(size / np.pi))
    return np.asarray(np.cbrt(6 * size / np.pi))


def measure_solidity(labels: LabelImage, which: Sequence[int] | IntArray) -> FloatArray:
    """Measure how much of its convex hull each object fills, 0 to 1.

    This costs a hundred times the other measures, so it is done only for the objects asked for.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        0 = background.
    which : sequence of int
        Labels of the objects to measure.

    Returns
    -------
    ndarray of float, shape (len(which),)
        NaN for a label that is not in the image, and for an object too thin for a hull.

    Raises
    ------
    InputError
        If ``labels`` are not whole numbers.
    """
    from scipy.ndimage import find_objects
    from scipy.spatial import QhullError
    from skimage.morphology import convex_hull_image

    check_label_image(labels, name="labels")
    boxes = find_objects(labels.astype(np.int64, copy=False))
    solidity = np.full(len(which), np.nan)
    for row, label in enumerate(np.asarray(which).tolist()):
        box = boxes[label - 1] if 0 < label <= len(boxes) else None
        if box is None:
            continue
        own = labels[box] == label
        if min(own.shape) < 2:
            continue
        try:
            solidity[row] = own.sum() / convex_hull_image(own).sum()
        except QhullError:
            continue
    return solidity
