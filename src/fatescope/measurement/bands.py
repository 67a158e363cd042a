"""Measure the objects of a frame in bands of rows, so that memory holds a band and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.measurement.sums import ObjectSums
from fatescope.measurement.table import objects_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.base.table import Table

BAND_ROWS = 512


def measure_in_bands(
    labels: Callable[[int, slice], NDArray[Any]],
    intensities: Callable[[int, slice], Mapping[str, NDArray[Any]]],
    *,
    shape: tuple[int, ...],
    spacing_um: Sequence[float] | None = None,
    frame: int = 0,
) -> Table:
    """Measure the objects of one frame that is read plane by plane, band by band.

    Parameters
    ----------
    labels : callable
        ``labels(z, rows)`` returns a band of a plane, shape (rows, X); 0 is background.
    intensities : callable
        ``intensities(z, rows)`` returns the channels of that band by name.
    shape : tuple of int
        Of the frame, (Y, X) or (Z, Y, X).
    spacing_um, frame
        As for `objects_table`.

    Returns
    -------
    Table
        That of `objects_table`, the same to the bit for any height of the bands.
    """
    solid = len(shape) == 3
    sums = []
    for z in range(shape[0] if solid else 1):
        for first in range(0, shape[-2], BAND_ROWS):
            rows = slice(first, min(first + BAND_ROWS, shape[-2]))
            block, channels = labels(z, rows), intensities(z, rows)
            if solid:
                block, channels = block[None], {n: c[None] for n, c in channels.items()}
            origin = (z, first, 0) if solid else (first, 0)
            sums.append(ObjectSums.of_block(block, channels, origin=origin))
    return objects_table(ObjectSums.merged(sums), shape=shape, spacing_um=spacing_um, frame=frame)
