"""Planes of images for the eye: read once, halved again and again, held within a limit."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.app.copies import SmallCopy, halved
from fatescope.base import Image, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_HELD_BYTES = 600_000_000
WHOLE_PIXELS = 40_000_000
"""A plane up to this is held as it is; of a larger one, only smaller copies are."""
_DECODED_BYTES = 300_000_000
"""The largest part of a file that is decoded at once for somebody who looks."""
_COPY_SIDE = 8192
"""The first copy of a large plane is at most so long and wide; what is larger is read again."""
_LEAST_SIDE = 256
BRIGHTEST = -1
"""Instead of the number of a plane: of each pixel the greatest value of all planes."""


class Pyramid:
    """A plane at full size and halved copies of it; regions of large planes are read again.

    Parameters
    ----------
    image : Image
    at : dict
        T, Z and C of the plane; Z may be `BRIGHTEST`.
    labels : bool
        Whole numbers: a copy keeps every second pixel. Otherwise it is the mean of four.

    Raises
    ------
    InputError
        If the file can only be decoded in parts that are too large for it to be looked at.
    """

    def __init__(self, image: Image, at: dict[str, int], *, labels: bool) -> None:
        if at.get("Z") == BRIGHTEST:
            image = _brightest(image, at)
        self._image = image
        self._at = {a: n for a, n in at.items() if a in image.axes}
        self._labels = labels
        self.height, self.width = image.size("Y"), image.size("X")
        at_once = getattr(image.pixels, "at_once", 0)
        if at_once > _DECODED_BYTES:
            raise InputError(
                f"{Path(image.name).name}: {at_once / 1e9:.1f} GB of it can only be decoded "
                "together, which is too much to look at. Save it as tiled TIFF or OME-Zarr."
            )
        n_bytes = self.height * self.width * image.dtype.itemsize
        whole = self.height * self.width <= WHOLE_PIXELS or at_once >= n_bytes
        side = max(self.height, self.width)
        self._first = 0 if whole else max(0, math.ceil(math.log2(side / _COPY_SIDE)))
        self._growing: SmallCopy | None = None
        first = image.read(**self._at) if whole else None
        if first is not None and hasattr(image.pixels, "forget"):
            image.pixels.forget()  # images stay open long after somebody looked
        if first is None and not labels:
            first = self._stored_copy(2**self._first)
        if first is None:
            self._growing = SmallCopy(
                self._rectangle,
                height=self.height,
                width=self.width,
                step=2**self._first,
                dtype=image.dtype,
                labels=labels,
                whole_rows=getattr(image.pixels, "whole_rows", False),
            )
            first = self._growing.pixels
        self._copies = [first]
        self._chaining = threading.Lock()
        self._is_complete = False
        if self._growing is None:
            self._chain()

    def _rectangle(self, rows: slice, columns: slice) -> NDArray[Any]:
        return self._image.read(**self._at, Y=rows, X=columns)

    def _chain(self) -> None:
        """Make the copies that are smaller than the first."""
        with self._chaining:
            copies = self._copies[:1]
            while max(copies[-1].shape) > _LEAST_SIDE:
                copies.append(halved(copies[-1], labels=self._labels))
            self._copies = copies
            self._is_complete = True

    @property
    def nbytes(self) -> int:
        """Bytes of all copies."""
        return sum(c.nbytes for c in self._copies)

    @property
    def glimpse(self) -> NDArray[Any]:
        """Some pixels of a copy, to tell how bright the plane is without reading all of it."""
        if self._patches is not None:
            return self._patches
        return self._copies[max(0, len(self._copies) - 2)]

    @property
    def rough(self) -> NDArray[Any] | None:
        """Some 15 x 15 pixels to show while a large plane is read, or ``None``.

        A pixel is the mean of the middle of its part of the plane.
        """
        return None if self._patches is None else self._patches.mean(axis=(2, 3))

    @cached_property
    def _patches(self) -> NDArray[Any] | None:
        return None if self._growing is None or self._labels else self._growing.patches

    def value(self, y: int, x: int) -> Any:
        """Return one pixel at full size."""
        if self._first == 0:
            return self._copies[0][y, x]
        return self._rectangle(slice(y, y + 1), slice(x, x + 1))[0, 0]

    def region(self, halvings: int, rows: slice, columns: slice) -> NDArray[Any]:
        """Return a part of the plane, halved so many times; rows and columns count there."""
        if halvings < self._first:
            step = 2**halvings
            part = self._rectangle(
                slice(rows.start * step, min(rows.stop * step, self.height)),
                slice(columns.start * step, min(columns.stop * step, self.width)),
            )
            return self._halved(part, halvings)
        if self._growing is not None and not self._is_complete:
            height, width = self._copies[0].shape
            step = 2 ** (halvings - self._first)
            part = self._growing.region(
                slice(rows.start * step, min(rows.stop * step, height)),
                slice(columns.start * step, min(columns.stop * step, width)),
            )
            if not self._growing.complete:
                return self._halved(part, halvings - self._first)
            self._chain()
        n = min(halvings - self._first, len(self._copies) - 1)
        step = 2 ** (halvings - self._first - n)
        return self._copies[n][
            rows.start * step : rows.stop * step : step,
            columns.start * step : columns.stop * step : step,
        ]

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
            copy = self._halved(copy, int(math.log2(step // factor)))
            more = [(0, max(0, n - there)) for n, there in zip(want, copy.shape, strict=True)]
            return np.pad(copy, more, mode="edge")[: want[0], : want[1]]
        return None

    def _halved(self, part: NDArray[Any], times: int) -> NDArray[Any]:
        for _ in range(times):
            part = halved(part, labels=self._labels)
        return part


def _brightest(image: Image, at: dict[str, int]) -> Image:
    """Return the maximum projection of a volume, read plane by plane."""
    if image.size("Y") * image.size("X") > WHOLE_PIXELS:
        raise InputError("these planes are too large to be laid on each other. Look at one plane.")
    rest = {a: n for a, n in at.items() if a in image.axes and a != "Z"}
    planes = ({**rest, "Z": z} if "Z" in image.axes else rest for z in range(image.size("Z")))
    pixels = reduce(np.maximum, (image.read(**place) for place in planes))
    return Image(pixels=pixels, axes="YX", name=image.name)


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
