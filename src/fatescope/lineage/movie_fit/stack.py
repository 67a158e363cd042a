"""The frames of a movie, small, and as sums of waves: what tables are laid on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray

LONGER_PX = 128
"""About the longer side of a small frame; a nucleus of a middle stage is ten pixels wide."""
_BRIGHTEST = 4.0
"""Standard deviations above the mean that count as brightest: one flash is not all of a frame."""
_ROOM = 1.25
"""Frames are laid in a larger field, so that what leaves on one side does not enter opposite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameStack:
    """Small frames with mean 0 and length 1.

    Parameters
    ----------
    waves : ndarray of complex64, shape (frames, rows, columns / 2 + 1)
        Their Fourier transforms.
    shape : tuple of 2 ints
        Rows and columns of the small frames.
    field : tuple of 2 ints
        Rows and columns that the transforms belong to.
    times : int
        Pixels of the movie that make one.
    """

    waves: NDArray[np.complex64]
    shape: tuple[int, int]
    field: tuple[int, int]
    times: int

    def __len__(self) -> int:
        return len(self.waves)

    @classmethod
    def of(cls, planes: Iterable[NDArray[np.generic]], *, longer_px: int = LONGER_PX) -> FrameStack:
        """Return the frames of a movie, read one after the other.

        Parameters
        ----------
        planes : iterable of ndarray, shape (Y, X)
        longer_px : int
            About the longer side of a small frame.
        """
        small, times = [], 0
        for plane in planes:
            times = times or max(1, round(max(plane.shape) / longer_px))
            small.append(_small(plane, times))
        return cls.of_small(np.stack(small), times=times)

    @classmethod
    def of_small(cls, small: FloatArray, *, times: int) -> FrameStack:
        """Return frames that are small already, shape (frames, rows, columns)."""
        from scipy.fft import next_fast_len, rfft2

        level = small - small.mean(axis=(1, 2), keepdims=True)
        spread = np.maximum(small.std(axis=(1, 2), keepdims=True), 1e-6)
        level = np.minimum(level, _BRIGHTEST * spread)
        level -= level.mean(axis=(1, 2), keepdims=True)
        length = np.sqrt((level**2).sum(axis=(1, 2), keepdims=True))
        level /= np.maximum(length, 1e-6)
        rows, columns = (next_fast_len(round(n * _ROOM), real=True) for n in small.shape[1:])
        waves = rfft2(level.astype(np.float32), s=(rows, columns))
        return cls(
            waves=waves.astype(np.complex64),
            shape=(small.shape[1], small.shape[2]),
            field=(rows, columns),
            times=times,
        )


def coarser(stack: FrameStack, by: int) -> FrameStack:
    """Return the same frames, ``by`` times smaller again."""
    from scipy.fft import irfft2

    level = irfft2(stack.waves, s=stack.field)[:, : stack.shape[0], : stack.shape[1]]
    rows, columns = (n // by for n in stack.shape)
    part = level[:, : rows * by, : columns * by]
    small = part.reshape(len(part), rows, by, columns, by).mean(axis=(2, 4))
    return FrameStack.of_small(small, times=stack.times * by)


def _small(plane: NDArray[np.generic], times: int) -> FloatArray:
    rows, columns = (n // times for n in plane.shape)
    part = plane[: rows * times, : columns * times].astype(np.float32)
    part = np.nan_to_num(part, posinf=0, neginf=0)
    lines = part.reshape(rows, times, columns * times).sum(axis=1)
    return np.asarray(lines.reshape(rows, columns, times).sum(axis=2) / times**2)
