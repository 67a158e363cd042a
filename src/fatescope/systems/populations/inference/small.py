"""A frame as the network sees it: small, level, and padded. The same in training and prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray

LONGER_PX = 184
"""About the longer side of a small frame: nuclei of 350 cells are then eight pixels wide."""
DIVISOR = 16
"""Rows and columns of what the network takes are multiples of this."""
_LEVEL_PERCENTILES = 25.0, 99.5
_DIMMEST = 10 / 255
"""What is called bright at least, as a share of white: noise alone is not stretched to nuclei."""


def reduction(shape: tuple[int, int]) -> int:
    """Return how many pixels along each axis become one.

    Parameters
    ----------
    shape : tuple of 2 ints
        Rows and columns of the movie.
    """
    return max(1, round(max(shape) / LONGER_PX))


def shrink_frame(plane: NDArray[np.generic], times: int) -> FloatArray:
    """Return block means, float32; rows and columns that fill no block are left out.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
    times : int
        From `reduction`.
    """
    rows, columns = (n // times for n in plane.shape)
    part = plane[: rows * times, : columns * times].astype(np.float32, copy=False)
    # Along rows first: whole lines are added, which is quicker than means of small blocks.
    lines = np.add.reduce(part.reshape(rows, times, columns * times), axis=1)
    small = lines.reshape(rows, columns, times).sum(axis=2, dtype=np.float32)
    return np.asarray(small / np.float32(times * times))


def level_frame(small: FloatArray, *, white: float) -> FloatArray:
    """Return a small frame with 0 as its background and 1 as its bright nuclei, float32.

    Parameters
    ----------
    small : ndarray of float, shape (Y, X)
        From `shrink_frame`. NaN and infinite values count as background.
    white : float
        The value that the movie shows as white; 255 for 8 bits.
    """
    values = np.nan_to_num(small.astype(np.float32), posinf=0, neginf=0)
    low, high = np.percentile(values, _LEVEL_PERCENTILES)
    span = max(float(high - low), _DIMMEST * white)
    return np.asarray(np.clip((values - low) / span, 0, 2), dtype=np.float32)


def pad_frame(level: FloatArray) -> FloatArray:
    """Return a frame with background below and on the right, up to multiples of `DIVISOR`."""
    rows, columns = (-n % DIVISOR for n in level.shape)
    return np.pad(level, ((0, rows), (0, columns)))
