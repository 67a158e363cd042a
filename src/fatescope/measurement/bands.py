"""Sums over the objects of an image that is read band by band; memory holds one band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fatescope.measurement.sums import ObjectSums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from fatescope.base.types import LabelImage

    ReadBand = Callable[[int, slice], tuple[LabelImage, Mapping[str, NDArray[Any]]]]

BAND_ROWS = 512  # read at a time; memory, never a result


def sum_in_bands(shape: tuple[int, ...], read: ReadBand) -> ObjectSums:
    """Sum over the objects of a frame, plane by plane and band by band.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) or (Z, Y, X).
    read : callable
        ``read(z, rows)``: labels and channels of some rows of a plane, each of shape (rows, X).
        Asked in order, for each band once.

    Returns
    -------
    ObjectSums
        The same bits as of the whole frame at once.
    """
    return ObjectSums.merged(list(_bands(shape, read)))


def _bands(shape: tuple[int, ...], read: ReadBand) -> Iterator[ObjectSums]:
    depth = shape[0] if len(shape) == 3 else 1
    for z in range(depth):
        for first in range(0, shape[-2], BAND_ROWS):
            labels, channels = read(z, slice(first, min(first + BAND_ROWS, shape[-2])))
            if len(shape) == 2:
                yield ObjectSums.of_block(labels, channels, origin=(first, 0))
            else:
                solid = {name: values[None] for name, values in channels.items()}
                yield ObjectSums.of_block(labels[None], solid, origin=(z, first, 0))
