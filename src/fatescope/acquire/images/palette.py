"""Pixels that are numbers into a table of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.lazy import PlanePixels
from fatescope.base import FileFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def through_palette(indices: PlanePixels, palette: NDArray[Any], *, where: str) -> PlanePixels:
    """Look the pixels up in their palette, unless the palette only decorates intensities.

    A table whose brightness grows with the index is a display colour (the green or fire of
    ImageJ): the index is the intensity and stays. Any other table is an image reduced to
    few colours: its pixels are looked up, as three samples.

    Parameters
    ----------
    indices : PlanePixels
        Whole numbers.
    palette : ndarray of uint8 or uint16, shape (3, n)
    where : str
        The file, for messages.

    Returns
    -------
    PlanePixels
        ``indices`` itself, or an array with an axis of three samples before Y and X.

    Raises
    ------
    FileFormatError
        If it is no table of three colours, or (when pixels are read) an index lies outside it.
    """
    table = np.asarray(palette)
    if table.ndim != 2 or len(table) != 3:
        raise FileFormatError(_damaged(where))
    if table.dtype == np.uint16 and (table % 257 == 0).all():
        table = (table // 257).astype(np.uint8)
    elif table.dtype == np.uint16 and (table % 256 == 0).all():
        table = (table // 256).astype(np.uint8)
    grey = (table == table[:1]).all()
    brightness = table.astype(np.float64).sum(axis=0)
    if not grey and (np.diff(brightness) >= 0).all():
        return indices
    if grey and np.array_equal(table[0], np.arange(table.shape[1])):
        return indices
    return _Looked(indices, table, where)


def _damaged(where: str) -> str:
    return f"{where}: its palette is damaged. Copy or export it again."


class _Looked(PlanePixels):
    def __init__(self, indices: PlanePixels, table: NDArray[Any], where: str) -> None:
        shape = (*indices.shape[:-2], 3, *indices.shape[-2:])
        super().__init__(shape=shape, dtype=table.dtype, notes=indices.notes)
        self.indices = indices
        self.table = table
        self.where = where

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Look a rectangle up in one of the three columns of the table."""
        index = self.indices.read_plane(at[:-1], rows, columns)
        if index.dtype == bool:  # a palette of two colours
            index = index.astype(np.uint8)
        if index.size and not 0 <= int(index.min()) <= int(index.max()) < self.table.shape[1]:
            raise FileFormatError(_damaged(self.where))
        return np.asarray(self.table[at[-1]][index])
