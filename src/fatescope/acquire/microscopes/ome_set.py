"""OME-TIFF over several files, with a companion file or without: each image as one.

The description says where every plane lies, so a recording of a thousand files is opened by
reading one, and a plane by opening the file that holds it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.images.ome_about import about_image
from fatescope.acquire.images.ome_files import COMPANION, description_of
from fatescope.acquire.microscopes.planes import OpenPages, PlanePlace
from fatescope.acquire.microscopes.scenes import LibraryPixels, Scene, several
from fatescope.base import FileFormatError, escape

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_THUMBNAIL = 4
"""An image of so many times fewer pixels than the first is a label or an overview."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """An image as it is described: where its planes lie."""

    element: Element
    axes: str
    lengths: tuple[int, ...]
    size: tuple[int, int]
    places: list[PlanePlace]

    @property
    def files(self) -> set[Path]:
        return {place.path for place in self.places}


def open_scenes(path: Path) -> list[Scene]:
    """Return the images of the set that a file belongs to, or those that lie in it alone."""
    root, images = _planned(path)
    if not images:
        raise FileFormatError(
            f"{escape(path)}: describes no image that lies in TIFF files. Give the images."
        )
    pages = OpenPages()
    return [_scene(root, image, path, pages) for image in images]


def set_files(path: Path) -> tuple[Path, ...]:
    """Return the files that make up the set of a file, the one that describes it first.

    Only itself where its images lie in it alone; files that are not there are left out.

    Raises
    ------
    FileFormatError
        If the file cannot be read.
    """
    _, images = _planned(path)
    files = {f for image in images for f in image.files if f.is_file()}
    holder = description_of(path)[1]
    if files <= {path}:
        return (path,)
    return (holder, *sorted(files - {holder}))


def _planned(path: Path) -> tuple[Element, list[_Planned]]:
    """Return the images of a set if one lies in several files, else those of this file alone."""
    text, holder = description_of(path)
    try:
        root = ElementTree.fromstring(text)
        files = _Files(root, path, holder)
        images = [p for e in root.findall("{*}Image") if (p := _plan(e, files)) is not None]
    except (ElementTree.ParseError, ArithmeticError, LookupError, ValueError) as error:
        raise FileFormatError(
            f"{escape(holder)}: its OME-XML is damaged ({escape(str(error))}). Copy it again."
        ) from error
    if not str(path).lower().endswith(COMPANION) and all(len(i.files) < 2 for i in images):
        images = [i for i in images if i.files == {path}]
    return root, [i for i in images if _THUMBNAIL * math.prod(i.size) > math.prod(images[0].size)]


class _Files:
    """Which file is meant by ``UUID``: those that were renamed are known by their own number."""

    def __init__(self, root: Element, path: Path, holder: Path) -> None:
        self.folder = holder.parent
        self.holder = holder
        own = root.attrib.get("UUID", "")
        self._by_uuid = {own: holder} if own and not holder.name.lower().endswith(COMPANION) else {}
        named = root.findall(".//{*}TiffData/{*}UUID")
        if len({u.text for u in named}) == 1 and holder == path and self._by_uuid:
            self._by_uuid = {str(named[0].text): path}  # a file of one, under another name

    def of(self, uuid: Element | None) -> Path:
        if uuid is None:
            return self.holder
        if (uuid.text or "") in self._by_uuid:
            return self._by_uuid[uuid.text or ""]
        parts = PureWindowsPath(uuid.attrib.get("FileName", "")).parts
        inside = [p for p in parts if p != ".." and not p.endswith(("\\", "/", ":"))]
        return self.folder.joinpath(*inside) if inside else self.holder


def _plan(image: Element, files: _Files) -> _Planned | None:
    """Return where the planes of an ``Image`` lie; nothing where it has no TIFF data."""
    pixels = image.find("{*}Pixels")
    if pixels is None:
        return None
    get = pixels.attrib
    order = get["DimensionOrder"][:1:-1]  # the last varies slowest
    samples = max(
        (int(c.attrib.get("SamplesPerPixel", 1)) for c in pixels.findall("{*}Channel")), default=1
    )
    lengths = tuple(int(get[f"Size{a}"]) // (samples if a == "C" else 1) for a in order)
    check_shape((*lengths, int(get["SizeY"]), int(get["SizeX"])), escape(files.holder))
    places: list[PlanePlace] = []
    n_planes = math.prod(lengths)
    for data in pixels.findall("{*}TiffData"):
        said = data.attrib
        count = int(said.get("PlaneCount", 1 if "IFD" in said else n_planes))
        first = 0
        for axis, length in zip(order, lengths, strict=True):
            first = first * length + int(said.get(f"First{axis}", 0))
        path = files.of(data.find("{*}UUID"))
        places.append(PlanePlace(first, count, path, int(said.get("IFD", 0))))
    if not places:
        return None
    axes, lengths = several(order, lengths)
    return _Planned(
        element=image,
        axes=axes,
        lengths=lengths,
        size=(int(get["SizeY"]), int(get["SizeX"])),
        places=sorted(places),
    )


def _scene(root: Element, image: _Planned, path: Path, pages: OpenPages) -> Scene:
    about = about_image(root, image.element)
    first = pages.of(image.places[0].path)
    samples = first.shape[1:-2]
    pixels = LibraryPixels(
        shape=(*image.lengths, *samples, *image.size),
        dtype=first.dtype,
        where=escape(path),
        read=partial(pages.read, image.places, image.axes, image.lengths),
    )
    return Scene(
        name=image.element.attrib.get("Name", ""),
        pixels=pixels,
        axes=image.axes + ("S" if samples else "") + "YX",
        steps=about.steps,
        channels=about.channels,
        minutes=about.minutes,
        objective=about.objective,
        position_um=about.position_um,
    )
