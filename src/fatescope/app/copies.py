"""A smaller copy of a large plane, made where somebody looks, and a rough view before that."""

from __future__ import annotations

import math
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Read = Callable[[slice, slice], NDArray[Any]]

_BLOCK_SIDE = 2048
"""Pixels of the plane that are made smaller at once: some tiles of a file, a moment of work."""
_ROUGH_SIDE = 16
_PATCH_SIDE = 128
_THREADS = min(3, os.cpu_count() or 1)
"""Decoding and adding release the interpreter; each thread holds a block."""
_MAKING = threading.BoundedSemaphore(_THREADS)


class SmallCopy:
    """A plane at ``1 / step`` of its size; what nobody has looked at yet is not read.

    Parameters
    ----------
    read : function
        Gives rows and columns of the plane.
    height, width : int
        Of the plane.
    step : int
        A power of 2.
    labels : bool
        As in `halved`.
    whole_rows : bool
        The file stores rows, so that a part of one costs as much as all of it.
    """

    def __init__(
        self,
        read: Read,
        *,
        height: int,
        width: int,
        step: int,
        dtype: np.dtype[Any],
        labels: bool,
        whole_rows: bool,
    ) -> None:
        self._read = read
        self._size = (height, width)
        self._step = step
        self._labels = labels
        block = max(step, _BLOCK_SIDE)
        columns = math.ceil(width / step) * step if whole_rows else block
        rows = max(step, block * block // columns // step * step)
        self._block = (rows, columns)
        self._grid = (math.ceil(height / rows), math.ceil(width / columns))
        kind = halved(np.zeros((2, 2), dtype), labels=labels).dtype
        shape = (math.ceil(height / step), math.ceil(width / step))
        self.pixels: NDArray[Any] = np.zeros(shape, kind)  # memory is taken where it is filled
        self._made: dict[tuple[int, ...], Future[None]] = {}
        self._lock = threading.Lock()

    def region(self, rows: slice, columns: slice) -> NDArray[Any]:
        """Return a part of the copy, in its own pixels, made now where it was not before."""
        spans = [
            range(s.start * self._step // n, min(math.ceil(s.stop * self._step / n), most))
            for s, n, most in zip((rows, columns), self._block, self._grid, strict=True)
        ]
        wanted = [(j, i) for j in spans[0] for i in spans[1]]
        if not all(self._is_made(place) for place in wanted):
            with _MAKING:  # a few views come soon rather than all of them late
                made = [self._make(place) for place in wanted]
            for future in made:
                future.result()
        return self.pixels[rows, columns]

    @property
    def complete(self) -> bool:
        """Whether every part was made."""
        return all(self._is_made(place) for place in np.ndindex(self._grid))

    def _is_made(self, place: tuple[int, ...]) -> bool:
        made = self._made.get(place)
        return made is not None and made.done()

    def _make(self, place: tuple[int, ...]) -> Future[None]:
        """Make one block, unless another thread does or did."""
        with self._lock:
            future = self._made.get(place)
            if future is not None:
                return future
            future = self._made[place] = Future()
        try:
            spans = [
                slice(k * n, min((k + 1) * n, most))
                for k, n, most in zip(place, self._block, self._size, strict=True)
            ]
            part = _smaller(self._read(*spans), self._step, labels=self._labels)
            top, left = (s.start // self._step for s in spans)
            self.pixels[top : top + part.shape[0], left : left + part.shape[1]] = part
        except BaseException as error:
            with self._lock:
                del self._made[place]  # the next who looks tries again
            future.set_exception(error)
            raise
        future.set_result(None)
        return future

    @cached_property
    def patches(self) -> NDArray[Any]:
        """The middle of each of some 15 x 15 parts, shape (rows, columns, y, x), as in the copy.

        They are read long before the copy is complete, and tell how bright the plane is.
        """
        height, width = self._size
        part = rough_part(height, width)
        side = min(_PATCH_SIDE, part)

        def start(n: int, most: int) -> int:
            middle = min(n * part + part // 2, (n * part + most) // 2)
            return max(0, min(middle // side * side, most - side))

        ys, xs = ([start(n, m) for n in range(math.ceil(m / part))] for m in (height, width))

        def patch(place: tuple[int, int]) -> NDArray[Any]:
            y, x = place
            read = self._read(slice(y, y + side), slice(x, x + side))
            return _smaller(read, min(self._step, side), labels=self._labels)

        with ThreadPoolExecutor(_THREADS) as threads:
            found = list(threads.map(patch, [(y, x) for y in ys for x in xs]))
        return np.stack(found).reshape(len(ys), len(xs), *found[0].shape)


def rough_part(height: int, width: int) -> int:
    """Return the pixels along each side of a plane that one of its rough view stands for."""
    return int(2 ** math.ceil(math.log2(max(height, width) / _ROUGH_SIDE)))


def halved(plane: NDArray[Any], *, labels: bool) -> NDArray[Any]:
    """Return a copy of half the size, rounded up.

    Parameters
    ----------
    plane : ndarray, shape (Y, X)
    labels : bool
        Whole numbers: every second pixel is kept. Otherwise a pixel is the mean of four.
    """
    if labels:
        return np.ascontiguousarray(plane[::2, ::2])
    odd = [(0, n % 2) for n in plane.shape]
    even = np.pad(plane, odd, mode="edge") if any(o[1] for o in odd) else plane
    small = plane.dtype.kind in "uib" and plane.dtype.itemsize <= 2
    floats = np.float32 if plane.dtype.kind == "f" and plane.dtype.itemsize <= 4 else np.float64
    kind = (np.int32 if plane.dtype.kind == "i" else np.uint32) if small else floats
    # Whole rows first: twice as quick as four sums of every second pixel.
    pairs: NDArray[Any] = np.add(even[::2], even[1::2], dtype=kind)
    total: NDArray[Any] = pairs[:, ::2] + pairs[:, 1::2]
    if small:
        total += 2
        total >>= 2  # three times as quick as a division
        return total.astype(plane.dtype)
    return total / 4


def _smaller(plane: NDArray[Any], step: int, *, labels: bool) -> NDArray[Any]:
    for _ in range(int(math.log2(step))):
        plane = halved(plane, labels=labels)
    return plane
