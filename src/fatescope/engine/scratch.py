"""Rows that wait in a file beside the output, for planes larger than memory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fatescope.base import RunError, escape, explain_os_error
from fatescope.storage import PART_SUFFIX


class FileRows:
    """An array in an unnamed file: written and read in full rows, gone when it is closed.

    Plain reads and writes, not a memory-map, so that pages do not count as our memory.
    """

    def __init__(self, folder: Path, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self._folder = folder
        self._dtype = np.dtype(dtype)
        self._columns = shape[1]
        self._row_bytes = shape[1] * self._dtype.itemsize
        self._held: tuple[int, int, NDArray[Any]] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=folder, suffix=PART_SUFFIX)
        except OSError as error:
            raise RunError(f"{escape(folder)}: {explain_os_error(error)}") from error
        self._file = os.fdopen(descriptor, "w+b")
        self._path = Path(name)
        with contextlib.suppress(OSError):  # Windows keeps the name until the file is closed
            self._path.unlink()

    def write(self, first: int, rows: NDArray[Any], /) -> None:
        """Put ``rows`` at row ``first``.

        Raises
        ------
        RunError
            If no space is left.
        """
        self._held = None
        data = np.ascontiguousarray(rows, dtype=self._dtype)
        try:
            self._file.seek(first * self._row_bytes)
            self._file.write(data.data)
        except OSError as error:
            raise RunError(f"{escape(self._folder)}: {explain_os_error(error)}") from error

    def read(self, first: int, stop: int, /) -> NDArray[Any]:
        """Return rows ``first..stop``; the last answer is kept, for a reader of tiles."""
        if self._held is None or self._held[:2] != (first, stop):
            self._file.seek(first * self._row_bytes)
            rows = np.empty((stop - first, self._columns), self._dtype)
            got = self._file.readinto(rows.data.cast("B"))
            if got != rows.nbytes:
                raise RunError(f"{escape(self._folder)}: scratch rows {first}..{stop} are missing.")
            self._held = first, stop, rows
        return self._held[2]

    def close(self) -> None:
        """Close the file; the operating system frees its space."""
        self._held = None
        self._file.close()
        self._path.unlink(missing_ok=True)


class FileScratch:
    """Makes `FileRows` in a folder.

    Parameters
    ----------
    folder : path
        Beside the output, on the same disk. Files there have no name, or end in the suffix of
        parts, so that a killed run leaves nothing behind.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)

    def rows(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> FileRows:
        """Return space for an array of ``shape``."""
        return FileRows(self._folder, shape, np.dtype(dtype))
