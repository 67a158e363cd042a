"""Leica LIF, LOF and XLEF, through the library liffile: one scene for each image and tile."""

from __future__ import annotations

import struct
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import UNKNOWN, check_announced, check_shape
from fatescope.acquire.images.scale import MIN, UM, length_in
from fatescope.acquire.microscopes.scenes import LibraryPixels, Opened, Scene
from fatescope.base import Finding, escape, imported

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WAVELENGTHS = {"λ": "emission", "Λ": "excitation"}


def open_scenes(path: Path) -> list[Scene]:
    """List the images of a LIF file; of a mosaic each tile is one."""
    _check_header(path)
    holder = Opened(imported("liffile").LifFile(path))
    images = [image for image in holder.file.images if not image.is_flim]
    return [scene for image in images for scene in _scenes(holder, image, path)]


def _check_header(path: Path) -> None:
    """Raise where the text at the beginning is announced as longer than the whole file."""
    with path.open("rb") as stream:
        head = stream.read(13)
    if head.startswith(b"\x70\0\0\0") and len(head) == 13:
        (letters,) = struct.unpack_from("<I", head, 9)
        check_announced(2 * letters, path.stat().st_size, most=1, where=escape(path))


def _scenes(holder: Opened, image: Any, path: Path) -> list[Scene]:
    sizes = {a: int(n) for a, n in image.sizes.items()}
    if "Y" not in sizes or "X" not in sizes:
        return []  # a line scan or a spectrum alone
    where = escape(path)
    check_shape(tuple(sizes.values()), where)
    check_announced(image.nbytes, path.stat().st_size, most=UNKNOWN, where=where)
    outer = {a: n for a, n in sizes.items() if a not in "YXSM"}
    inner = {"S": sizes["S"]} if "S" in sizes else {}
    steps, letters, channels, notes = _meaning(image, outer, path)
    tiles = sizes.get("M", 1)
    scenes = []
    for m in range(tiles):
        pixels = LibraryPixels(
            shape=(*outer.values(), *inner.values(), sizes["Y"], sizes["X"]),
            dtype=image.dtype,
            where=where,
            read=partial(_read, holder, image, tuple(outer), m if tiles > 1 else None, bool(inner)),
        )
        pixels.notes = notes
        scenes.append(
            Scene(
                name=str(image.path) + (f"_tile{m + 1}" if tiles > 1 else ""),
                pixels=pixels,
                axes=letters + "".join(inner) + "YX",
                steps=steps,
                channels=channels,
                minutes=_minutes(image, sizes),
                objective=_objective(image),
                position_um=_position(image, m),
            )
        )
    return scenes


def _read(
    holder: Opened,  # kept open as long as one of its planes may be asked for
    image: Any,
    outer: tuple[str, ...],
    tile: int | None,
    colours: bool,
    at: tuple[int, ...],
    rows: range,
    columns: range,
) -> NDArray[Any]:
    """Read a plane whole, as the library does."""
    index = dict(zip(outer, at, strict=False))
    if tile is not None:
        index["M"] = tile
    frame = image.frame(**index)
    return np.asarray(frame[..., at[-1]] if colours else frame)


def _meaning(
    image: Any, outer: dict[str, int], path: Path
) -> tuple[dict[str, float | None], str, tuple[str, ...], tuple[Finding, ...]]:
    """Return steps, letters, channel names, and a finding where wavelengths become channels."""
    steps: dict[str, float | None] = {}
    for axis, points in image.coords.items():
        if axis in "ZYX" and len(points) > 1:
            step = abs(float(points[1]) - float(points[0]))
            steps[axis] = length_in(step, "m", UM)
        elif axis == "T" and len(points) > 1:
            steps["T"] = length_in(float(points[1]) - float(points[0]), "s", MIN)
    letters = "".join(a if len(a) == 1 else "Q" for a in outer)  # a second axis of channels
    channels = tuple(map(_channel, image._channels)) if "C" in outer else ()
    spectral = [a for a in outer if a in _WAVELENGTHS]
    if len(spectral) != 1 or "C" in outer:
        return steps, letters, channels, ()
    lambdas = image.coords.get(spectral[0])
    if lambdas is not None:
        channels = tuple(f"{float(at) * 1e9:.1f} nm" for at in lambdas)
    note = Finding(
        file=str(path),
        rule="odd-axes",
        severity="info",
        reason=f"The axis of {_WAVELENGTHS[spectral[0]]} wavelengths was taken as channels.",
    )
    return steps, letters.replace(spectral[0], "C"), channels, (note,)


def _channel(channel: Any) -> str:
    return str(getattr(channel, "name", "") or channel.lut_name or "")


def _minutes(image: Any, sizes: dict[str, int]) -> tuple[float, ...]:
    """Return when each frame was begun, from the stamps of all planes, which run in their order."""
    n, stamps = sizes.get("T", 1), image.timestamps
    if n < 2 or stamps is None or len(stamps) % n:
        return ()
    order = [a for a in sizes if a not in "YXS"]
    if order and order[0] != "T":
        return ()
    first = stamps.reshape(n, -1)[:, 0]
    return tuple(((first - first[0]) / np.timedelta64(1, "ms") / 60000).tolist())


def _objective(image: Any) -> str:
    """Return the name of the objective, which stands in the settings of the scanner or camera."""
    for element in image.xml_element.iter():
        name = element.attrib.get("ObjectiveName")
        if name:
            aperture = element.attrib.get("NumericalAperture", "")
            return f"{' '.join(name.split())} NA {aperture}" if aperture else name
    return ""


def _position(image: Any, tile: int) -> tuple[float, float] | None:
    """Return where the stage stood for a tile, in µm: y, x."""
    for number, element in enumerate(image.xml_element.iter("Tile")):
        if number == tile and {"PosX", "PosY"} <= set(element.attrib):
            return float(element.attrib["PosY"]) * 1e6, float(element.attrib["PosX"]) * 1e6
    return None
