"""One pass over a movie: a few numbers and a thumbnail of every frame, and nothing else kept.

All decisions (`fatescope.clean.frames`) are made on this record, so a movie of any length is read
once, a frame at a time, and takes about 25 KB per frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray

SMALL = 96
"""Longest side of the thumbnails, in their pixels."""
_RED, _OTHER = 0.75, 0.28
"""Saturated red: red above, green and blue below these shares of the range (the codec stores colour
at half resolution, so a pure red is not found again as it was)."""
_LEAST_PX = 16
_TOGETHER = 64
"""Thumbnails that are kept in one array."""
_END = 250
"""Grey level from which a pixel counts as saturated."""
_CODEC = 6
"""Grey levels by which a codec may change what stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameRecord:
    """What is kept of ``n`` frames."""

    small: NDArray[np.float32]  # (n, y, x): mean of the colours, averaged over blocks
    red: NDArray[np.float32]  # (n, y, x): share of each block that is saturated red
    block: int  # pixels along the side of a block
    change: FloatArray  # (n,) mean absolute difference to the frame before, pairs of 2 x 2 pixels
    moved: FloatArray  # (n,) share of those that differ by more than a codec would do
    mean: FloatArray  # (n,) of all pixels, grey levels of 0-255
    peak: FloatArray  # (n,) 99.5th percentile
    sharp: FloatArray  # (n,) second differences of the thumbnail by its contrast
    white: FloatArray  # (n,) share of pixels at the end of the range, in any colour

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.mean)


def record_frames(frames: Iterable[NDArray[Any]], *, highest: float) -> FrameRecord:
    """Read frames once, one after the other, and keep what the rules need.

    Parameters
    ----------
    frames : iterable of ndarray, shape (Y, X) or (C, Y, X)
        Of one shape. Three channels are red, green, blue.
    highest : float
        End of the range of the values, 255 for 8 bit.

    Raises
    ------
    InputError
        If there is no frame, or frames are smaller than 16 x 16 pixels.
    """
    rows: list[dict[str, float]] = []
    thumbnails: dict[str, _Stack] = {"small": _Stack(), "red": _Stack()}
    before: NDArray[np.int16] | None = None
    block = 1
    for pixels in frames:
        colours = _eight_bits(pixels if pixels.ndim == 3 else pixels[None], highest)
        block = max(-(-max(colours.shape[1:]) // (2 * SMALL)), 1)
        if min(colours.shape[1:]) < _LEAST_PX:
            raise InputError(
                f"frames of {colours.shape[2]} x {colours.shape[1]} pixels are too small to be "
                f"checked; {_LEAST_PX} x {_LEAST_PX} are the least."
            )
        half = _half(colours)
        small = block_means(half, block) / np.float32(4)
        thumbnails["small"].add(small)
        thumbnails["red"].add(block_means(_is_red(colours[:, ::2, ::2]), block))
        rows.append({**_measured(small, half, before), "white": _white(colours)})
        before = half
    if not rows:
        raise InputError("a movie without frames cannot be checked.")
    column = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    kept = {name: stack.whole() for name, stack in thumbnails.items()}
    return FrameRecord(block=2 * block, **kept, **column)


class _Stack:
    """Thumbnails one after the other, kept in blocks of some frames.

    Each on its own would lie between the large arrays of the frames and keep their memory from
    being used again: 350 MB of it for 389 frames of 512 x 752.
    """

    def __init__(self) -> None:
        self._blocks: list[NDArray[np.float32]] = []
        self._n = 0

    def add(self, thumbnail: NDArray[np.float32]) -> None:
        place = self._n % _TOGETHER
        if place == 0:
            self._blocks.append(np.zeros((_TOGETHER, *thumbnail.shape), dtype=np.float32))
        self._blocks[-1][place] = thumbnail
        self._n += 1

    def whole(self) -> NDArray[np.float32]:
        return np.concatenate(self._blocks)[: self._n]


def _measured(
    small: NDArray[np.float32], half: NDArray[np.int16], before: NDArray[np.int16] | None
) -> dict[str, float]:
    apart = None if before is None else np.abs(half - before)
    contrast = float(small.std())
    bright = max(small.size // 100, 1)
    return {
        "change": np.nan if apart is None else float(apart.mean()) / 4,
        "moved": np.nan
        if apart is None
        else float(np.count_nonzero(apart > 4 * _CODEC)) / apart.size,
        "mean": float(small.mean()),
        "peak": float(np.partition(small.ravel(), -bright)[-bright]),
        "sharp": _roughness(small) / contrast if contrast > 0 else 0.0,
    }


def _eight_bits(colours: NDArray[Any], highest: float) -> NDArray[np.uint8]:
    """Return values from 0 to 255; NaN and what lies below 0 are 0."""
    if colours.dtype == np.uint8 and highest == 255:
        return np.ascontiguousarray(colours)
    scaled = np.nan_to_num(colours.astype(np.float32)) * np.float32(255 / highest)
    return np.asarray(np.clip(np.rint(scaled), 0, 255), dtype=np.uint8)


def block_means(plane: NDArray[Any], block: int) -> NDArray[np.float32]:
    """Return means over square blocks; what does not fill a block at the end is left out."""
    rows, columns = (_membership(n, block) for n in plane.shape)
    return np.asarray(rows @ plane.astype(np.float32) @ columns.T, dtype=np.float32)


@lru_cache(maxsize=8)
def _membership(length: int, block: int) -> NDArray[np.float32]:
    """Return which pixels each block averages, shape (blocks, length)."""
    side = min(block, length)
    n = length // side
    inside = np.arange(length) // side == np.arange(n)[:, None]
    return np.asarray(inside / np.float32(side), dtype=np.float32)


def _half(colours: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Return sums over 2 x 2 pixels of the mean of the colours, from 0 to 1020."""
    height, width = (s - s % 2 for s in colours.shape[1:])
    grey = colours[0, :height, :width].astype(np.uint16)
    for colour in colours[1:]:
        grey += colour[:height, :width]
    rows = grey[::2] + grey[1::2]
    return ((rows[:, ::2] + rows[:, 1::2]) // np.uint16(len(colours))).astype(np.int16)


def _white(colours: NDArray[np.uint8]) -> float:
    """Return the share of pixels that are as bright as can be, in any colour."""
    some = colours[:, ::2, ::2].max(axis=0)
    return float(np.count_nonzero(some >= _END) / some.size)


def _is_red(colours: NDArray[np.uint8]) -> BoolArray:
    if len(colours) != 3:
        return np.zeros(colours.shape[1:], dtype=np.bool_)
    others = np.maximum(colours[1], colours[2])
    return np.asarray((colours[0] > round(_RED * 255)) & (others < round(_OTHER * 255)))


def _roughness(small: NDArray[np.float32]) -> float:
    """Return the root mean square of the second differences in an image.

    Of the thumbnail, not of the pixels: there a codec adds and takes detail from frame to frame.
    """
    wide = np.pad(small, 1, mode="edge")
    beside = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    return float(np.sqrt(np.mean((beside - 4 * small) ** 2)))
