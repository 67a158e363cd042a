"""TIFF, OME-TIFF, ImageJ TIFF and their relatives: only the strips and tiles asked for are read.

Pages are decoded by tifffile; this module says which part of which page a slice needs. tifffile's
own lazy view goes through Zarr, which costs 0.6 CPU-seconds to import (decision record 0010).
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import struct
import weakref
from collections import OrderedDict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.lazy import Held, PlanePixels, Widened
from fatescope.acquire.images.meaning import held, with_axes
from fatescope.acquire.images.palette import through_palette
from fatescope.acquire.images.tiff_metadata import read_metadata
from fatescope.base import AXES, FileFormatError, Image, shown

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CACHE_BYTES = 64 * 2**20
"""Decoded strips and tiles that one open file keeps, so that neighbours are not decoded twice."""
_WHOLE_BYTES = 2**31
_DAMAGE = re.compile(r"corrupted|offset|circular")
_PARSER_ERRORS = (
    struct.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a parser runs into on a damaged file; nothing of it is our caller's to understand."""


def read_tiff(path: Path, *, axes: str | None) -> Image:
    """Open a TIFF file of any dialect.

    Raises
    ------
    FileFormatError
        If the file is damaged, holds several pictures, or does not say what its axes are and
        ``axes`` does not either.
    """
    import tifffile

    where = shown(path)
    try:
        with _complaints() as complaints:
            tif = tifffile.TiffFile(path, _multifile=False)
    except (tifffile.TiffFileError, *_PARSER_ERRORS) as error:
        raise FileFormatError(_damaged(where, error)) from error
    try:
        with _complaints() as more:
            series = _only_series(tif, where)
        if complaints or more:
            raise FileFormatError(_damaged(where, ValueError([*complaints, *more][0])))
        spacing, channels, notes = read_metadata(tif, series, str(path))
        pixels, stored, colours = _stored_pixels(tif, series, where)
        in_memory = isinstance(pixels, Held)
        pixels, stored = _with_single_axes(pixels, stored, tif)
    except (tifffile.TiffFileError, *_PARSER_ERRORS) as error:
        tif.close()
        raise FileFormatError(_damaged(where, error)) from error
    except BaseException:
        tif.close()
        raise
    if in_memory:
        tif.close()
    pixels.notes = notes
    pixels, letters, names = with_axes(pixels, stored, axes=axes, colours=colours, where=where)
    names = channels if len(channels) == _n_channels(pixels, letters) else names
    return Image(
        pixels=pixels, axes=letters, spacing=spacing.only(letters), channels=names, name=str(path)
    )


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    """Collect what tifffile only logs: a broken chain of pages would silently end a movie."""
    logger = logging.getLogger("tifffile")
    collector = _Collector()
    logger.addHandler(collector)
    try:
        yield collector.found
    finally:
        logger.removeHandler(collector)


