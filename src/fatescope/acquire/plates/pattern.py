"""Any folder whose file names say well, field and the rest: ``{well}_{field}_{channel}.tif``."""

from __future__ import annotations

from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.listing import Listing, natural_parts
from fatescope.acquire.sequences import read_pattern as read_names
from fatescope.base import InputError, PlateImage, escape, name_well, parse_well


def read_plate_pattern(listing: Listing, pattern: str) -> FoundPlate:
    """Read the files that fit a pattern; the first frame and plane on disk are number 0.

    Raises
    ------
    InputError
        If the pattern names no well, or no file fits it.
    """
    form = read_names(pattern)
    if "well" not in form.names and not {"row", "column"} <= set(form.names):
        raise InputError(
            f"--pattern {pattern!r} does not say where the well stands. Write {{well}}, or {{row}} "
            "and {column}."
        )
    found = FoundPlate(root=listing.root, format="pattern")
    for name in listing.names:
        values = form.read(name if "/" in pattern else name.rpartition("/")[2])
        image = values and _image(listing, name, values)
        if image:
            found.images.append(image)
    if not found.images:
        first = escape(listing.names[0]) if listing.names else "nothing"
        raise InputError(
            f"{escape(listing.root)}: no file fits --pattern {pattern!r} with a well such as B02; "
            f"the first is {first}. Write the names with placeholders, for example "
            "{well}_{field}_{channel}.tif."
        )
    _count_from_zero(found)
    found.channels = sorted({c for i in found.images for c in i.channels}, key=natural_parts)
    return found


def _image(listing: Listing, name: str, values: dict[str, str]) -> PlateImage | None:
    try:
        well = parse_well(values["well"]) if "well" in values else _placed(values)
    except InputError:
        return None
    field = values.get("field", "1")
    return PlateImage(
        path=listing.root / name,
        well=well,
        field=str(int(field)) if field.isdecimal() else field,
        frames=(int(values.get("frame", 0)),),
        channels=(values.get("channel", "0"),),
        planes=(int(values.get("plane", 0)),),
    )


def _placed(values: dict[str, str]) -> str:
    """Return the well of a row, which may be a letter or a number, and a column."""
    row, column = values["row"], values["column"]
    if row.isdecimal() and column.isdecimal():
        return name_well(int(row), int(column))
    return parse_well(row + column)


def _count_from_zero(found: FoundPlate) -> None:
    from dataclasses import replace

    frame = min(i.frames[0] for i in found.images)
    plane = min(i.planes[0] for i in found.images)
    found.images = [
        replace(i, frames=(i.frames[0] - frame,), planes=(i.planes[0] - plane,))
        for i in found.images
    ]
