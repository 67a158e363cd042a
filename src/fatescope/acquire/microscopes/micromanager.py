"""Micro-Manager's folders of single planes: ``metadata.txt`` beside ``img_*.tif``.

Versions 1.4 and 2 write one folder a position, with the same content under other names. Their
stacks (``*_MMStack_*.ome.tif``) are OME-TIFF, and read as that.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import Any

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.images.meaning import left_out
from fatescope.acquire.microscopes.planes import OpenPages, PlanePlace
from fatescope.acquire.microscopes.scenes import LibraryPixels, Scene, several
from fatescope.base import FileFormatError, escape

_AXES = "TCZ"
_INDEX = {"T": ("FrameIndex", "Frame"), "C": ("ChannelIndex",), "Z": ("SliceIndex", "Slice")}
_NESTED = 50
"""Groups within an entry that may follow the last one that is whole."""
_LAST_WHOLE = re.compile(r"\}\s*,")
_Plane = Mapping[str, Any]


def set_files(path: Path) -> tuple[Path, ...]:
    """Return ``metadata.txt`` and the planes that it speaks of and that are there."""
    _, planes = _read(path)
    return (path, *sorted({f for plane in planes.values() if (f := _file(path, plane)).is_file()}))


def open_scenes(path: Path) -> list[Scene]:
    """Return the image whose planes lie beside ``metadata.txt``.

    A recording that was stopped ends with its last whole frame; what is left out is said.
    """
    summary, planes = _read(path)
    there = {at: plane for at, plane in planes.items() if _file(path, plane).is_file()}
    if not there:
        raise FileFormatError(f"{escape(path)}: none of the planes that it lists is beside it.")
    n_c, n_z = (max(at[i] for at in there) + 1 for i in (1, 2))
    n_t = next(t for t in range(len(there) + 1) if not _is_whole(there, t, n_c, n_z))
    if not n_t:
        raise FileFormatError(
            f"{escape(path)}: of its first frame of {n_c} channels x {n_z} planes, some are "
            "missing. Copy the whole recording."
        )
    axes, lengths = several(_AXES, (n_t, n_c, n_z))
    pages = OpenPages()
    first = pages.of(_file(path, there[0, 0, 0]))
    check_shape((*lengths, *first.shape[1:]), escape(path))
    places = [
        PlanePlace((t * n_c + c) * n_z + z, 1, _file(path, plane), 0)
        for (t, c, z), plane in sorted(there.items())
        if t < n_t
    ]
    pixels = LibraryPixels(
        shape=(*lengths, *first.shape[1:]),
        dtype=first.dtype,
        where=escape(path),
        read=partial(pages.read, places, axes, lengths),
    )
    if len(planes) > math.prod(lengths):
        said = f"{len(planes) - math.prod(lengths)} planes of frames that are not whole"
        pixels.notes = (left_out(path, f"The recording was stopped: {said} were left out."),)
    plane = there[0, 0, 0]
    step = number_in(summary, "z-step_um")
    names = summary.get("ChNames")
    return [
        Scene(
            pixels=pixels,
            axes=axes + ("S" if len(first.shape) == 4 else "") + "YX",
            steps={
                **dict.fromkeys("YX", number_in(plane, "PixelSizeUm", summary, "PixelSize_um")),
                "Z": abs(step) if step else None,
                "T": (number_in(summary, "Interval_ms") or 0) / 60000 or None,
            },
            channels=tuple(map(str, names)) if isinstance(names, list) else (),
            minutes=_minutes(there, n_t),
            position_um=stage_of(plane),
        )
    ]


def _read(path: Path) -> tuple[dict[str, Any], dict[tuple[int, int, int], _Plane]]:
    """Return the summary, and what is said of each plane by frame, channel and slice."""
    text = path.read_text(encoding="utf-8", errors="replace")
    said = _parsed(text)
    if not isinstance(said, dict) or not isinstance(said.get("Summary"), dict):
        raise FileFormatError(
            f"{escape(path)}: is not the metadata of a Micro-Manager recording, or is cut off. "
            "Give the images."
        )
    planes: dict[tuple[int, int, int], _Plane] = {}
    for key, plane in said.items():
        if not isinstance(plane, dict) or not key.startswith(("FrameKey-", "Metadata-")):
            continue
        name = plane.get("FileName") or key.partition("-")[2]
        t, c, z = (_index(plane, axis) for axis in _AXES)
        if t is None or c is None or z is None:
            continue
        if str(name).lower().endswith((".tif", ".tiff")):
            planes[t, c, z] = {**plane, "FileName": name}
    return said["Summary"], planes


def _parsed(text: str) -> Any:
    """Read the JSON; of a recording that was stopped, up to the last entry that is whole."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        ends = [match.start() for match in _LAST_WHOLE.finditer(text)]
    for end in ends[: -_NESTED - 1 : -1]:
        with suppress(ValueError, RecursionError):
            return json.loads(text[:end] + "}}")
    return None


def _file(path: Path, plane: _Plane) -> Path:
    return path.with_name(PureWindowsPath(str(plane["FileName"])).name or "none")


def _index(plane: _Plane, axis: str) -> int | None:
    for key in _INDEX[axis]:
        if isinstance(value := plane.get(key), int) and 0 <= value < 10**7:
            return value
    return None


def _is_whole(planes: Mapping[tuple[int, int, int], _Plane], t: int, n_c: int, n_z: int) -> bool:
    return all((t, c, z) in planes for c in range(n_c) for z in range(n_z))


def stage_of(plane: _Plane) -> tuple[float, float] | None:
    """Return where the stage stood for a plane, in µm: y, x; as told where that is not written."""
    y, x = (number_in(plane, f"{a}PositionUm", plane, f"{a}Position_um_Intended") for a in "YX")
    return None if y is None or x is None else (y, x)


def number_in(
    said: Mapping[str, Any], key: str, other: _Plane | None = None, its: str = ""
) -> float | None:
    """Return a number that is not 0, which stands for unknown."""
    try:
        value = float(said.get(key, 0)) or None
    except (TypeError, ValueError):
        value = None
    return number_in(other, its) if value is None and other is not None else value


def _minutes(planes: Mapping[tuple[int, int, int], _Plane], n_t: int) -> tuple[float, ...]:
    """Return when the first plane of each frame was taken, where all are known and grow."""
    taken = [number_in(planes[t, 0, 0], "ElapsedTime-ms") for t in range(n_t)]
    if n_t < 2 or None in taken[1:]:
        return ()
    return tuple((ms or 0) / 60000 for ms in taken)
