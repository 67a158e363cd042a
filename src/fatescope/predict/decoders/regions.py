"""Regions of a part of a plane, and what the routes to them share. Whole numbers throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.numeric import find_runs
from fatescope.predict.tiling import FULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOLE_PX = 16
"""Holes in the foreground of at most so many pixels are closed."""


@dataclass(frozen=True, slots=True)
class Regions:
    """Regions of a part of a plane, before they are merged and filtered.

    Parameters
    ----------
    labels : ndarray of int32, shape of the part
        1..n; regions up to ``n_cores`` have a core, the others are weak. Right on the own rows
        and the row before them.
    cores : tuple of ndarray of int32
        Labels of cores on the rows around the first and the last own edge: as many rows as a
        pixel's core can be away.
    height : ndarray of int32, shape of the part
        What was climbed.
    peak : ndarray of int64, shape (n,)
        The greatest height of each region, as far as this part accounts for it.
    border : ndarray of uint8, shape of the part, or None
        What was predicted between nuclei; None where a model does not draw it.
    """

    labels: NDArray[np.int32]
    cores: tuple[NDArray[np.int32], NDArray[np.int32]]
    height: NDArray[np.int32]
    peak: NDArray[np.int64]
    border: NDArray[np.uint8] | None
    n: int
    n_cores: int


def within(rows: slice, seen: slice) -> slice:
    """Return where ``rows`` are in a part that begins with ``seen``."""
    return slice(rows.start - seen.start, rows.stop - seen.start)


def binomial(values: NDArray[np.int32], axis: int) -> NDArray[np.int32]:
    """Return sums of each value's neighbours along an axis and twice itself; 0 outside."""
    out = values * 2
    lower, upper = shifted(axis, values.ndim)
    out[upper] += values[lower]
    out[lower] += values[upper]
    return out


def shifted(axis: int, ndim: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return what all but the last, and all but the first, along an axis are."""
    whole = [slice(None)] * ndim
    lower, upper = list(whole), list(whole)
    lower[axis], upper[axis] = slice(None, -1), slice(1, None)
    return tuple(lower), tuple(upper)


def find_foreground(prediction: NDArray[np.uint8], *, least: float) -> NDArray[np.bool_]:
    """Return the foreground, with holes of at most `HOLE_PX` pixels closed."""
    foreground = prediction >= max(1, round(least * FULL))
    outside, n = components(~foreground)
    runs = find_runs([outside.reshape(-1)])
    (piece,) = runs.values
    area = np.bincount(piece, weights=runs.length, minlength=n + 1)
    hole = (area <= HOLE_PX)[piece] & (piece > 0)
    for first, pixels in zip(runs.start[hole].tolist(), runs.length[hole].tolist(), strict=True):
        foreground.reshape(-1)[first : first + pixels] = True
    return foreground


def components(
    inside: NDArray[np.bool_] | NDArray[np.int32],
) -> tuple[NDArray[np.int32], int]:
    """Label connected components of equal values; pixels that meet at a corner only are apart."""
    import cc3d

    labels, n = cc3d.connected_components(
        inside, connectivity=(4, 6)[inside.ndim - 2], return_N=True, out_dtype=np.uint32
    )
    return labels.view(np.int32), int(n)
