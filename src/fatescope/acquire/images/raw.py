"""Pixels that stand in a file one after another, as they are: a rectangle is read row by row."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.lazy import PlanePixels
from fatescope.base import FileFormatError, escape

if TYPE_CHECKING:
    from numpy.typing import NDArray


class RawPixels(PlanePixels):
    """Planes of a file without compression, the last axis fastest.

    Parameters
    ----------
    path : Path
    start : int
        Where the first pixel stands, in bytes.
    shape : tuple of int
        Y and X last.
    dtype : dtype
        With the byte order of the file.
    """

    def __init__(
        self, path: Path, *, start: int, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        super().__init__(shape=shape, dtype=dtype)
        self._path, self._start, self._stored = path, start, dtype

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read whole rows, and keep the asked columns."""
        height, width = self.shape[-2:]
        number = int(np.ravel_multi_index(at, self.shape[:-2])) if at else 0
        first = (number * height + rows.start) * width
        start = self._start + first * self._stored.itemsize
        values = np.fromfile(self._path, self._stored, count=len(rows) * width, offset=start)
        if len(values) != len(rows) * width:
            raise FileFormatError(
                f"{escape(self._path)}: ends within plane {at}. Copy or export it again."
            )
        block = values.reshape(len(rows), width)[:, columns.start : columns.stop]
        return block.astype(self.dtype, copy=False)
