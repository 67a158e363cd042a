"""What the nuclei network learns to draw, computed from labels. One code for 2D and 3D.

Targets are computed after augmentation and resampling, so that a nucleus that was turned or
enlarged has the distances of its new shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import check_label_image

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, LabelImage


DRAWN = ("foreground", "distance", "border", "down", "across")
"""What a network learns to draw, in this order."""

OFFSET_REACH_PX = 32
"""The longest offset to a centre that is drawn: 0 and 1 in a map of offsets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NucleusTargets:
    """Three maps on the grid of the labels, float32 in 0..1."""

    foreground: FloatArray  # 1 in a nucleus
    distance: FloatArray  # to the nucleus's own border / its maximum in that nucleus; 0 outside
    border: FloatArray  # 1 within reach of another nucleus that touches

    def stack(self) -> FloatArray:
        """Return foreground, distance and border along a new first axis."""
        return np.stack([self.foreground, self.distance, self.border])


def nucleus_targets(labels: LabelImage, *, border_px: float) -> NucleusTargets:
    """Compute foreground, normalised distance and touching border.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        Instance labels, 0 = background.
    border_px : float
        A pixel of a nucleus is `border` where another nucleus lies within this distance (centre
        to centre), and so is a background pixel between two nuclei that are that close to it.

    Returns
    -------
    NucleusTargets
        The edge of the array counts as inside: a nucleus cut by it has its largest distance
        there, as far as can be seen.

    Raises
    ------
    InputError
        If ``labels`` is not an image of whole numbers.

    Examples
    --------
    >>> nucleus_targets(np.array([[0, 1, 1, 1, 0]]), border_px=1.5).distance
    array([[0. , 0.5, 1. , 0.5, 0. ]], dtype=float32)
    """
    check_label_image(labels, name="labels")
    inside = labels > 0
    return NucleusTargets(
        foreground=inside.astype(np.float32),
        distance=_normalised_distance(labels),
        border=_touching_border(labels, border_px).astype(np.float32),
    )


def centre_offsets(labels: LabelImage) -> tuple[FloatArray, BoolArray]:
    """Compute the offset from each pixel to the centroid of its nucleus.

    The idea is that of Neven et al. (Instance segmentation by jointly optimizing spatial
    embeddings, CVPR 2019), with offsets that are predicted directly.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        Instance labels, 0 = background.

    Returns
    -------
    offsets : ndarray of float32, shape (axes, *labels.shape)
        Along each axis 0.5 + offset / (2 * `OFFSET_REACH_PX`), within 0..1; 0.5 in background.
    known : ndarray of bool
        Where a nucleus is seen whole. The centre of one that the edge cuts is not known.

    Examples
    --------
    >>> offsets, known = centre_offsets(np.array([[0, 0, 0, 0, 0], [0, 1, 1, 1, 0], [0] * 5]))
    >>> (offsets[1, 1] - 0.5) * 2 * OFFSET_REACH_PX
    array([ 0.,  1.,  0., -1.,  0.], dtype=float32)
    """
    import fastremap

    rows, _ = fastremap.renumber(np.ascontiguousarray(labels, dtype=np.uint32))
    flat = rows.ravel()
    area = np.bincount(flat).clip(min=1)
    inside = rows > 0
    offsets = np.full((labels.ndim, *labels.shape), 0.5, np.float32)
    places = np.indices(labels.shape, np.float32)
    for axis, place in enumerate(places):
        centre = np.bincount(flat, weights=place.ravel()) / area
        offset = (centre[rows] - place) / (2 * OFFSET_REACH_PX) + 0.5
        offsets[axis][inside] = offset[inside].clip(0, 1)
    whole = np.ones(len(area), np.bool_)
    whole[0] = False
    for axis in range(labels.ndim):
        for edge in (0, -1):
            whole[np.take(rows, edge, axis)] = False
    return offsets, whole[rows]


def _normalised_distance(labels: LabelImage) -> FloatArray:
    import edt
    import fastremap

    rows, _ = fastremap.renumber(np.ascontiguousarray(labels, dtype=np.uint32))
    distance = edt.edt(rows, black_border=False, parallel=1)
    # An array filled by one nucleus has no border: its distance is infinite, that is 1.
    distance = np.where(np.isfinite(distance), distance, 1.0).astype(np.float32)
    largest = np.ones(int(rows.max(initial=0)) + 1, np.float32)
    np.maximum.at(largest, rows.ravel(), distance.ravel())
    return np.where(rows > 0, distance / largest[rows], 0).astype(np.float32)


def _touching_border(labels: LabelImage, reach: float) -> BoolArray:
    """Return where two nuclei lie within ``reach``: largest and smallest label there differ."""
    radius = int(np.ceil(reach))
    no_label = np.iinfo(np.int64).max
    stored = np.pad(labels.astype(np.int64), radius)
    empty = np.where(stored > 0, stored, no_label)
    highest = np.zeros(labels.shape, np.int64)
    lowest = np.full(labels.shape, no_label)
    for offset in np.ndindex(*(2 * radius + 1,) * labels.ndim):
        if sum((o - radius) ** 2 for o in offset) <= reach * reach:
            window = tuple(slice(o, o + n) for o, n in zip(offset, labels.shape, strict=True))
            np.maximum(highest, stored[window], out=highest)
            np.minimum(lowest, empty[window], out=lowest)
    return np.asarray((highest > 0) & (lowest != highest))
