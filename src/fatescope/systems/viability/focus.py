"""Which frames are out of focus beside the others of their movie or plate.

What is sharp depends on the microscope and on the cells, so a frame is compared with its like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import Finding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray

BLURRED = 0.5
"""A frame is out of focus if its edges are this share of what is usual."""
LEAST_FRAMES = 3
"""Fewer frames do not tell what is usual."""


def sharpness_shares(sharpness: FloatArray) -> FloatArray:
    """Return how sharp frames are beside the usual one; NaN where nothing is to be seen.

    Parameters
    ----------
    sharpness : ndarray, shape (n,)
        Of `LevelledPlane`; NaN of a frame that shows nothing.
    """
    known = np.isfinite(sharpness)
    usual = float(np.median(sharpness[known])) if known.any() else 0.0
    # Where the usual frame has no edges at all, none is softer than it.
    return np.asarray(sharpness / usual if usual else np.where(known, 1.0, np.nan))


def blurred_frames(sharpness: Sequence[float]) -> dict[int, float]:
    """Return the numbers of the frames of a movie that are out of focus, and how sharp they are."""
    values = np.array(sharpness, dtype=np.float64)
    if np.isfinite(values).sum() < LEAST_FRAMES:
        return {}
    shares = sharpness_shares(values)
    return {int(t): round(float(shares[t]), 3) for t in np.flatnonzero(shares < BLURRED)}


def blurred_finding(blurred: dict[int, float], *, file: str, among: str, so: str) -> Finding:
    """Return one finding for frames that are out of focus.

    Parameters
    ----------
    blurred : dict of int to float
        As `blurred_frames` returns them, not empty.
    file : str
    among : str
        What is usual where: ``movie`` or ``plate``.
    so : str
        What follows for the cells, one sentence.
    """
    n, first, share = len(blurred), min(blurred), min(blurred.values())
    which = f"frame {first} is" if n == 1 else f"{n} frames (the first is {first}) are"
    return Finding(
        file=file,
        frame=first,
        rule="blurred",
        severity="warning",
        value=share,
        limit=BLURRED,
        reason=f"{which} out of focus: edges have {share:.0%} of the sharpness that is usual in "
        f"the {among}. {so}",
    )
