"""Planes of images for the eye: read once, halved again and again, held within a limit."""

from __future__ import annotations

import math
import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fatescope.base import Image

_HELD_BYTES = 600_000_000
WHOLE_PIXELS = 40_000_000
"""A plane up to this is held as it is; of a larger one, only smaller copies are."""
_COPY_SIDE = 4096
_BAND_PIXELS = 16_000_000
_TILE_ROWS = 512
_THREADS = 3
"""Decoding and adding release the interpreter; each thread holds a band."""


class Pyramid:
    """A plane at full size and halved copies of it; regions of large planes are read again.

    Parameters
    ----------
    image : Image
    at : dict
        T, Z and C of the plane.
    labels : bool
        Whole numbers: a copy keeps every second pixel. Otherwise it is the mean of four.
    """

    def __init__(self, image: Image, at: dict[str, int], *, labels: bool) -> None:
        self._image = image
        self._at = {a: n for a, n in at.items() if a in image.axes}
        self._labels = labels
        self.height, self.width = image.size("Y"), image.size("X")
        whole = self.height * self.width <= WHOLE_PIXELS
        side = max(self.height, self.width)
        self._first = 0 if whole else max(0, math.ceil(math.log2(side / _COPY_SIDE)))
        if whole:
            first = image.read(**self._at)
        else:
            stored = None if labels else self._stored_copy(2**self._first)
            first = self._small_copy(2**self._first) if stored is None else stored
        self._copies = [first]
        while max(self._copies[-1].shape) > 256:
            self._copies.append(self._halved(self._copies[-1]))

    @property
    def nbytes(self) -> int:
        """Bytes of all copies."""
        return sum(c.nbytes for c in self._copies)

    @property
    def smallest(self) -> NDArray[Any]:
        """The smallest copy of at least a few hundred pixels."""
        return self._copies[max(0, len(self._copies) - 2)]

    def value(self, y: int, x: int) -> Any:
        """Return one pixel at full size."""
        if self._first == 0:
            return self._copies[0][y, x]
        return self._image.read(**self._at, Y=slice(y, y + 1), X=slice(x, x + 1))[0, 0]

    def region(self, halvings: int, rows: slice, columns: slice) -> NDArray[Any]:
        """Return a part of the plane, halved so many times; rows and columns count there."""
        if halvings >= self._first:
            n = min(halvings - self._first, len(self._copies) - 1)
            step = 2 ** (halvings - self._first - n)
            copy = self._copies[n]
            return copy[
                rows.start * step : rows.stop * step : step,
                columns.start * step : columns.stop * step : step,
            ]
        step = 2**halvings
        ys = slice(rows.start * step, min(rows.stop * step, self.height))
        xs = slice(columns.start * step, min(columns.stop * step, self.width))
        part = self._image.read(**self._at, Y=ys, X=xs)
        for _ in range(halvings):
            part = self._halved(part)
        return part

    def _stored_copy(self, step: int) -> NDArray[Any] | None:
        """Return the smaller copy that the file itself holds, if it has one of a fitting size."""
        want = math.ceil(self.height / step), math.ceil(self.width / step)
        for level in reversed(getattr(self._image.pixels, "smaller", ())):  # the smallest first
            factor = round(self.width / level.shape[-1])
            fits = factor in (2**n for n in range(1, step.bit_length())) and all(
                abs(there * factor - n) <= factor
                for there, n in zip(level.shape[-2:], (self.height, self.width), strict=True)
            )
            if not fits or math.prod(level.shape[-2:]) > WHOLE_PIXELS:
                continue
            at = tuple(self._at.get(a, 0) for a in self._image.axes[:-2])
            copy = level[(*at, slice(None), slice(None))]
            for _ in range(int(math.log2(step // factor))):
                copy = self._halved(copy)
            more = [(0, max(0, n - there)) for n, there in zip(want, copy.shape, strict=True)]
            return np.pad(copy, more, mode="edge")[: want[0], : want[1]]
        return None

    def _small_copy(self, step: int) -> NDArray[Any]:
        """Read a large plane in bands, each made smaller at once; some threads share them."""
        rows = _BAND_PIXELS // self.width
        # Whole tiles of a file: the tile that two bands share would be decoded twice.
        rows = max(step, rows // _TILE_ROWS * _TILE_ROWS or rows // step * step)

        def smaller(y: int) -> NDArray[Any]:
            band = self._image.read(**self._at, Y=slice(y, min(y + rows, self.height)))
            for _ in range(int(math.log2(step))):
                band = self._halved(band)
            return band

        with ThreadPoolExecutor(min(_THREADS, os.cpu_count() or 1)) as threads:
            bands = list(threads.map(smaller, range(0, self.height, rows)))
        return np.concatenate(bands)

    def _halved(self, plane: NDArray[Any]) -> NDArray[Any]:
        """Return a copy of half the size, rounded up."""
        if self._labels:
            return np.ascontiguousarray(plane[::2, ::2])
        odd = [(0, n % 2) for n in plane.shape]
        even = np.pad(plane, odd, mode="edge") if any(o[1] for o in odd) else plane
        kind = np.float32 if plane.dtype.kind == "f" else np.uint32
        # Whole rows first: twice as quick as four sums of every second pixel.
        pairs: NDArray[Any] = np.add(even[::2], even[1::2], dtype=kind)
        total: NDArray[Any] = pairs[:, ::2] + pairs[:, 1::2]
        if kind is np.uint32 and plane.dtype.kind in "ub" and plane.dtype.itemsize <= 2:
            return ((total + 2) // 4).astype(plane.dtype)
        return total / 4


@dataclass(slots=True)
class PlaneCache:
    """The planes looked at last, within a number of bytes; each is read by one thread."""

    limit: int = _HELD_BYTES
    _held: OrderedDict[Any, Pyramid] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _reading: dict[Any, threading.Lock] = field(default_factory=dict)

    def get(self, key: Any, make: Callable[[], Pyramid]) -> Pyramid:
        """Return the plane of a key, made if it is not held."""
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
            reading = self._reading.setdefault(key, threading.Lock())
        with reading:
            with self._lock:
                if key in self._held:
                    return self._held[key]
            made = make()
            with self._lock:
                self._held[key] = made
                self._reading.pop(key, None)
                while len(self._held) > 1 and sum(p.nbytes for p in self._held.values()) > (
                    self.limit
                ):
                    self._held.popitem(last=False)
        return made
