"""OME-Zarr and plain Zarr arrays: only the chunks asked for are read."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import ZSTD, check_announced
from fatescope.acquire.images.lazy import OwnLock, PlanePixels
from fatescope.acquire.images.meaning import channel_names, with_axes
from fatescope.acquire.images.zarr_metadata import ZarrImage, find_image
from fatescope.base import FileFormatError, Image, escape, explained

if TYPE_CHECKING:
    from numpy.typing import NDArray

CACHE_BYTES = 64 * 2**20
"""Decoded chunks that one open image keeps, so that neighbouring planes are not decoded twice."""


def read_zarr(path: Path, *, axes: str | None) -> Image:
    """Open an OME-Zarr image (0.4 or 0.5, its largest level) or a plain Zarr array.

    Raises
    ------
    FileFormatError
        If metadata are missing or damaged, or the axes of a plain array are not given.
    """
    where = escape(path)
    found = find_image(path, where)
    in_file, stored = _stored_pixels(found, where)
    pixels, letters, _ = with_axes(in_file, stored, axes=axes, colours=1, path=path)
    return Image(
        pixels=pixels,
        axes=letters,
        spacing=found.spacing.only(letters),
        channels=channel_names(letters, pixels.shape, found.channels),
        name=str(path),
    )


def _stored_pixels(found: ZarrImage, where: str) -> tuple[ZarrPixels, str]:
    """Return the pixels with Y and X last, and a letter for each axis."""
    array = _opened(found.path, where)
    if array.dtype.kind not in "buif":
        raise FileFormatError(
            f"{where}: holds values of type {array.dtype}, which are not intensities. Export real "
            "numbers."
        )
    stored = found.stored
    if array.ndim < 2 or len(stored) != array.ndim:
        raise FileFormatError(
            f"{where}: describes {len(stored)} axes and stores an array of shape {array.shape}. "
            "Export an image with rows and columns."
        )
    order = tuple(range(array.ndim))
    if {"Y", "X"} <= set(stored) and not stored.endswith("YX"):
        order = (*(i for i in order if stored[i] not in "YX"), stored.index("Y"), stored.index("X"))
    if min((*array.chunks, *(array.shards or ()))) < 1:
        raise FileFormatError(
            f"{where}: has chunks of shape {array.chunks}. Copy or export it again."
        )
    pixels = ZarrPixels(array, folder=found.path, order=order, where=where)
    pixels.notes = found.notes
    return pixels, "".join(stored[i] for i in order)


def _opened(path: Path, where: str) -> Any:
    import zarr

    def said(error: Exception) -> str:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return (
            f"{where}: the array {path.name!r} that its metadata name cannot be opened "
            f"({escape(reason)}). Copy the whole folder again."
        )

    with explained(said):
        return zarr.open_array(store=path, mode="r")


class ZarrPixels(PlanePixels):
    """The planes of a Zarr array; ``order[i]`` is the stored position of axis ``i``."""

    def __init__(self, array: Any, *, folder: Path, order: tuple[int, ...], where: str) -> None:
        shape = tuple(int(array.shape[i]) for i in order)
        super().__init__(shape=shape, dtype=np.dtype(array.dtype))
        self.where = where
        self._array = array
        self._folder = folder
        self._stored = tuple(int(n) for n in array.shards or array.chunks)
        self._is_blosc = _ends_in_blosc(array)
        self._check_chunk((0,) * array.ndim)
        self._order = order
        self._chunks = tuple(int(array.chunks[i]) for i in order)
        self._cache: OrderedDict[tuple[int, ...], NDArray[Any]] = OrderedDict()
        self._cached = 0
        self._lock = OwnLock()

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Put a rectangle together from the chunks that it meets."""
        tall, wide = self._chunks[-2:]
        lead = tuple(i // n for i, n in zip(at, self._chunks[:-2], strict=True))
        inside = tuple(i % n for i, n in zip(at, self._chunks[:-2], strict=True))
        out = np.empty((len(rows), len(columns)), dtype=self.dtype)
        across = range(columns.start // wide, (columns.stop - 1) // wide + 1)
        down = range(rows.start // tall, (rows.stop - 1) // tall + 1)
        for j, i in itertools.product(down, across):
            block = self._chunk((*lead, j, i))[inside]
            top, left = max(rows.start, j * tall), max(columns.start, i * wide)
            part = block[
                top - j * tall : rows.stop - j * tall, left - i * wide : columns.stop - i * wide
            ]
            y, x = top - rows.start, left - columns.start
            out[y : y + part.shape[0], x : x + part.shape[1]] = part
        return out

    def _chunk(self, index: tuple[int, ...]) -> NDArray[Any]:
        """Return a decoded chunk with its axes in our order."""
        with self._lock:
            if index in self._cache:
                self._cache.move_to_end(index)
                return self._cache[index]
        block = self._decoded(index)  # by several threads at once
        with self._lock:
            if index not in self._cache:
                self._cache[index] = block
                self._cached += block.nbytes
            while self._cached > CACHE_BYTES and len(self._cache) > 1:
                self._cached -= self._cache.popitem(last=False)[1].nbytes
        return block

    def _decoded(self, index: tuple[int, ...]) -> NDArray[Any]:
        place = [slice(0)] * len(index)
        for stored, i, n in zip(self._order, index, self._chunks, strict=True):
            place[stored] = slice(i * n, (i + 1) * n)
        if not self._check_chunk(tuple(p.start for p in place)):
            # Nothing is stored for it, so nothing is allocated for it either.
            return np.broadcast_to(self.dtype.type(self._array.fill_value or 0), self._chunks)
        chunk = f"{self.where}: chunk {'/'.join(map(str, index))} is damaged"
        with explained(lambda e: f"{chunk} ({escape(str(e))[:200]}). Copy the folder again."):
            block = np.asarray(self._array[tuple(place)])
        return block.transpose(self._order)

    def _check_chunk(self, start: tuple[int, ...]) -> bool:
        """Raise where a chunk announces more than its bytes can hold; say whether it is there.

        Parameters
        ----------
        start : tuple of int
            Its first pixel, in stored order.
        """
        index = tuple(at // n for at, n in zip(start, self._stored, strict=True))
        path = self._folder / self._array.metadata.encode_chunk_key(index)
        if not path.is_file():
            return False
        inside = [
            min(n, total) for n, total in zip(self._array.chunks, self._array.shape, strict=True)
        ]
        size = math.prod(inside) * self.dtype.itemsize
        where = f"{self.where}: chunk {'/'.join(map(str, index))}"
        check_announced(size, path.stat().st_size, most=ZSTD, where=where)
        if self._is_blosc:
            _check_blosc(path, where)
        return True


def _ends_in_blosc(array: Any) -> bool:
    """Say whether the files of the chunks are what Blosc wrote."""
    last = array.compressors[-1:] if array.shards is None else ()
    return any(type(codec).__name__ in ("Blosc", "BloscCodec") for codec in last)


def _check_blosc(path: Path, where: str) -> None:
    """Raise where the size that a Blosc chunk says is not that of its file.

    Blosc believes its header, and reads past the end of a chunk that was cut: a crash.
    """
    with path.open("rb") as stream:
        head = stream.read(16)
    if len(head) < 16 or int.from_bytes(head[12:16], "little") != path.stat().st_size:
        raise FileFormatError(f"{where} is damaged (it was cut or changed). Copy the folder again.")