class _Collector(logging.Handler):
    """Keep the messages about a damaged structure, and no others."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if _DAMAGE.search(text):
            self.found.append(text.rpartition("> ")[2])


def _n_channels(pixels: PlanePixels, axes: str) -> int:
    return pixels.shape[axes.index("C")] if "C" in axes else 0


def _damaged(where: str, error: BaseException) -> str:
    return f"{where}: is not a complete TIFF file ({shown(str(error))}). Copy or export it again."


def _only_series(tif: Any, where: str) -> Any:
    """Return the picture that the file holds; smaller ones beside it (thumbnails) are passed by."""
    if not tif.series:
        raise FileFormatError(f"{where}: holds no complete picture. Copy or export it again.")
    first = tif.series[0]
    if first.dtype is None or first.dtype.kind not in "buif":
        raise FileFormatError(
            f"{where}: holds pixels of type {first.dtype}, which are not intensities. "
            "Export real numbers."
        )
    rivals = [s for s in tif.series[1:] if math.prod(s.shape) >= math.prod(first.shape)]
    if rivals:
        raise FileFormatError(
            f"{where}: holds {1 + len(rivals)} pictures (series) of shape {first.shape} and more. "
            "Save each as a file of its own."
        )
    return first


def _stored_pixels(tif: Any, series: Any, where: str) -> tuple[PlanePixels, str, int]:
    """Return pixels with Y and X last, a letter for each axis, and the number of colours."""
    page = series.keyframe
    samples = page.samplesperpixel
    alpha = sum(1 for e in page.extrasamples or () if int(e) in (1, 2))
    colours = max(1, samples - alpha)
    if "S" in page.axes and "S" not in series.axes:
        # Three planes, or three times, that the writer laid down as colours of one page.
        return (*_whole(series, where), 1)
    if page.axes not in ("YX", "YXS", "SYX") or series.transform is not None:
        return (*_whole(series, where), colours)
    lead = series.axes.replace("S", "").removesuffix("YX")
    n_pages = math.prod(series.shape[series.axes.index(a)] for a in lead)
    pixels = TiffPixels(tif, series, where=where, lead=lead)
    if not pixels.contiguous and len(series.pages) != n_pages:
        return (*_whole(series, where), colours)
    stored = lead + ("S" if "S" in page.axes else "") + "YX"
    if page.photometric == 3 and page.colormap is not None:
        mapped = through_palette(pixels, page.colormap)
        if mapped is not pixels:
            return mapped, lead + "SYX", 3
    return pixels, stored, colours


def _with_single_axes(pixels: PlanePixels, stored: str, tif: Any) -> tuple[PlanePixels, str]:
    """Put back axes of length 1 that our own label files name and ImageJ does not."""
    named = str((tif.imagej_metadata or {}).get("axes", "")) if tif.is_imagej else ""
    if len(set(named)) != len(named) or not set(stored) <= set(named) <= set(AXES):
        return pixels, stored
    for letter in (a for a in AXES if a in named and a not in stored):
        pixels, stored = Widened(pixels), letter + stored
    return pixels, stored


def _whole(series: Any, where: str) -> tuple[PlanePixels, str]:
    """Read an unusual arrangement at once, where that is small enough."""
    if series.nbytes > _WHOLE_BYTES:
        raise FileFormatError(
            f"{where}: stores its {series.nbytes / 1e9:.1f} GB as {series.axes}, an arrangement "
            "that cannot be read in parts. Save it as OME-TIFF with one plane a page."
        )
    return held(series.asarray(), series.axes)


class TiffPixels(PlanePixels):
    """The planes of one series; the leading axes are pages, then colour samples if any.

    The file stays open until the object is dropped.
    """

    def __init__(self, tif: Any, series: Any, *, where: str, lead: str) -> None:
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
        self._cache: OrderedDict[tuple[int, int], NDArray[Any]] = OrderedDict()
        self._cached = 0
        self._offset = series.dataoffset
        self.contiguous = self._offset is not None and page.is_contiguous
        if self.contiguous:
            self._expect(self._offset + math.prod(self.shape) * self.dtype.itemsize)
        weakref.finalize(self, tif.close)

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Read a rectangle of one page and one sample."""
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
        page = self._series.pages[index]
        if page is None:
            raise FileFormatError(
                f"{self.where}: plane {index} lies in another file or is missing. Save the "
                "recording as one file, or pass the files of single planes with --sequence."
            )
        return page

    def _is_one_block(self, frame: Any) -> bool:
        return bool(self._key.is_contiguous and len(frame.dataoffsets) == 1)

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
        with handle.lock or _NoLock():
            handle.seek(offset)
            data: bytes = handle.read(size)
        if len(data) != size:
            self._expect(offset + size)
            raise FileFormatError(f"{self.where}: cannot be read to its end. Copy the file again.")
        return data

    def _from_segments(
        self, page: int, frame: Any, sample: int, rows: range, columns: range
    ) -> NDArray[Any]:
        """Decode the strips or tiles that the rectangle meets."""
        key = self._key
        height, width = self.shape[-2:]
        tall, wide = (
            (key.tilelength, key.tilewidth)
            if key.is_tiled
            else (min(key.rowsperstrip, height), width)
        )
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
        if (page, index) in self._cache:
            self._cache.move_to_end((page, index))
            return self._cache[page, index]
        block = self._decoded(frame, index)
        self._cache[page, index] = block
        self._cached += block.nbytes
        while self._cached > CACHE_BYTES and len(self._cache) > 1:
            self._cached -= self._cache.popitem(last=False)[1].nbytes
        return block

    def _decoded(self, frame: Any, index: int) -> NDArray[Any]:
        offset, size = frame.dataoffsets[index], frame.databytecounts[index]
        data = self._bytes(offset, size) if offset and size else None
        extra = {}
        if self._key.compression in (6, 7, 34892, 33007):
            extra = {"jpegtables": frame.jpegtables, "jpegheader": self._key.jpegheader}
        try:
            block, _, shape = self._key.decode(data, index, **extra)
        except Exception as error:  # codecs raise errors of their own, without a common base
            raise FileFormatError(
                f"{self.where}: strip or tile {index} is damaged ({shown(str(error))}). "
                "Copy the file again."
            ) from error
        if block is None:
            return np.full(shape[1:], self._key.nodata, dtype=self.dtype)
        return np.asarray(block[0], dtype=self.dtype)


class _NoLock:
    """Stands where a file needs no lock."""

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


def _overlap(wanted: range, start: int, length: int) -> tuple[slice, slice]:
    """Return where a block that begins at ``start`` falls in the result, and which part of it."""
    low, high = max(wanted.start, start), min(wanted.stop, start + length)
    return slice(low - wanted.start, high - wanted.start), slice(low - start, high - start)
