"""Pixels that are read when they are sliced: a frame for all formats.

A format says how to read a rectangle of one plane; this module does the rest: keys, steps,
negative numbers, and the order of axes.
"""

from __future__ import annotations

import itertools
import math
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import FileFormatError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import Finding


_LARGE_BYTES = 2**28  # below, the free memory is not asked for


class FrameError(FileFormatError):
    """One frame of a movie cannot be decoded, and others can."""


class OwnLock:
    """A lock for the threads that read one open file; in another process it is a new one."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __reduce__(self) -> tuple[type[OwnLock], tuple[()]]:
        return OwnLock, ()


class PlanePixels(ABC):
    """An array of planes, of which only the asked rectangles are read.

    Parameters
    ----------
    shape : tuple of int
        Lengths of the axes; the last two are Y and X.
    dtype : dtype
        As the file stores it; nothing converts it but the byte order.
    notes : tuple of Finding
        What the reader noticed about the file, for `check_image`.
    """

    def __init__(
        self, *, shape: tuple[int, ...], dtype: np.dtype[Any], notes: tuple[Finding, ...] = ()
    ) -> None:
        self.shape = shape
        self.dtype = dtype.newbyteorder("=")
        self.notes = notes

    @abstractmethod
    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Return the rectangle ``rows`` x ``columns`` (step 1) of the plane at index ``at``.

        Several threads may ask at once: whoever looks at an image asks for many of its tiles.
        """

    @property
    def smaller(self) -> Sequence[PlanePixels]:
        """The same planes in smaller sizes, where the file holds them (a pyramid)."""
        return ()

    @property
    def whole_rows(self) -> bool:
        """Whether the file stores whole rows, so that a part of some costs as much as all."""
        return False

    @property
    def at_once(self) -> int:
        """Bytes that are decoded for a single pixel, where a file is compressed as a whole."""
        return 0

    def forget(self) -> None:  # noqa: B027 (most readers keep nothing)
        """Drop what was decoded and kept; it is decoded again when it is asked for."""

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        picks = [_picked(k, n) for k, n in zip(self._full(key), self.shape, strict=True)]
        leading, rows, columns = picks[:-2], picks[-2], picks[-1]
        dropped = tuple(0 if isinstance(k, int) else slice(None) for k in self._full(key))
        _refuse_too_much(math.prod(len(p) for p in picks) * self.dtype.itemsize)
        y, x = _hull(rows), _hull(columns)
        lengths = [len(p) for p in picks]
        alone = lengths == [1] * len(leading) + [len(y), len(x)] and rows.step == columns.step == 1
        out = np.empty(lengths, dtype=self.dtype)
        if len(y) and len(x):
            for place in itertools.product(*(range(len(p)) for p in leading)):
                at = tuple(p[i] for p, i in zip(leading, place, strict=True))
                block = self.read_plane(at, y, x)
                if alone and block.base is None:  # no part of what the reader keeps: as it is
                    return np.asarray(block.reshape(lengths)[dropped])
                out[place] = block[_steps(rows, y), _steps(columns, x)]
        return np.asarray(out[dropped])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[...], dtype=dtype)

    def _full(self, key: Any) -> tuple[int | slice, ...]:
        parts = list(key) if isinstance(key, tuple) else [key]
        if any(p is Ellipsis for p in parts):
            at = next(i for i, p in enumerate(parts) if p is Ellipsis)
            parts[at : at + 1] = [slice(None)] * (self.ndim - len(parts) + 1)
        parts += [slice(None)] * (self.ndim - len(parts))
        whole = [p if isinstance(p, slice) else int(p) for p in parts]
        if len(whole) != self.ndim:
            raise InputError(f"{len(whole)} indices were given for {self.ndim} axes.")
        return tuple(whole)


def _refuse_too_much(size: int) -> None:
    """Raise where the part that is asked for is larger than the memory that is free."""
    if size < _LARGE_BYTES:
        return
    import psutil

    free = psutil.virtual_memory().available
    if size > free:
        raise InputError(
            f"{size / 1e9:.3g} GB of pixels are asked for at once, and {free / 1e9:.3g} GB of "
            "memory are free. Read a smaller part."
        )


def _picked(key: int | slice, length: int) -> range:
    if isinstance(key, slice):
        return range(*key.indices(length))
    if not -length <= key < length:
        raise InputError(f"index {key} is outside an axis of length {length}.")
    return range(key % length, key % length + 1)


