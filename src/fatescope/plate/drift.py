"""How the plate moves between frames: one shift for all fields, since one stage holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.plate.match import match_overlap, show_detail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import FloatArray

_SEARCH_PX = 20.0
_LEAST_QUALITY = 0.3
"""Cells change between frames, and yet most of a field must look the same."""


def choose_fields(fields: Sequence[NDArray[Any]], n: int) -> list[int]:
    """Return the ``n`` fields with the most to see, by the spread of their detail."""
    seen = [float(np.std(show_detail(f))) for f in fields]
    return sorted(np.argsort(seen)[::-1][:n].tolist())


def measure_drift(before: Sequence[NDArray[Any]], after: Sequence[NDArray[Any]]) -> FloatArray:
    """Return how far the plate moved in the image from one frame to the next, px.

    Parameters
    ----------
    before, after : sequence of ndarray, shape (Y, X)
        The same fields at two times.

    Returns
    -------
    ndarray of float, shape (2,)
        dy, dx: what lay at a pixel lies at that pixel plus this. The median over fields, which
        leaves out what cells do by themselves; 0 where no field can tell.
    """
    found = [
        match_overlap(show_detail(a), show_detail(b), np.zeros(2), search_px=_SEARCH_PX)
        for a, b in zip(before, after, strict=True)
    ]
    sure = [-m.shift for m in found if m.quality >= _LEAST_QUALITY]
    return np.median(sure, axis=0) if sure else np.zeros(2)
