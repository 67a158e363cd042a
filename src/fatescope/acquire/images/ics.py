"""Image Cytometry Standard: a header of text lines, and the pixels behind it or in a file beside.

References
----------
Dean et al. 1990, Cytometry 11:561; libics of SVI and Delft, whose version 2.0 puts both in one
file.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from fatescope.acquire.images.announced import DEFLATE, check_announced, check_shape
from fatescope.acquire.images.lazy import PlanePixels
from fatescope.acquire.images.meaning import Role, held, with_axes
from fatescope.acquire.images.raw import RawPixels
from fatescope.acquire.images.scale import MIN, UM, believed, length_in
from fatescope.base import FileFormatError, Image, escape

_MOST_HEADER = 2**20  # bytes in which a header ends; not measured
_LETTERS = {"x": "X", "y": "Y", "z": "Z", "t": "T", "ch": "C", "c": "C"}


def read_ics(path: Path, *, axes: str | None, role: Role = "image") -> Image:
    """Open an ICS file; one that is packed, or whose rows are no rows of an image, is read whole.

    Raises
    ------
    FileFormatError
        If header or pixels are damaged or missing, or the values are no real numbers.
    """
    where = escape(path)
    said, start = _header(path)
    order, sizes = said.get("layout order", "").split(), said.get("layout sizes", "").split()
    try:
        lengths = {name.lower(): int(n) for name, n in zip(order, sizes, strict=True)}
        bits = lengths.pop("bits")
        if not lengths or min(lengths.values()) < 0:
            raise ValueError
    except (KeyError, ValueError) as error:
        raise _damaged(where, "its header names no axes with their lengths") from error
    shape = tuple(reversed(lengths.values()))
    check_shape(shape, where)
    letters = "".join(_LETTERS.get(n, "QUVWH"[i % 5]) for i, n in enumerate(reversed(lengths)))
    if not {"X", "Y"} <= set(letters) or len(set(letters)) != len(letters):
        raise _damaged(where, f"its axes are {', '.join(lengths)}")
    dtype = _dtype(said, bits, where)
    pixels, stored = _pixels(path, start, said, shape, dtype, letters)
    spacing, notes = believed(_steps(said), str(path))
    pixels.notes = notes
    in_order, canonical, names = with_axes(pixels, stored, axes=axes, colours=3, path=path)
    return Image(
        pixels=in_order,
        axes=canonical,
        spacing=spacing.only(canonical),
        channels=names,
        name=str(path),
    )


def _header(path: Path) -> tuple[dict[str, str], int]:
    """Return the lines by their first words, and where the pixels of version 2.0 begin."""
    with path.open("rb") as stream:
        text = stream.read(_MOST_HEADER)
    said: dict[str, str] = {}
    at = 0
    for raw in text.splitlines(keepends=True):
        at += len(raw)
        words = raw.decode("latin-1").split()  # tabs between them, or spaces
        if words[:1] == ["end"]:
            return said, at
        named = 1 if words[:1] == ["ics_version"] else 2
        said.setdefault(" ".join(words[:named]), " ".join(words[named:]))
    return said, at  # version 1.0 needs no end: the pixels are in another file


def _dtype(said: dict[str, str], bits: int, where: str) -> np.dtype[Any]:
    kind = said.get("representation format", "integer").lower()
    sign = said.get("representation sign", "unsigned").lower()
    letter = {"integer": "i" if sign == "signed" else "u", "real": "f"}.get(kind)
    if letter is None or bits not in ((8, 16, 32, 64) if letter != "f" else (32, 64)):
        raise FileFormatError(
            f"{where}: stores values of the kind {escape(kind)} in {bits} bits, which are no "
            "intensities. Export real numbers."
        )
    first = said.get("representation byte_order", "1").split()
    return np.dtype(f"{'<' if first[:1] == ['1'] else '>'}{letter}{bits // 8}")


def _pixels(
    path: Path,
    start: int,
    said: dict[str, str],
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    letters: str,
) -> tuple[PlanePixels, str]:
    """Return the pixels, from behind the header or from the file beside, with Y and X last."""
    size = math.prod(shape) * dtype.itemsize
    where, source, at = escape(path), path, start
    if not said.get("ics_version", "1.0").startswith("2"):
        beside = [p for e in (".ids", ".IDS") if (p := path.with_suffix(e)).is_file()]
        if not beside:
            raise FileFormatError(
                f"{where}: its pixels lie in {escape(path.with_suffix('.ids').name)}, which is not "
                "beside it. Copy both files."
            )
        source, at = beside[0], 0
    how = said.get("representation compression", "uncompressed").lower()
    there = source.stat().st_size - at
    check_announced(size, there, most=1 if how == "uncompressed" else DEFLATE, where=where)
    if how == "uncompressed" and there < size:
        raise _damaged(where, f"{there} bytes of pixels are there of {size}")
    if how == "uncompressed" and letters.endswith("YX"):
        return RawPixels(source, start=at, shape=shape, dtype=dtype), letters
    with source.open("rb") as stream:
        stream.seek(at)
        if how == "uncompressed":
            data = stream.read(size)
        elif how == "gzip":
            try:
                data = zlib.decompressobj(31).decompress(stream.read(), size)
            except zlib.error as error:
                raise _damaged(where, f"its pixels cannot be unpacked: {error}") from error
        else:
            raise FileFormatError(f"{where}: is packed by {escape(how)}. Save it with gzip.")
    if len(data) != size:
        raise _damaged(where, f"{len(data)} bytes of pixels are there of {size}")
    values = np.frombuffer(data, dtype).astype(dtype.newbyteorder("="), copy=False)
    return held(values.reshape(shape), letters)


def _steps(said: dict[str, str]) -> dict[str, float | None]:
    """Return the steps that have a unit; ``undefined`` is none."""
    order = [n.lower() for n in said.get("layout order", "").split()]
    scale, units = said.get("parameter scale", "").split(), said.get("parameter units", "").split()
    steps: dict[str, float | None] = {}
    for name, step, unit in zip(order, scale, units, strict=False):
        letter = _LETTERS.get(name)
        if letter in ("X", "Y", "Z", "T"):
            steps[letter] = length_in(step, unit, MIN if letter == "T" else UM) or None
    return steps


def _damaged(where: str, why: str) -> FileFormatError:
    return FileFormatError(f"{where}: is a damaged ICS file: {why}. Copy or export it again.")
