"""Olympus OIB and OIF, through the library oiffile: FluoView recordings, a TIFF for each plane."""

from __future__ import annotations

import math
import struct
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import LZW, check_announced, check_shape
from fatescope.acquire.images.scale import MIN, UM, length_in
from fatescope.acquire.microscopes.scenes import LibraryPixels, Opened, Scene
from fatescope.base import FileFormatError, escape, imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")
_HEAD = 512
_AXES = {"L": "Q", "A": "Q", "P": "Q"}
"""Wavelengths, animation and point scans have no place in an image."""


def open_scenes(path: Path) -> list[Scene]:
    """Return the one image of a recording."""
    _check_sectors(path)
    holder = Opened(imported("oiffile").OifFile(path))
    file, where = holder.file, escape(path)
    series = file.series[0]
    axes, lengths = str(series.axes), tuple(map(int, series.shape))
    said = file.mainfile
    size = tuple(int(n) for n in _plane(holder, where, 0, None).shape)
    check_shape((*lengths, *size), where)
    pixels = LibraryPixels(
        shape=(*lengths, *size),
        dtype=file.dtype,
        where=where,
        read=partial(_read, holder, where, lengths, size),
    )
    letters = "".join(_AXES.get(a, a) for a in axes)
    scene = Scene(
        pixels=pixels,
        axes=letters + "YX",
        steps=_steps(said),
        channels=_channels(said, lengths[axes.index("C")] if "C" in axes else 1),
        objective=_objective(said),
    )
    return [scene]


def _check_sectors(path: Path) -> None:
    """Raise where the sectors of an OIB follow each other without end, as the library would."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        if head[:8] != _COMPOUND or len(head) < _HEAD:
            return
        size = 2 ** min(struct.unpack_from("<H", head, 30)[0], 16)
        n_tables, start_small, n_small, start_more, n_more = (
            struct.unpack_from("<I", head, at)[0] for at in (44, 60, 64, 68, 72)
        )
        there = path.stat().st_size // size
        places = np.frombuffer(head, "<u4", 109, 76).tolist()

        def sector(number: int) -> NDArray[np.uint32]:
            stream.seek((1 + number) * size)
            return np.frombuffer(stream.read(size).ljust(size, b"\xff"), "<u4")

        ends = max(n_tables, n_small, n_more) <= there
        for _ in range(n_more if ends else 0):
            *listed, start_more = sector(start_more).tolist()
            places += listed
        nothing = np.zeros(0, np.uint32)
        table = np.concatenate([nothing, *map(sector, places[: n_tables if ends else 0])])
        small = [nothing]
        if ends and (ends := _has_end(table)):
            while start_small < len(table) and len(small) <= n_small:
                small.append(sector(start_small))
                start_small = int(table[start_small])
            ends = _has_end(np.concatenate(small))
    if not ends:
        raise FileFormatError(
            f"{escape(path)}: its table of sectors is damaged. Copy or export it again."
        )


def _has_end(following: NDArray[np.uint32]) -> bool:
    """Say whether every sector leads to an end: after so many steps none leads to a sector."""
    n = len(following)
    steps = np.append(np.minimum(following, n), n)
    for _ in range(n.bit_length()):
        steps = steps[steps]
    return bool((steps == n).all())


def _plane(holder: Opened, where: str, number: int, size: tuple[int, ...] | None) -> NDArray[Any]:
    """Read the TIFF of a plane, which is asked how large it is before anything is allocated."""
    import tifffile

    name = list(holder.file.series[0])[number]
    with holder.file.open_file(name) as stream, tifffile.TiffFile(stream, name=name) as tif:
        series = tif.series[0]
        check_announced(series.nbytes, tif.filehandle.size, most=LZW, where=where)
        if size is not None and series.shape != size:
            raise FileFormatError(
                f"{where}: plane {number} has {series.shape} pixels and not {size}. Copy the file "
                "again."
            )
        return np.asarray(tif.asarray())


def _read(
    holder: Opened,
    where: str,
    lengths: tuple[int, ...],
    size: tuple[int, ...],
    at: tuple[int, ...],
    rows: range,
    columns: range,
) -> NDArray[Any]:
    """Read a plane whole; each is a small file of its own."""
    return _plane(holder, where, int(np.ravel_multi_index(at, lengths)) if lengths else 0, size)


def _steps(said: Any) -> dict[str, float | None]:
    """Return the steps: of X and Y the field over its pixels, of Z and T from first to last."""
    steps: dict[str, float | None] = {}
    for number in range(8):
        axis = said.get(f"Axis {number} Parameters Common", {})
        code, n = axis.get("AxisCode"), axis.get("MaxSize", 0)
        start, end = axis.get("StartPosition"), axis.get("EndPosition")
        if code not in ("X", "Y", "Z", "T") or not n or start is None or end is None:
            continue
        intervals = n if code in "XY" else n - 1
        if intervals < 1 or not math.isfinite(float(end) - float(start)):
            continue
        step = abs(float(end) - float(start)) / intervals
        steps[code] = length_in(step, axis.get("UnitName"), MIN if code == "T" else UM) or None
    return steps


def _channels(said: Any, n: int) -> tuple[str, ...]:
    names = []
    for number in range(1, n + 1):
        channel = said.get(f"GUI Channel {number} Parameters", {})
        names.append(str(channel.get("DyeName") or channel.get("Name") or f"CH{number}"))
    return tuple(names)


def _objective(said: Any) -> str:
    optics = said.get("Acquisition Parameters Common", {}) or {}
    for group in (optics, said.get("Capturing condition", {}) or {}):
        for key in ("Objective Lens", "ObjectiveLens", "ObjectiveLens Name"):
            if group.get(key):
                return str(group[key])
    return ""
