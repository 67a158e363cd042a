"""Zeiss CZI, through Zeiss's own library, which joins the tiles of a mosaic."""

from __future__ import annotations

import math
import re
import struct
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np

from fatescope.acquire.images.announced import UNKNOWN, check_announced, check_shape
from fatescope.acquire.images.scale import UM, length_in
from fatescope.acquire.microscopes.czi_blocks import CziBlocks
from fatescope.acquire.microscopes.scenes import LibraryPixels, Opened, Scene
from fatescope.base import FileFormatError, Finding, escape, imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TYPES = {
    "Gray8": ("uint8", 1),
    "Gray16": ("uint16", 1),
    "Gray32Float": ("float32", 1),
    "Bgr24": ("uint8", 3),
    "Bgr48": ("uint16", 3),
}
_OTHERS = "RIHVB"
"""Axes that have no place in an image: rotation, illumination, phase, view, block."""
_LEAST_PLANE = 32
"""Bytes that each plane takes in the directory of a file, at least."""
_MAGIC, _ATTACHED = b"ZISRAWFILE", 256
_MOST_ATTACHED = 10_000  # parts; damaged directories announced millions (record 0372)


def open_scenes(path: Path) -> list[Scene]:
    """List the scenes of a CZI file."""
    holder = Opened(imported("pylibCZIrw.czi").CziReader(str(path)))
    reader, where = holder.file, escape(path)
    box = {a: (int(low), int(high)) for a, (low, high) in reader.total_bounding_box.items()}
    _check_lengths(path, box)
    for axis in _OTHERS:
        if axis in box and box[axis][1] - box[axis][0] > 1:
            raise FileFormatError(
                f"{where}: has {box[axis][1] - box[axis][0]} images along the axis {axis} (rotation"
                ", illumination, phase, view or block). Process it in ZEN, and export the result."
            )
    # planes that were left out, such as a fluorescence channel taken every tenth frame
    lead = {a: box[a] for a in "TCZ" if a in box and box[a][1] - box[a][0] > 1}
    kinds = {reader.get_channel_pixel_type(c) for c in range(*box.get("C", (0, 1)))}
    if len(kinds) != 1 or not kinds <= set(_TYPES):
        raise FileFormatError(
            f"{where}: has channels of type {' and '.join(sorted(kinds))}; channels of one type out"
            f" of {', '.join(_TYPES)} are read. Export it from ZEN as OME-TIFF."
        )
    dtype, samples = _TYPES[kinds.pop()]
    rectangles = dict(reader.scenes_bounding_rectangle_no_pyramid) or {
        None: reader.total_bounding_rectangle_no_pyramid
    }
    about = _About(reader.raw_metadata)
    blocks = CziBlocks(path)
    scenes = []
    for number, rectangle in sorted(rectangles.items(), key=lambda one: one[0] or 0):
        x, y, w, h = (int(n) for n in rectangle)
        shape = (*(high - low for low, high in lead.values()), *([3] if samples == 3 else []), h, w)
        check_shape(shape, where)
        announced = math.prod(shape) * np.dtype(dtype).itemsize
        check_announced(announced, path.stat().st_size, most=UNKNOWN, where=where)
        pixels = LibraryPixels(
            shape=shape,
            dtype=dtype,
            where=where,
            read=partial(_read, holder, blocks, tuple(lead.items()), (x, y), number, samples),
        )
        pixels.notes = about.notes(path)
        steps = about.steps()
        scenes.append(
            Scene(
                name=about.scene(number) if len(rectangles) > 1 else "",
                pixels=pixels,
                axes="".join(lead) + ("S" if samples == 3 else "") + "YX",
                steps=steps,
                channels=about.channels(),
                minutes=_minutes(path, lead),
                objective=about.objective(),
                position_um=_place(steps, y, x),
            )
        )
    return scenes


def _check_lengths(path: Path, box: dict[str, tuple[int, int]]) -> None:
    """Raise where an axis is longer than the file has room for planes: its directory is damaged."""
    most = path.stat().st_size // _LEAST_PLANE
    for axis, (low, high) in box.items():
        if axis not in "YX" and high - low > most:
            raise FileFormatError(
                f"{escape(path)}: announces {high - low} images along the axis {axis}, for which "
                "it has no room: its directory is damaged. Copy or export it again."
            )


def _place(steps: dict[str, float | None], y: int, x: int) -> tuple[float, float] | None:
    """Return where a scene begins, in µm: all scenes lie on one grid of pixels."""
    down, across = steps.get("Y"), steps.get("X")
    return (y * down, x * across) if down and across else None


