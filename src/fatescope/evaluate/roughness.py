"""How rough the outline of a foreground is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray


def boundary_roughness(foreground: NDArray[np.bool_], *, sigma_px: float = 2.0) -> float:
    """Return how far an outline lies from its smoothed self, on average, in pixels.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X)
    sigma_px : float
        Of the Gaussian that smooths; what is finer counts as rough.

    Returns
    -------
    float
        Pixels that smoothing moves to the other side, for each pixel of the smoothed outline's
        length. NaN where nothing, or everything, is foreground after smoothing.

    Notes
    -----
    Specks count: smoothing removes them. Smoothing shrinks a disc of radius r by about
    ``sigma_px**2 / (2 * r)``, so only outlines of objects of one size are comparable. Length is
    that of Cauchy and Crofton, from crossings along rows and columns. What touches the border of
    the image is continued by mirroring.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> boundary_roughness((y - 32) ** 2 + (x - 32) ** 2 < 400) < 0.15
    True
    """
    smooth = ndi.gaussian_filter(foreground.astype(np.float32), sigma_px, mode="mirror") > 0.5
    crossings = sum(int(np.diff(smooth.astype(np.int8), axis=a).astype(bool).sum()) for a in (0, 1))
    if not crossings:
        return math.nan
    return float((smooth != foreground).sum() / (math.pi / 4 * crossings))