def _hull(picks: range) -> range:
    return range(min(picks), max(picks) + 1) if len(picks) else range(0)


def _steps(picks: range, hull: range) -> slice:
    """Return the slice of the block that covers ``hull`` which gives ``picks``."""
    start = picks.start - hull.start
    stop = start + picks.step * len(picks)
    return slice(start, None if stop < 0 else stop, picks.step)


class _OfAnother(PlanePixels):
    """Planes of another array, ``source``."""

    source: PlanePixels

    @property
    def whole_rows(self) -> bool:
        """Whether the file stores whole rows."""
        return self.source.whole_rows

    @property
    def at_once(self) -> int:
        """Bytes that are decoded for a single pixel."""
        return self.source.at_once

    def forget(self) -> None:
        """Drop what was decoded and kept."""
        self.source.forget()


class Reordered(_OfAnother):
    """The planes of another array with the leading axes in another order.

    ``order[i]`` is the stored position of leading axis ``i``; Y and X stay last.
    """

    def __init__(self, source: PlanePixels, order: tuple[int, ...]) -> None:
        lengths = tuple(source.shape[i] for i in order)
        super().__init__(shape=lengths + source.shape[-2:], dtype=source.dtype, notes=source.notes)
        self.source = source
        self.order = order

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read the plane from its stored place."""
        stored = [0] * len(at)
        for place, index in zip(self.order, at, strict=True):
            stored[place] = index
        return self.source.read_plane(tuple(stored), rows, columns)


class Chosen(_OfAnother):
    """An array with one leading axis fixed at an index, such as one of three equal channels."""

    def __init__(self, source: PlanePixels, axis: int, index: int) -> None:
        shape = source.shape[:axis] + source.shape[axis + 1 :]
        super().__init__(shape=shape, dtype=source.dtype, notes=source.notes)
        self.source = source
        self.axis = axis
        self.index = index

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read the plane at the fixed index."""
        return self.source.read_plane(
            (*at[: self.axis], self.index, *at[self.axis :]), rows, columns
        )


class Trimmed(_OfAnother):
    """An array of which a leading axis ends after ``length``, such as colours without alpha."""

    def __init__(self, source: PlanePixels, axis: int, length: int) -> None:
        shape = (*source.shape[:axis], length, *source.shape[axis + 1 :])
        super().__init__(shape=shape, dtype=source.dtype, notes=source.notes)
        self.source = source

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read the plane where it lies."""
        return self.source.read_plane(at, rows, columns)


class Widened(_OfAnother):
    """An array with a new first axis of length 1."""

    def __init__(self, source: PlanePixels) -> None:
        super().__init__(shape=(1, *source.shape), dtype=source.dtype, notes=source.notes)
        self.source = source

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read the plane where it lies."""
        return self.source.read_plane(at[1:], rows, columns)


class Inverted(_OfAnother):
    """An array in which 0 is white, turned round: light is light again."""

    def __init__(self, source: PlanePixels, *, bits: int) -> None:
        super().__init__(shape=source.shape, dtype=source.dtype, notes=source.notes)
        self.source = source
        self.bits = bits

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read the plane, and subtract it from the highest value of so many bits."""
        block = self.source.read_plane(at, rows, columns)
        return np.asarray(block.dtype.type(2**self.bits - 1) - block)


class Signed(_OfAnother):
    """An array of signed 16 bit numbers that were stored 32,768 higher, as ImageJ does."""

    def __init__(self, source: PlanePixels) -> None:
        super().__init__(shape=source.shape, dtype=np.dtype(np.int16), notes=source.notes)
        self.source = source

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read the plane, and take off what was added."""
        return (self.source.read_plane(at, rows, columns) ^ np.uint16(0x8000)).view(np.int16)


class Held(PlanePixels):
    """An array that is in memory already, such as a small image that was decoded whole."""

    def __init__(self, pixels: NDArray[Any], *, notes: tuple[Finding, ...] = ()) -> None:
        super().__init__(shape=pixels.shape, dtype=pixels.dtype, notes=notes)
        self.pixels = pixels

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Slice the array."""
        plane = self.pixels[at]
        return np.asarray(plane[rows.start : rows.stop, columns.start : columns.stop])
