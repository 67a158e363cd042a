"""The planes of a TIFF file: which strips and tiles a rectangle meets, decoded one by one."""

from __future__ import annotations

import contextlib
import math
import weakref
from collections import OrderedDict
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images import announced
from fatescope.acquire.images.announced import check_announced
from fatescope.acquire.images.complaints import overheard
from fatescope.acquire.images.jpeg_header import check_jpeg
from fatescope.acquire.images.lazy import OwnLock, PlanePixels
from fatescope.base import FileFormatError, escape, explained

if TYPE_CHECKING:
    from numpy.typing import NDArray

CACHE_BYTES = 64 * 2**20
"""Decoded strips and tiles that one open file keeps, so that neighbours are not decoded twice."""
_JPEG = (6, 7, 34892, 33007)  # compression tags: old, new, lossy DNG, alternative
_MOST_BY_COMPRESSION = {
    1: 1,
    5: announced.LZW,
    8: announced.DEFLATE,
    32946: announced.DEFLATE,
    32773: announced.PACKBITS,
    **dict.fromkeys((34925, 50000), announced.ZSTD),
    **dict.fromkeys(_JPEG, announced.JPEG),
}


def most_per_byte(page: Any) -> int:
    """Return how many bytes of pixels a stored byte of a page can give at most."""
    unpacked = math.ceil(8 * int(page.dtype.itemsize) / max(1, int(page.bitspersample)))
    return unpacked * _MOST_BY_COMPRESSION.get(int(page.compression), announced.UNKNOWN)


