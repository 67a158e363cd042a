"""Rows that wait in a file beside the output, for planes that do not fit into memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fatescope.base import RunError, reason_of, shown


class FileRows:
    """An array on disk that is written and read in full-width rows.

    The file has no name (where the system allows it), so nothing is left behind by a kill. It is
    read and written, never mapped: mapped pages would count as memory of the process.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self._columns = shape[1]
        self._dtype = dtype
        self._folder = folder
        try:
            self._file = tempfile.TemporaryFile(dir=folder)
        except OSError as error:
            raise self._refused(error) from error

    def write(self, first: int, rows: NDArray[Any], /) -> None:
        """Put ``rows`` at row ``first``."""
        try:
            self._file.seek(first * self._columns * self._dtype.itemsize)
            self._file.write(np.ascontiguousarray(rows, dtype=self._dtype).data)
        except OSError as error:
            raise self._refused(error) from error

    def read(self, first: int, stop: int, /) -> NDArray[Any]:
        """Return a copy of rows ``first..stop``."""
        out = np.empty((stop - first, self._columns), self._dtype)
        self._file.seek(first * self._columns * self._dtype.itemsize)
        self._file.readinto(out.data.cast("B"))  # type: ignore[attr-defined]
        return out

    def close(self) -> None:
        """Give the space back."""
        self._file.close()

    def _refused(self, error: OSError) -> RunError:
        return RunError(f"{shown(self._folder)}: no room to work in: {reason_of(error)}")


class FileScratch:
    """Makes `FileRows` in a folder that exists.

    Parameters
    ----------
    folder : Path
        The output folder, so that the space is taken where the results go.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def rows(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> FileRows:
        """Return space for an array of ``shape``."""
        return FileRows(self._folder, shape, np.dtype(dtype))
