"""TIFF, OME-TIFF, ImageJ TIFF and their relatives: only the strips and tiles asked for are read.

Pages are decoded by tifffile; this module says which part of which page a slice needs. tifffile's
own lazy view goes through Zarr, which costs 0.6 CPU-seconds to import (decision record 0010).
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Any

from fatescope.acquire.images.announced import check_announced
from fatescope.acquire.images.complaints import overheard
from fatescope.acquire.images.lazy import Held, PlanePixels, Widened
from fatescope.acquire.images.meaning import held, with_axes
from fatescope.acquire.images.palette import through_palette
from fatescope.acquire.images.tiff_metadata import read_metadata
from fatescope.acquire.images.tiff_pixels import TiffPixels, most_per_byte
from fatescope.base import AXES, FileFormatError, Finding, Image, escape

if TYPE_CHECKING:
    from pathlib import Path


_WHOLE_BYTES = 2**31
_DAMAGE = re.compile(r"corrupted|offset|circular")
_COUNTS = "ImageJ series metadata invalid"
_COUNTED = {"Z": "slices", "T": "frames", "C": "channels"}
_PARSER_ERRORS = (
    struct.error,
    ArithmeticError,
    AssertionError,
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
        If the file is damaged, holds several images, or does not say what its axes are and
        ``axes`` does not either.
    """
    import tifffile

    where = escape(path)
    try:
        with overheard("tifffile") as complaints:
            tif = tifffile.TiffFile(path, _multifile=False)
    except (tifffile.TiffFileError, *_PARSER_ERRORS) as error:
        raise FileFormatError(_damaged(where, error)) from error
    try:
        with overheard("tifffile") as more:
            series = _only_series(tif, where)
            along = _counted_twice(tif, series)
            doubts = [t for t in (*complaints, *more) if along is None or _COUNTS not in t]
            _refuse_damage(doubts, where)
            spacing, channels, notes = read_metadata(tif, series, str(path))
            pixels, stored, colours = _stored_pixels(tif, series, where)
        if along is not None:
            stored = stored.replace("I", along)
            notes = (*notes, _said_twice(path, along))
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


def _refuse_damage(complaints: list[str], where: str) -> None:
    """Raise for what tifffile only logs: a broken chain of pages would silently end a movie."""
    for text in complaints:
        if _DAMAGE.search(text):
            raise FileFormatError(_damaged(where, ValueError(text.rpartition("> ")[2])))


def _counted_twice(tif: Any, series: Any) -> str | None:
    """Return what pages run along where a writer of ImageJ's dialect counted them more than once.

    Ten planes told as ten channels of ten slices are no damage as long as all pages are there.
    """
    meta = (tif.imagej_metadata or {}) if tif.is_imagej else {}
    n = series.shape[0]
    if series.axes != "IYX" or meta.get("images") != n:
        return None
    counts = {axis: meta.get(key, 1) for axis, key in _COUNTED.items()}
    if math.prod(counts.values()) == n:
        return None
    return next((axis for axis, count in counts.items() if count == n), None)


def _said_twice(path: Path, along: str) -> Finding:
    return Finding(
        file=str(path),
        rule="odd-axes",
        severity="info",
        reason=f"The description counts the pages more than once; they were taken as "
        f"{_COUNTED[along]} ({along}). If that is wrong, give the axes with --axes.",
    )


def _n_channels(pixels: PlanePixels, axes: str) -> int:
    return pixels.shape[axes.index("C")] if "C" in axes else 0


def _damaged(where: str, error: BaseException) -> str:
    return f"{where}: is not a complete TIFF file ({escape(str(error))}). Copy or export it again."


def _only_series(tif: Any, where: str) -> Any:
    """Return the image that the file holds; smaller ones beside it (thumbnails) are passed by."""
    if not tif.series:
        raise FileFormatError(f"{where}: holds no complete image. Copy or export it again.")
    first = tif.series[0]
    if first.dtype is None or first.dtype.kind not in "buif":
        raise FileFormatError(
            f"{where}: holds pixels of type {first.dtype}, which are not intensities. "
            "Export real numbers."
        )
    rivals = [s for s in tif.series[1:] if math.prod(s.shape) >= math.prod(first.shape)]
    if rivals:
        raise FileFormatError(
            f"{where}: holds {1 + len(rivals)} images (series) of shape {first.shape} and more. "
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
        mapped = through_palette(pixels, page.colormap, where=where)
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
    most, there = most_per_byte(series.keyframe), series.parent.filehandle.size
    check_announced(series.nbytes, there, most=most, where=where)
    return held(series.asarray(), series.axes)