class TiffPixels(PlanePixels):
    """The planes of one series; the leading axes are pages, then colour samples if any.

    The file stays open until the object is dropped. Threads may read at once.
    """

    def __init__(
        self, tif: Any, series: Any, *, where: str, lead: str, lock: OwnLock | None = None
    ) -> None:
        page = series.keyframe
        lengths = tuple(series.shape[series.axes.index(a)] for a in lead)
        size = (page.imagelength, page.imagewidth)
        samples = (page.samplesperpixel,) if "S" in page.axes else ()
        super().__init__(shape=(*lengths, *samples, *size), dtype=np.dtype(series.dtype))
        self.where = where
        self._tif = tif
        self._series = series
        self._key = page
        self._lengths = lengths
        self._interleaved = page.axes.endswith("S")
        self._stored_dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
        self._lead = lead
        self._lock = lock or OwnLock()  # of the place in the file, its pages and the cache
        self._cache: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._cached = 0
        self._checked: set[int] = set()
        self._offset = series.dataoffset
        self._plain = page.is_contiguous and int(page.fillorder) == 1
        self.contiguous = self._offset is not None and self._plain
        self._tall, self._wide = (
            (page.tilelength, page.tilewidth)
            if page.is_tiled
            else (min(page.rowsperstrip, size[0]), size[1])
        )
        if min(self._tall, self._wide) < 1 and 0 not in self.shape:
            raise FileFormatError(
                f"{where}: stores strips or tiles of {self._tall} x {self._wide} pixels. Copy or "
                "export it again."
            )
        self._most = most_per_byte(page)
        if self.contiguous:
            self._expect(self._offset + math.prod(self.shape) * self.dtype.itemsize)
        else:
            self._check_page(page)
        weakref.finalize(self, tif.close)

    @cached_property
    def smaller(self) -> tuple[TiffPixels, ...]:
        """The same planes in the smaller sizes that the file holds beside them, largest first."""
        found: list[TiffPixels] = []
        for level in self._series.levels[1:]:
            if level.axes != self._series.axes or level.keyframe.axes != self._key.axes:
                continue
            with contextlib.suppress(FileFormatError):  # a damaged copy is not needed
                found.append(
                    TiffPixels(self._tif, level, where=self.where, lead=self._lead, lock=self._lock)
                )
        return tuple(found)

    @property
    def whole_rows(self) -> bool:
        """Whether strips, and not tiles, are stored."""
        return bool(self.contiguous or self._wide >= self.shape[-1])

    @property
    def at_once(self) -> int:
        """Bytes of a strip or tile, unless pixels lie in the file as they are."""
        samples = math.prod(self.shape[len(self._lengths) : -2]) if self._interleaved else 1
        return 0 if self.contiguous else self._tall * self._wide * samples * self.dtype.itemsize

    def _check_page(self, page: Any) -> None:
        """Raise where the tables of a page lack strips or tiles, or those cannot hold its pixels.

        What is not stored (an offset or a size of 0) is empty on purpose and needs no bytes.
        """
        height, width = self.shape[-2:]
        if 0 in self.shape:  # refused by the next step, in its own words
            return
        samples = math.prod(self.shape[len(self._lengths) : -2])
        separate = 1 if self._interleaved else samples
        needed = math.ceil(height / self._tall) * math.ceil(width / self._wide) * separate
        offsets, sizes = page.dataoffsets, page.databytecounts
        if not all(isinstance(n, int) and n >= 0 for n in (*offsets, *sizes)):
            raise FileFormatError(
                f"{self.where}: its table of strips or tiles is damaged. Copy or export it again."
            )
        if min(len(offsets), len(sizes)) < needed:
            raise FileFormatError(
                f"{self.where}: its tables hold {len(offsets)} places and {len(sizes)} sizes of "
                f"strips or tiles, and {needed} are needed. Copy or export it again."
            )
        there = [n for at, n in zip(offsets, sizes, strict=False) if at and n]
        size = self._tall * self._wide * samples // separate * self.dtype.itemsize
        stored = min(sum(there), self._tif.filehandle.size)
        check_announced(len(there) * size, stored, most=self._most, where=self.where)

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read a rectangle of one page and one sample."""
        with overheard("tifffile"):
            return self._read(at, rows, columns)

    def _read(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        lead, sample = at[: len(self._lengths)], at[len(self._lengths) :]
        page = int(np.ravel_multi_index(lead, self._lengths)) if lead else 0
        which = sample[0] if sample else 0
        if self.contiguous:
            plane_values = math.prod(self.shape[len(self._lengths) :])
            start = self._offset + page * plane_values * self.dtype.itemsize
            return self._from_rows(start, which, rows, columns)
        frame = self._page(page)
        if self._is_one_block(frame):
            return self._from_rows(frame.dataoffsets[0], which, rows, columns)
        return self._from_segments(page, frame, which, rows, columns)

    def _page(self, index: int) -> Any:
        with self._lock:
            return self._page_read(index)

    def _page_read(self, index: int) -> Any:
        if index in self._checked:
            return self._series.pages[index]
        with explained(partial(_copy_again, f"{self.where}: plane {index}")):
            page = self._series.pages[index]
        if page is None:
            raise FileFormatError(
                f"{self.where}: plane {index} lies in another file or is missing. Save the "
                "recording as one file, or pass the files of single planes with --sequence."
            )
        self._check_page(page)
        self._checked.add(index)
        return page

    def _is_one_block(self, frame: Any) -> bool:
        return bool(self._plain and len(frame.dataoffsets) == 1)

    def _expect(self, size: int) -> None:
        if size > self._tif.filehandle.size:
            raise FileFormatError(
                f"{self.where}: is cut off: {size} bytes are announced and "
                f"{self._tif.filehandle.size} are there. Copy the file again."
            )

    def _from_rows(self, start: int, sample: int, rows: range, columns: range) -> NDArray[Any]:
        """Read uncompressed rows; whole rows at a time only where most of each is wanted."""
        height, width = self.shape[-2:]
        group = self.shape[len(self._lengths)] if self._interleaved else 1
        if not self._interleaved:
            start += sample * height * width * self.dtype.itemsize
        item = self.dtype.itemsize * group
        out = np.empty((len(rows), len(columns)), dtype=self.dtype)
        wide = 2 * len(columns) >= width
        first, count = (0, width) if wide else (columns.start, len(columns))
        per_read = max(1, 2**22 // (width * item)) if wide else 1
        for y in range(rows.start, rows.stop, per_read):
            n = min(per_read, rows.stop - y)
            data = self._bytes(start + (y * width + first) * item, n * count * item)
            values = np.frombuffer(data, self._stored_dtype).reshape(n, count, group)
            picked = values[:, columns.start - first : columns.stop - first]
            out[y - rows.start : y - rows.start + n] = picked[..., sample if group > 1 else 0]
        return out

    def _bytes(self, offset: int, size: int) -> bytes:
        handle = self._tif.filehandle
        self._expect(offset + size)
        with self._lock:
            handle.seek(offset)
            data: bytes = handle.read(size)
        if len(data) != size:
            raise FileFormatError(f"{self.where}: cannot be read to its end. Copy the file again.")
        return data

    def _from_segments(
        self, page: int, frame: Any, sample: int, rows: range, columns: range
    ) -> NDArray[Any]:
        """Decode the strips or tiles that the rectangle meets."""
        key, tall, wide = self._key, self._tall, self._wide
        height, width = self.shape[-2:]
        across, down = math.ceil(width / wide), math.ceil(height / tall)
        group = 0 if self._interleaved or key.samplesperpixel == 1 else sample
        out = np.empty((len(rows), len(columns)), dtype=self.dtype)
        for j in range(rows.start // tall, (rows.stop - 1) // tall + 1):
            for i in range(columns.start // wide, (columns.stop - 1) // wide + 1):
                block = self._segment(page, frame, (group * down + j) * across + i)
                part = block[..., sample if self._interleaved else 0]
                ys = _overlap(rows, j * tall, part.shape[0])
                xs = _overlap(columns, i * wide, part.shape[1])
                out[ys[0], xs[0]] = part[ys[1], xs[1]]
        return out

    def _segment(self, page: int, frame: Any, index: int) -> NDArray[Any]:
        """Return a decoded strip or tile, shape (Y, X, samples)."""
        with self._lock:
            if (page, index) in self._cache:
                self._cache.move_to_end((page, index))
                return self._cache[page, index]
        block = self._decoded(frame, index)  # several threads decode at once
        with self._lock:
            if (page, index) not in self._cache:
                self._cache[page, index] = block
                self._cached += block.nbytes
            while self._cached > CACHE_BYTES and len(self._cache) > 1:
                self._cached -= self._cache.popitem(last=False)[1].nbytes
        return block

    def _decoded(self, frame: Any, index: int) -> NDArray[Any]:
        offset, size = frame.dataoffsets[index], frame.databytecounts[index]
        samples = self._key.samplesperpixel if self._interleaved else 1
        if not (offset and size):
            # Nothing is stored for it, so nothing is allocated for it either.
            return np.broadcast_to(
                self.dtype.type(self._key.nodata), (self._tall, self._wide, samples)
            )
        where = f"{self.where}: strip or tile {index}"
        pixels = self._tall * self._wide * samples * self.dtype.itemsize
        check_announced(pixels, size, most=self._most, where=where)
        data = self._bytes(offset, size)
        extra = {}
        if self._key.compression in _JPEG:
            extra = {"jpegtables": frame.jpegtables, "jpegheader": self._key.jpegheader}
            if extra["jpegheader"] is None:
                check_jpeg(data, where)
        with explained(partial(_copy_again, where)):
            block = self._key.decode(data, index, **extra)[0]
        return np.asarray(block[0], dtype=self.dtype)


def _copy_again(where: str, error: Exception) -> str:
    return f"{where} is damaged ({escape(str(error))}). Copy the file again."


def damaged_tiff(where: str, error: Exception) -> str:
    """Return what to say of a TIFF file that cannot be read."""
    return f"{where}: is not a complete TIFF file ({escape(str(error))}). Copy or export it again."


def open_pages(path: Path) -> TiffPixels:
    """Open the pages of a TIFF file like its first, whatever its description says of them."""
    import tifffile

    where = escape(path)
    with explained(partial(damaged_tiff, where)), overheard("tifffile"):
        tif = tifffile.TiffFile(path, _multifile=False)
        page, n = tif.pages.first, len(tif.pages)
    series = SimpleNamespace(
        keyframe=page,
        shape=(n, *page.shape),
        axes="I" + page.axes,
        dtype=page.dtype,
        dataoffset=None,
        pages=tif.pages,
        levels=(None,),
    )
    return TiffPixels(tif, series, where=where, lead="I")


def _overlap(wanted: range, start: int, length: int) -> tuple[slice, slice]:
    """Return where a block that begins at ``start`` falls in the result, and which part of it."""
    low, high = max(wanted.start, start), min(wanted.stop, start + length)
    return slice(low - wanted.start, high - wanted.start), slice(low - start, high - start)
