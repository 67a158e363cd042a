"""Outlines drawn by hand to labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CORNERS = 3  # fewer enclose nothing


def fill_outlines(
    outlines: Sequence[Sequence[tuple[float, float]]], shape: tuple[int, int]
) -> NDArray[np.uint16]:
    """Return labels of outlines drawn by hand: the first is 1, the second 2, and so on.

    Parameters
    ----------
    outlines : sequence of sequences of (y, x)
        Corners of each cell in pixels, centres at whole numbers, in either direction around it;
        as the drawing pad of a notebook gives them. They may leave the image.
    shape : (int, int)
        Rows and columns of the image.

    Returns
    -------
    ndarray of uint16, shape (Y, X)
        0 is background. A pixel belongs to the cell in whose outline its centre lies; where two
        overlap, to the one that was drawn first.

    Raises
    ------
    InputError
        If an outline has fewer than three corners, or holds no pixel that is still free; it is
        named by its number.

    Examples
    --------
    >>> fill_outlines([[(0, 0), (0, 2), (1, 2), (1, 0)]], (3, 4))
    array([[1, 1, 1, 0],
           [1, 1, 1, 0],
           [0, 0, 0, 0]], dtype=uint16)
    """
    from skimage.draw import polygon

    most = np.iinfo(np.uint16).max
    if len(outlines) > most:
        raise InputError(f"outlines: {len(outlines)} are more than the {most} that labels hold.")
    labels = np.zeros(shape, np.uint16)
    for number, outline in enumerate(outlines, start=1):
        corners = np.asarray(outline, np.float64)
        if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < _CORNERS:
            raise InputError(
                f"outline {number} must have three corners or more, each y, x; got "
                f"{len(outline)} of them. Draw it again, or leave it out."
            )
        if not np.isfinite(corners).all():
            raise InputError(f"outline {number} has a corner that is no number.")
        inside = polygon(corners[:, 0], corners[:, 1], labels.shape)
        free = labels[inside] == 0
        if not free.any():
            raise InputError(
                f"outline {number} holds no pixel of the image that is still free. It lies "
                "outside, or under outlines drawn before it: leave it out."
            )
        labels[inside] = np.where(free, number, labels[inside])
    return labels
