"""NDTiff folders of Micro-Manager and Pycro-Manager: planes at places that ``NDTiff.index`` lists.

References
----------
github.com/micro-manager/NDTiffStorage, "NDTiff specification", version 3.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.microscopes.micromanager import number_in, stage_of
from fatescope.acquire.microscopes.scenes import LibraryPixels, Scene
from fatescope.base import FileFormatError, escape

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {0: "u1", 1: "<u2", 3: "<u2", 4: "<u2", 5: "<u2", 6: "<u2"}
_LETTERS = {"time": "T", "channel": "C", "z": "Z"}
_OTHERS = "QUVWHAEGJK"
"""Letters for axes that users of Pycro-Manager name themselves."""
_MOST_TEXT = 2**24  # bytes of one text, which a damaged file may announce longer
_SUMMARY_AT, _SUMMARY = 20, 2355492  # byte and mark of the summary (specification of NDTiff)


class _Plane(NamedTuple):
    at: dict[str, int | str]
    path: Path
    offset: int
    width: int
    height: int
    kind: int
    about: tuple[int, int]


def set_files(path: Path) -> tuple[Path, ...]:
    """Return the index and the stacks that it speaks of and that are there."""
    return (path, *sorted({p.path for p in _planes(path) if p.path.is_file()}))


def open_scenes(path: Path) -> list[Scene]:
    """Return an image for each position."""
    where = escape(path)
    planes = list(_planes(path))
    positions: dict[int | str, list[_Plane]] = {}
    for plane in planes:
        positions.setdefault(plane.at.get("position", 0), []).append(plane)
    kinds = {(p.width, p.height, p.kind) for p in planes}
    if len(kinds) != 1 or not kinds <= {(w, h, k) for w, h, k in kinds if k in _TYPES}:
        raise FileFormatError(
            f"{where}: its planes differ in size or type, or are colours. Export it as OME-TIFF."
        )
    return [
        _scene(where, str(name) if len(positions) > 1 else "", some)
        for name, some in sorted(positions.items(), key=lambda one: _order(one[0]))
    ]


def _scene(where: str, name: str, planes: Sequence[_Plane]) -> Scene:
    named = [*_LETTERS, *sorted({a for p in planes for a in p.at} - set(_LETTERS))]
    values = {a: sorted({p.at[a] for p in planes if a in p.at}, key=_order) for a in named}
    axes = [a for a in named if a != "position" and len(values[a]) > 1]
    lengths = tuple(len(values[a]) for a in axes)
    first = planes[0]
    check_shape((*lengths, first.height, first.width), where)
    places = {tuple(values[a].index(p.at.get(a, values[a][0])) for a in axes): p for p in planes}
    others = iter(_OTHERS)
    plane, summary = _json_at(first.path, *first.about), _summary(first.path)
    step = number_in(summary, "z-step_um")
    return Scene(
        name=name,
        pixels=LibraryPixels(
            shape=(*lengths, first.height, first.width),
            dtype=np.dtype(_TYPES[first.kind]).newbyteorder("="),
            where=where,
            read=partial(_read, places, _TYPES[first.kind]),
        ),
        axes="".join(_LETTERS.get(a) or next(others) for a in axes) + "YX",
        steps={
            **dict.fromkeys("YX", number_in(plane, "PixelSizeUm", summary, "PixelSize_um")),
            "Z": abs(step) if step else None,
            "T": (number_in(summary, "Interval_ms") or 0) / 60000 or None,
        },
        channels=tuple(map(str, values["channel"])) if "channel" in axes else (),
        position_um=stage_of(plane),
    )


def _order(value: int | str) -> tuple[int, str]:
    return (value, "") if isinstance(value, int) else (0, value)


def _read(
    places: Mapping[tuple[int, ...], _Plane],
    dtype: str,
    at: tuple[int, ...],
    rows: range,
    columns: range,
) -> NDArray[Any]:
    plane = places.get(at)
    if plane is None:
        raise FileFormatError(
            f"{escape(next(iter(places.values())).path)}: no file holds the plane {at} of its "
            "image: the recording was stopped, or is not whole. Copy it again."
        )
    start = plane.offset + rows.start * plane.width * np.dtype(dtype).itemsize
    values = np.fromfile(plane.path, dtype, count=len(rows) * plane.width, offset=start)
    return values.reshape(len(rows), plane.width)[:, columns.start : columns.stop]


def _planes(path: Path) -> Iterator[_Plane]:
    """Read the index; an entry that is cut off ends it, as where a recording was stopped."""
    content = path.read_bytes()
    at = 0
    while at < len(content):
        try:
            axes, at = _text(content, at)
            name, at = _text(content, at)
            numbers = struct.unpack_from("<8I", content, at)
            axes_of = {str(a): v for a, v in json.loads(axes).items() if isinstance(v, int | str)}
        except (struct.error, ValueError, AttributeError, RecursionError) as error:
            raise FileFormatError(
                f"{escape(path)}: is a damaged index of an NDTiff recording. Copy it again."
            ) from error
        at += 32
        offset, width, height, kind, _, about_at, about_size, _ = numbers
        file = path.with_name(PureWindowsPath(name).name or "none")
        yield _Plane(axes_of, file, offset, width, height, kind, (about_at, about_size))


def _text(content: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("<I", content, at)
    end = at + 4 + size
    if end > len(content):
        raise ValueError("cut off")
    return content[at + 4 : end].decode(), end


def _summary(path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        stream.seek(_SUMMARY_AT)
        marker, size = struct.unpack("<II", stream.read(8).ljust(8, b"\0"))
    return _json_at(path, _SUMMARY_AT + 8, size) if marker == _SUMMARY else {}


def _json_at(path: Path, at: int, size: int) -> dict[str, Any]:
    with path.open("rb") as stream:
        stream.seek(at)
        text = stream.read(min(size, _MOST_TEXT))
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
