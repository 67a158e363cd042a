"""Olympus (Evident) ScanR: ``data/A1--W00001--P00001--Z00000--T00000--DAPI.tif``.

Beside ``data`` lies ``experiment_descriptor.xml``, which knows which well a number is and how large
a pixel is; newer versions write ``data/metadata.ome.xml``.

References
----------
Bio-Formats, ScanrReader, for the words of the descriptor.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

from fatescope.acquire.images.scale import UM, length_in
from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.listing import Listing, natural_parts
from fatescope.base import FileFormatError, InputError, PlateImage, Spacing, escape, parse_well

_NAME = re.compile(
    r"(?P<well>[A-Z]{1,2}\d{1,2})?--W(?P<number>\d{5})--P(?P<field>\d{5})--Z(?P<plane>\d{5})--"
    r"T(?P<frame>\d{5})--(?P<channel>.+)\.tiff?",
    re.IGNORECASE,
)
_DESCRIPTOR, _OME = "experiment_descriptor.xml", "metadata.ome.xml"
_WELLS, _PIXEL = "well selection table + cDNA", "conversion factor um/pixel"
_MOST_BYTES = 2**28  # of a descriptor that is parsed; not measured


def is_scanr(listing: Listing) -> bool:
    """Tell whether a folder holds files that are named so."""
    return any(_NAME.fullmatch(n.rpartition("/")[2]) for n in listing.names)


def read_scanr(listing: Listing) -> FoundPlate:
    """Read a plate; wells are named by the files, or else by the descriptor.

    Raises
    ------
    FileFormatError
        If names have numbers of wells alone, and the descriptor is missing or does not know one.
    """
    found = FoundPlate(root=listing.root, format="scanr")
    said = list(_said(listing, _DESCRIPTOR))
    numbers = _numbered_wells(said)
    for name in listing.names:
        match = _NAME.fullmatch(name.rpartition("/")[2])
        if match is None:
            continue
        well = match["well"] or numbers.get(int(match["number"]), "")
        with suppress(InputError):
            found.images.append(
                PlateImage(
                    path=listing.root / name,
                    well=parse_well(well),
                    field=str(int(match["field"])),
                    frames=(int(match["frame"]),),
                    planes=(int(match["plane"]),),
                    channels=(match["channel"],),
                )
            )
            continue
        raise FileFormatError(
            f"{escape(listing.root / name)}: is of well number {int(match['number'])}, and "
            f"{_DESCRIPTOR}, which says which well that is, is missing or does not. Copy it beside "
            "the folder data."
        )
    found.channels = sorted({c for i in found.images for c in i.channels}, key=natural_parts)
    found.spacing = _spacing(listing, said)
    return found


def _said(listing: Listing, name: str) -> Iterator[tuple[str, str]]:
    """Yield each value of the descriptor with the last name before it; nothing if damaged."""
    last = ""
    for element in _elements(listing, name):
        text = (element.text or "").strip()
        if element.tag == "Name" and text:
            last = text
        elif element.tag == "Val" and text:
            yield last, text


def _elements(listing: Listing, name: str) -> Iterator[ElementTree.Element]:
    """Yield the elements of the first file of a name, in order."""
    path = next((listing.root / n for n in listing.names if n.rpartition("/")[2] == name), None)
    if path is None or path.stat().st_size > _MOST_BYTES:
        return
    with suppress(ElementTree.ParseError, OSError, ValueError):
        yield from _parsed(path).iter()


def _parsed(path: Path) -> ElementTree.Element:
    """Parse a file whose letters may be those of Windows without saying so."""
    data = path.read_bytes()
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError:
        text = re.sub(r"^\s*<\?xml[^>]*\?>", "", data.decode("latin-1"))
        return ElementTree.fromstring(text)


def _numbered_wells(said: list[tuple[str, str]]) -> dict[int, str]:
    """Return the well of each number: the table lists a number, then its name."""
    wells: dict[int, str] = {}
    number: int | None = None
    for key, value in said:
        if key != _WELLS:
            continue
        if value.isdecimal():
            number = int(value)
        elif number is not None:
            wells.setdefault(number, value)
    return wells


def _spacing(listing: Listing, said: list[tuple[str, str]]) -> Spacing:
    """Return the size of a pixel, where descriptor or OME-XML say it."""
    for key, value in said:
        um = length_in(value, "µm", UM) if key == _PIXEL else None
        if um:
            return Spacing.of(source="file", Y=um, X=um)
    for element in _elements(listing, _OME):
        if element.tag.endswith("}Pixels"):
            get = element.attrib.get
            y, x = (
                length_in(get(f"PhysicalSize{a}"), get(f"PhysicalSize{a}Unit", "µm"), UM)
                for a in "YX"
            )
            if y and x:
                return Spacing.of(source="file", Y=y, X=x)
    return Spacing()
