"""OME-TIFF over several files: which planes of which image lie in the file at hand.

Recordings of Micro-Manager, Bio-Formats and others lay positions, channels or times into files of
their own, and each file describes them all, or says which one does. An image that lies in one of
the files as a whole is read from it like any other; one that lies in several is put together by
`microscopes.ome_set`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from fatescope.acquire.images.complaints import overheard
from fatescope.acquire.images.tiff_pixels import damaged_tiff
from fatescope.base import FileFormatError, escape, explained

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

COMPANION = ".companion.ome"
_MOST_TEXT = 2**28  # bytes that are looked at; not measured


class DividedImageError(FileFormatError):
    """A file holds a part of an image, or several images."""


def description_of(path: Path) -> tuple[str, Path]:
    """Return the OME-XML that describes a file, and the file that holds it: itself, or another.

    Raises
    ------
    FileFormatError
        If there is none.
    """
    text = _text_of(path)
    try:
        only = ElementTree.fromstring(text).find("{*}BinaryOnly")
    except ElementTree.ParseError as error:
        raise FileFormatError(
            f"{escape(path)}: its OME-XML is damaged ({escape(str(error))}). Copy it again."
        ) from error
    if only is None:
        return text, path
    holder = path.parent / PureWindowsPath(only.attrib.get("MetadataFile", "")).name
    if holder in (path, path.parent) or not holder.is_file():
        raise FileFormatError(
            f"{escape(path)}: is a part of a multi-file OME-TIFF that {escape(holder.name)} "
            "describes, which is not beside it. Copy the whole recording, or pass the files of "
            "single planes with --pattern."
        )
    return _text_of(holder), holder


def _text_of(path: Path) -> str:
    """Return the OME-XML in a companion file or at the first page of a TIFF."""
    import tifffile

    with path.open("rb") as stream:
        head = stream.read(2)
    if head in (b"II", b"MM"):
        with (
            explained(partial(damaged_tiff, escape(path))),
            overheard("tifffile"),
            tifffile.TiffFile(path, _multifile=False) as tif,
        ):
            return tif.ome_metadata or "<none/>"
    return path.read_bytes()[:_MOST_TEXT].decode("utf-8", errors="replace").lstrip("\ufeff \r\n")


def own_part(text: str, file_name: str) -> tuple[str | None, bool]:
    """Return the description of what lies in one file, and whether something of it lies elsewhere.

    Parameters
    ----------
    text : str
        OME-XML.
    file_name : str
        Of the file that holds it, without folders.

    Returns
    -------
    text : str or None
        OME-XML without the images and planes that lie in other files; ``None`` where all is known
        to lie in this one, or no XML can be read.
    divided : bool
        Whether an image lies in several files.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return None, False
    if root.find("{*}BinaryOnly") is not None:
        return None, True
    images = root.findall("{*}Image")
    named = [u for i in images for u in i.findall("{*}Pixels/{*}TiffData/{*}UUID")]
    own = _own_name(root, named, file_name)
    if all((u.text or "") == root.attrib.get("UUID", "") for u in named):
        return None, False
    divided = False
    for image in images:
        there = [
            (pixels, data, (uuid := data.find("{*}UUID")) is None or _is_own(uuid, own))
            for pixels in image.findall("{*}Pixels")
            for data in pixels.findall("{*}TiffData")
        ]
        for pixels, data, here in there:
            if not here:
                pixels.remove(data)
            elif (uuid := data.find("{*}UUID")) is not None:
                data.remove(uuid)  # which a file that was renamed is not found by
        n_here = sum(here for *_, here in there)
        divided = divided or 0 < n_here < len(there)
        if not n_here:
            root.remove(image)
    return ElementTree.tostring(root, encoding="unicode"), divided


def _own_name(root: Element, named: list[Any], file_name: str) -> tuple[str, str]:
    """Return the UUID and the name by which a description speaks of the file that holds it.

    A file that was renamed is known by its UUID; one without a UUID by its name, or because no
    other is spoken of.
    """
    uuid, name = root.attrib.get("UUID", ""), file_name.lower()
    speaks_of = {(u.text or "", u.attrib.get("FileName", "").lower()) for u in named}
    if len(speaks_of) == 1:
        return next(iter(speaks_of))
    return uuid, name


def _is_own(uuid: Element, own: tuple[str, str]) -> bool:
    by_id = bool(own[0]) and (uuid.text or "") == own[0]
    return by_id or (not own[0] and uuid.attrib.get("FileName", "").lower() == own[1])
