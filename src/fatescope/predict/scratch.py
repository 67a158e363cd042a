"""Where rows of a plane wait between two passes over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Rows(Protocol):
    """An array that is written and read in full-width rows."""

    def write(self, first: int, rows: NDArray[Any], /) -> None:
        """Put ``rows`` at row ``first``."""

    def read(self, first: int, stop: int, /) -> NDArray[Any]:
        """Return rows ``first..stop``."""

    def close(self) -> None:
        """Free the space; nothing may be read after this."""


class Scratch(Protocol):
    """Makes `Rows`: in memory, or in a file beside the output."""

    def rows(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Rows:
        """Return space for an array of ``shape``."""


class MemoryRows:
    """Rows in memory."""

    def __init__(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        self._values: NDArray[Any] = np.empty(shape, dtype)

    def write(self, first: int, rows: NDArray[Any], /) -> None:
        """Put ``rows`` at row ``first``."""
        self._values[first : first + len(rows)] = rows

    def read(self, first: int, stop: int, /) -> NDArray[Any]:
        """Return rows ``first..stop``, without a copy."""
        return self._values[first:stop]

    def close(self) -> None:
        """Let the memory go."""
        self._values = self._values[:0].copy()


class MemoryScratch:
    """Keeps everything in memory: for images that fit."""

    def rows(self, shape: tuple[int, int], dtype: np.dtype[Any]) -> Rows:
        """Return space for an array of ``shape``."""
        return MemoryRows(shape, dtype)


class NoRows:
    """Rows of zeros, for a plane in which nothing was found: it takes no space."""

    def __init__(self, columns: int) -> None:
        self._columns = columns

    def write(self, first: int, rows: NDArray[Any], /) -> None:
        """Do nothing: these rows stay zero."""

    def read(self, first: int, stop: int, /) -> NDArray[Any]:
        """Return zeros."""
        return np.zeros((stop - first, self._columns), np.uint32)

    def close(self) -> None:
        """Do nothing: there is nothing to free."""
