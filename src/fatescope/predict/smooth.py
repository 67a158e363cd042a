"""Smoothing of small arrays with NumPy alone: loading SciPy costs more than a whole field."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from typing import Literal

    from fatescope.base.types import FloatArray

_REACH = 4.0
"""Standard deviations after which a Gaussian ends."""


def smooth(
    values: FloatArray, *, sigma: float, beyond: Literal["edge", "zero"] = "edge"
) -> FloatArray:
    """Smooth an array with a Gaussian along all of its axes.

    Parameters
    ----------
    values : ndarray of float
    sigma : float
        Standard deviation, in pixels.
    beyond : {"edge", "zero"}
        What lies beyond the array: its edge repeated, or nothing.

    Notes
    -----
    The kernel is sampled and ends after four standard deviations, as that of SciPy.
    """
    reach = math.ceil(_REACH * sigma - 0.5)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis, length in enumerate(values.shape):
        widths = [(reach, reach) if a == axis else (0, 0) for a in range(values.ndim)]
        wide = np.pad(values, widths, mode="edge" if beyond == "edge" else "constant")
        along = np.moveaxis(wide, axis, 0)
        total = along[:length] * kernel[0]
        for k in range(1, len(kernel)):
            total += along[k : k + length] * kernel[k]
        values = np.moveaxis(total, 0, axis)
    return np.asarray(values)
