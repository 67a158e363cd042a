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