def _read(
    holder: Opened,
    blocks: CziBlocks,
    lead: tuple[tuple[str, tuple[int, int]], ...],
    corner: tuple[int, int],
    scene: int | None,
    samples: int,
    at: tuple[int, ...],
    rows: range,
    columns: range,
) -> NDArray[Any]:
    """Read a rectangle; the library joins the tiles that it meets, the later one on top."""
    plane = {axis: low + i for (axis, (low, _)), i in zip(lead, at, strict=False)}
    blocks.check(plane)
    x, y = corner
    roi = (x + columns.start, y + rows.start, len(columns), len(rows))
    block = holder.file.read(roi=roi, plane=plane, scene=scene)
    return np.asarray(block[..., 2 - at[-1] if samples == 3 else 0])  # stored as blue, green, red


class _About:
    """What the metadata of the file say, in the words of ZEN."""

    def __init__(self, text: str) -> None:
        try:
            self._root = ElementTree.fromstring(text)
            self._damaged = False
        except ElementTree.ParseError:
            self._root, self._damaged = ElementTree.Element("none"), True

    def notes(self, path: Path) -> tuple[Finding, ...]:
        """Say where nothing of it could be read."""
        if not self._damaged:
            return ()
        said = "The metadata of the file are no XML; scale and names of channels are unknown."
        return (Finding(file=str(path), rule="no-scale", severity="warning", reason=said),)

    def steps(self) -> dict[str, float | None]:
        """Return the calibrated steps in µm; 0 stands for unknown."""
        found = {}
        for item in self._root.iter("Distance"):
            axis, value = item.attrib.get("Id", ""), item.findtext("Value")
            if axis in ("X", "Y", "Z") and value and axis not in found:
                found[axis] = length_in(value, "m", UM) or None
        return found

    def channels(self) -> tuple[str, ...]:
        """Return the names of the channels, of the dyes where they have none."""
        listed = self._root.findall(".//Information/Image/Dimensions/Channels/Channel")
        shown = self._root.findall(".//DisplaySetting/Channels/Channel")
        names = []
        for i, channel in enumerate(listed):
            beside = shown[i].attrib.get("Name", "") if i < len(shown) else ""
            names.append(channel.attrib.get("Name") or beside or channel.findtext("Fluor") or "")
        return tuple(n or f"channel {i}" for i, n in enumerate(names)) if any(names) else ()

    def objective(self) -> str:
        """Return the name of the objective."""
        for element in self._root.findall(".//Instrument/Objectives/Objective"):
            name = element.findtext("Manufacturer/Model") or element.attrib.get("Name", "")
            if name:
                return " ".join(name.split())
        return " ".join((self._root.findtext(".//AutoScaling/ObjectiveName") or "").split())

    def scene(self, number: int | None) -> str:
        """Return the name of a scene: of its well, where it is one of a plate."""
        for scene in self._root.findall(".//Dimensions/S/Scenes/Scene"):
            if scene.attrib.get("Index") == str(number):
                well, name = scene.find("Shape"), scene.attrib.get("Name", "")
                of = well.attrib.get("Name", "") if well is not None else ""
                return f"{of}_{name}" if of and name and of not in name else name or of
        return f"S{(number or 0) + 1}"


def _minutes(path: Path, lead: dict[str, tuple[int, int]]) -> tuple[float, ...]:
    """Return when each frame was taken: ZEN attaches the seconds as ``TimeStamps``."""
    if "T" not in lead:
        return ()
    n = lead["T"][1] - lead["T"][0]
    with path.open("rb") as stream:
        stream.seek(0)
        head = stream.read(32 + 80)
        if not head.startswith(_MAGIC) or len(head) < 112:
            return ()
        (place,) = struct.unpack_from("<q", head, 32 + 72)
        stream.seek(max(0, place))
        segment = stream.read(32 + 4)
        if not segment.startswith(b"ZISRAWATTDIR") or len(segment) < 36:
            return ()
        (count,) = struct.unpack_from("<i", segment, 32)
        stream.seek(place + 32 + 256)
        entries = stream.read(128 * min(max(count, 0), _MOST_ATTACHED))
        for at in range(0, len(entries) - 127, 128):
            name = entries[at + 48 : at + 128].split(b"\0")[0]
            if re.fullmatch(rb"TimeStamps", name):
                (there,) = struct.unpack_from("<q", entries, at + 12)
                stream.seek(max(0, there) + 32 + _ATTACHED)
                size, stored = struct.unpack("<ii", stream.read(8).ljust(8, b"\0"))
                if stored < n or size != 8 + 8 * stored:
                    return ()
                seconds = np.frombuffer(stream.read(8 * n), "<f8")
                return tuple((seconds / 60).tolist()) if np.isfinite(seconds).all() else ()
    return ()
