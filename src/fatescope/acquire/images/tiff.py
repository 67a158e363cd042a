"""TIFF, OME-TIFF, ImageJ TIFF and their relatives: only the strips and tiles asked for are read.

Pages are decoded by tifffile; this module says which part of which page a slice needs. tifffile's
own lazy view goes through Zarr, which costs 0.6 CPU-seconds to import (decision record 0010).
"""

from __future__ import annotations

import math
import re
import struct
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from fatescope.acquire.images.announced import check_announced
from fatescope.acquire.images.complaints import overheard
from fatescope.acquire.images.lazy import Held, Inverted, PlanePixels, Signed, Widened
from fatescope.acquire.images.meaning import (
    are_even,
    channel_names,
    check_turn,
    held,
    left_out,
    no_light,
    with_axes,
)
from fatescope.acquire.images.ome_files import DividedImageError, own_part
from fatescope.acquire.images.palette import through_palette
from fatescope.acquire.images.tiff_metadata import read_metadata
from fatescope.acquire.images.tiff_pixels import TiffPixels, damaged_tiff, most_per_byte
from fatescope.base import AXES, FileFormatError, Finding, Image, escape

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.acquire.images.meaning import Role

_WHOLE_BYTES = 2**31
_DAMAGE = re.compile(r"corrupted|offset|circular")
_COUNTS = "ImageJ series metadata invalid"
_THUMBNAIL = 4
"""A series whose planes have so many times fewer pixels is a thumbnail, a label or a macro."""
_LINE, _NONE = 0, 20
"""Functions of ImageJ from stored numbers to values: a straight line, and none."""
_YCBCR = 6
_OTHER_COLOURS = {
    5: "inks for printing (CMYK)",
    _YCBCR: "brightness and colour differences (YCbCr)",
    **dict.fromkeys((8, 9, 10), "lightness and colour (CIELAB)"),
    32803: "the raw pixels of a colour camera (CFA)",
    **dict.fromkeys((32844, 32845), "logarithms of brightness (LogLuv)"),
}
"""By the tag PhotometricInterpretation: what samples are, where they are no light of channels."""
_JPEGS = (6, 7, 34892)
"""Compressions whose decoder turns YCbCr into red, green and blue."""
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


def read_tiff(path: Path, *, axes: str | None, role: Role = "image") -> Image:
    """Open a TIFF file of any dialect.

    Raises
    ------
    DividedImageError
        If it is OME-TIFF, and holds a part of an image or several.
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
        raise FileFormatError(damaged_tiff(where, error)) from error
    with ExitStack() as closing:
        closing.callback(tif.close)
        try:
            with overheard("tifffile") as more:
                divided = _keep_own_part(tif, path)
                if divided and role != "part":
                    raise DividedImageError(_in_several_files(where))
                series, notes = _only_series(tif, path)
                along = _counted_twice(tif, series)
                doubts = [t for t in (*complaints, *more) if along is None or _COUNTS not in t]
                _refuse_damage(doubts, where)
                spacing, about, doubtful = read_metadata(tif, series, str(path))
                notes = [*doubtful, *notes, *_pages_left(tif, path)]
                if divided:
                    notes.append(left_out(path, _in_several_files("").partition(". ")[0][2:] + "."))
                pixels, stored, colours = _stored_pixels(tif, series, where, role)
            if along is not None:
                stored = stored.replace("I", along)
                notes.append(_said_twice(path, along))
            in_memory = isinstance(pixels, Held)
            pixels, stored = _with_single_axes(pixels, stored, tif)
        except (tifffile.TiffFileError, *_PARSER_ERRORS) as error:
            raise FileFormatError(damaged_tiff(where, error)) from error
        if not in_memory:
            closing.pop_all()
    _refuse_other_colours(series.keyframe, axes, where)
    notes += check_turn(series.keyframe.tags.valueof(274), path)
    pixels.notes = tuple(notes)
    if role != "labels":
        pixels = _as_meant(pixels, tif, series, path)
    pixels, letters, names = with_axes(pixels, stored, axes=axes, colours=colours, path=path)
    return Image(
        pixels=pixels,
        axes=letters,
        spacing=spacing.only(letters),
        channels=channel_names(letters, pixels.shape, about.channels, names),
        name=str(path),
        objective=about.objective,
        minutes=about.minutes if "T" in letters else (),
    )


def _refuse_damage(complaints: list[str], where: str) -> None:
    """Raise for what tifffile only logs: a broken chain of pages would silently end a movie."""
    for text in complaints:
        if _DAMAGE.search(text):
            raise FileFormatError(damaged_tiff(where, ValueError(text.rpartition("> ")[2])))


def _refuse_other_colours(page: Any, axes: str | None, where: str) -> None:
    """Raise where samples are inks or a colour space of other programs, unless axes are given."""
    colours = int(page.photometric)
    kind = _OTHER_COLOURS.get(colours)
    if colours == _YCBCR and int(page.compression) in _JPEGS:
        return
    if kind and page.samplesperpixel > 1 and not (axes and "C" in axes.upper()):
        raise FileFormatError(no_light(where, kind))


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


def _keep_own_part(tif: Any, path: Path) -> bool:
    """Take what lies in other files out of a description; say whether an image lies in several."""
    if not tif.is_ome:
        return False
    text, divided = own_part(tif.ome_metadata or "", path.name)
    if text is not None and not divided:
        tif._omexml = text  # what tifffile, and we, read the series and the spacing from
    return divided


def _in_several_files(where: str) -> str:
    return (
        f"{where}: is a part of a multi-file OME-TIFF: its image lies in several files. Save the "
        "recording as one file, or pass the files of single planes with --pattern."
    )


def _only_series(tif: Any, path: Path) -> tuple[Any, list[Finding]]:
    """Return the image that the file holds, and what lies beside it and is no copy of it.

    Smaller copies (pyramids, thumbnails) are passed by. A single smaller image, such as the label
    of a slide, is said to be left out; what could be a second image is refused.
    """
    where = escape(path)
    if not tif.series:
        raise FileFormatError(f"{where}: holds no complete image. Copy or export it again.")
    first = tif.series[0]
    if first.dtype is None or first.dtype.kind not in "buif":
        raise FileFormatError(
            f"{where}: holds pixels of type {first.dtype}, which are not intensities. "
            "Export real numbers."
        )
    others = [s for s in tif.series[1:] if not s.keyframe.is_reduced]
    rivals = [s for s in others if _THUMBNAIL * _plane_px(s) > _plane_px(first)]
    if rivals:
        shapes = " and ".join(str(s.shape) for s in (first, *rivals)[:3])
        raise (DividedImageError if tif.is_ome else FileFormatError)(
            f"{where}: holds {1 + len(rivals)} images (series) of shape {shapes}"
            f"{' and more' if len(rivals) > 2 else ''}. Save each as a file of its own."
        )
    beside = [s for s in others if not _is_copy(s, first)]
    said = [f"{s.name or 'one'} of shape {s.shape}" for s in beside]
    notes = [left_out(path, f"The file also holds {', '.join(said)}.")] if said else []
    return first, notes


def _plane_px(series: Any) -> int:
    return int(series.keyframe.imagelength * series.keyframe.imagewidth)


def _is_copy(series: Any, first: Any) -> bool:
    """Say whether a small image has the form of the large one, as thumbnails do."""
    small, large = series.keyframe, first.keyframe
    times = large.imagelength / small.imagelength, large.imagewidth / small.imagewidth
    return len(series) == 1 and abs(times[0] - times[1]) < 0.1 * max(times)


def _pages_left(tif: Any, path: Path) -> list[Finding]:
    """Say how many pages no image of the file refers to: its description is older than it is."""
    levels = [level for series in tif.series for level in series.levels]
    n_used = sum(len(level) for level in levels)
    if len(tif.pages) <= n_used or len(tif.pages) == 1:
        return []
    n_left = sum(
        not tif.pages.get(i, aspage=True).is_reduced for i in range(n_used, len(tif.pages))
    )
    said = f"The description speaks of {n_used} pages, and the file holds {len(tif.pages)}"
    return [left_out(path, f"{said}: the last {n_left} were not read.")] if n_left else []


def _as_meant(pixels: PlanePixels, tif: Any, series: Any, path: Path) -> PlanePixels:
    """Turn stored numbers into those that they stand for: 0 may be white, or -32,768."""
    page, meta = series.keyframe, (tif.imagej_metadata or {}) if tif.is_imagej else {}
    if page.photometric == 0 and pixels.dtype.kind == "u":  # not one bit: Python writes it so
        pixels = Inverted(pixels, bits=int(page.bitspersample))
    function, line = meta.get("cf", _LINE), (meta.get("c0"), meta.get("c1"))
    if function == _NONE or (function == _LINE and (None in line or line == (0, 1))):
        return pixels
    if function == _LINE and line == (-32768, 1) and pixels.dtype == "uint16":
        return Signed(pixels)
    said = "The calibration of brightness in the file was not applied: values are as stored."
    pixels.notes = (*pixels.notes, left_out(path, said))
    return pixels


def _stored_pixels(tif: Any, series: Any, where: str, role: Role) -> tuple[PlanePixels, str, int]:
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
    of_planes = page.axes == "SYX" or page.dtype.itemsize > 1
    if alpha and of_planes and not are_even(pixels, len(lead), colours):
        colours = samples  # four planes that a writer laid down as colours; no program mixes these
    if page.photometric == 3 and page.colormap is not None and role != "labels":
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
