"""Opera Phenix and Operetta: one TIFF a plane, and an index that Harmony writes.

Harmony 4 and 5 describe the channel in each image, Harmony 6 and later once in a map. Stage
positions and pixel sizes are in metres, Y of the stage points upward.
"""

from __future__ import annotations

import re

from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.frame_times import date_frames, moment, usual_minutes
from fatescope.acquire.plates.listing import Listing, by_last_name, named_inside, parent
from fatescope.acquire.plates.mixed_scale import mixed_scale
from fatescope.acquire.plates.record_numbers import measured, usual_step, whole
from fatescope.acquire.plates.xml_records import Record, read_records
from fatescope.base import FileFormatError, InputError, PlateImage, Spacing, escape, name_well

INDEX = ("index.idx.xml", "index.ref.xml", "index.xml")
"""In the order in which they are believed."""
_NAME = re.compile(r"r(\d+)c(\d+)f(\d+)p(\d+)\w*-ch(\d+)(?:sk|t)(\d+)\w*\.tiff?", re.IGNORECASE)


def find_index(listing: Listing) -> list[str]:
    """Return the indices of a listing, the most believed one of each folder first."""
    found: dict[str, str] = {}
    for kind in reversed(INDEX):
        for name in listing.names:
            if name.rpartition("/")[2].casefold() == kind:
                found[parent(name)] = name
    return list(found.values())


def is_operetta(listing: Listing) -> bool:
    """Tell whether a folder holds such an index, or files that are named so."""
    return bool(find_index(listing)) or any(_match(n) for n in listing.names)


def _match(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(name.rpartition("/")[2])


def read_operetta(listing: Listing) -> FoundPlate:
    """Read a plate of Harmony.

    Raises
    ------
    FileFormatError
        If the index is damaged or lists no image, or there are several plates.
    """
    found = FoundPlate(root=listing.root, format="operetta")
    indices = find_index(listing)
    if len(indices) > 1:
        raise FileFormatError(
            f"{escape(listing.root)}: holds {len(indices)} plates, such as "
            f"{escape(parent(indices[0]))} and {escape(parent(indices[1]))}. Give one of them."
        )
    listed = _read_listed(listing, indices[0], found) if indices else set()
    for name in listing.names:
        match = None if name in listed else _match(name)
        if match is not None:
            row, column, field, plane, channel, frame = map(int, match.groups())
            place = (row, column, field, frame - 1, plane - 1)
            image = _image(listing, name, place, str(channel))
            if image is not None:
                found.images.append(image)
                found.unlisted += [name] if indices else []
    return found


def _image(listing: Listing, name: str, place: tuple[int, ...], channel: str) -> PlateImage | None:
    """Return the image at row, column, field, frame and plane; ``None`` where no well is there."""
    row, column, field, frame, plane = place
    try:
        well = name_well(row, column)
    except InputError:
        return None
    return PlateImage(
        path=listing.root / name,
        well=well,
        field=str(field),
        frames=(max(frame, 0),),
        channels=(channel,),
        planes=(max(plane, 0),),
    )


def _read_listed(listing: Listing, index: str, found: FoundPlate) -> set[str]:
    """Read what the index lists, and return the names of files that it accounts for."""
    images: list[Record] = []
    entries: dict[str, Record] = {}

    def take_image(record: Record) -> None:
        if record.get("URL"):
            images.append({k: v for k, v in record.items() if k in _USED})

    def take_entry(record: Record) -> None:
        merged = entries.setdefault(record.get("ChannelID", ""), {})
        merged |= {k: v for k, v in record.items() if k in _USED and v}

    read_records(listing.root / index, {"Image": take_image, "Entry": take_entry})
    if not images:
        raise FileFormatError(
            f"{escape(listing.root / index)}: lists no image. Copy or export the plate again."
        )
    records = [{**entries.get(r.get("ChannelID", ""), {}), **r} for r in images]
    first_frame = min(whole(r, "TimepointID") for r in records)
    first_plane = min(whole(r, "PlaneID") for r in records)
    names = _channel_names(records)
    folded = listing.by_folded()
    elsewhere = by_last_name(listing)
    here: set[str] = set()
    for record in records:
        wanted = named_inside(parent(index), record["URL"])
        if wanted is None:
            found.outside.append(record["URL"])
            continue
        # Harmony 7 writes its index above the folder of images, and names no folder.
        name = folded.get(wanted.casefold()) or elsewhere.get(wanted.rpartition("/")[2].casefold())
        if name is None:
            found.lacking += 1
            found.lacking_first = found.lacking_first or wanted
            continue
        place = (
            whole(record, "Row"),
            whole(record, "Col"),
            whole(record, "FieldID"),
            whole(record, "TimepointID") - first_frame,
            whole(record, "PlaneID") - first_plane,
        )
        image = _image(listing, name, place, names[record.get("ChannelID", "1")])
        if image is not None:  # else the name of the file says where it belongs
            here.add(name)
            found.images.append(image)
            _add_position(found, image, record)
    found.channels = list(names.values())
    found.spacing = _spacing(records)
    found.findings += mixed_scale(_pixels(records, names), found.spacing.um("YX") or ())
    date_frames(found, _times(records, first_frame))
    return here


_USED = {
    *("URL", "Row", "Col", "FieldID", "PlaneID", "TimepointID", "ChannelID", "ChannelName"),
    *("ImageResolutionX", "ImageResolutionY", "PositionX", "PositionY", "PositionZ"),
    *("AbsPositionZ", "MeasurementTimeOffset", "AbsTime"),
}


def _channel_names(records: list[Record]) -> dict[str, str]:
    """Return the name of each channel by its number; equal names get the number behind."""
    names: dict[str, str] = {}
    for record in records:
        key = record.get("ChannelID", "1")
        names[key] = names.get(key) or record.get("ChannelName", "")
    ordered = sorted(names, key=lambda k: (len(k), k))
    twice = [n for n in names.values() if list(names.values()).count(n) > 1]
    return {k: f"{names[k]} {k}".strip() if names[k] in twice else names[k] or k for k in ordered}


def _add_position(found: FoundPlate, image: PlateImage, record: Record) -> None:
    x, y = measured(record, "PositionX"), measured(record, "PositionY")
    if x is not None and y is not None:
        found.positions_um.setdefault((image.well, image.field), (-y * 1e6, x * 1e6))


def _times(records: list[Record], first_frame: int) -> dict[int, float]:
    """Return the minutes of each frame: the offset, or the clock where offsets do not grow.

    Some versions of Harmony write 0 as the offset of every frame.
    """
    offsets: dict[tuple[str, ...], dict[int, float]] = {}
    clock: dict[tuple[str, ...], dict[int, float]] = {}
    for r in records:
        of = tuple(r.get(k, "") for k in ("Row", "Col", "FieldID", "ChannelID", "PlaneID"))
        seconds = measured(r, "MeasurementTimeOffset")
        known = (None if seconds is None else seconds / 60, moment(r.get("AbsTime", "")))
        for times, at in zip((offsets, clock), known, strict=True):
            if at is not None:
                times.setdefault(of, {})[whole(r, "TimepointID") - first_frame] = at
    minutes = usual_minutes(offsets.values())
    return minutes if any(minutes.values()) else usual_minutes(clock.values())


def _pixels(records: list[Record], names: dict[str, str]) -> dict[str, tuple[float, ...]]:
    """Return the size of a pixel by channel, and by well and field where it differs inside one."""
    sizes: dict[str, tuple[float, ...]] = {}
    for r in records:
        steps = [measured(r, f"ImageResolution{a}") for a in "YX"]
        size = tuple(float(f"{s * 1e6:.8g}") for s in steps if s)
        channel = f"channel {names[r.get('ChannelID', '1')]}"
        if len(size) == 2 and sizes.setdefault(channel, size) != size:
            sizes[f"row {r.get('Row')}, column {r.get('Col')}, {channel}"] = size
    return sizes


def _spacing(records: list[Record]) -> Spacing:
    """Return the pixel size of the first image that has it, and the median z step."""
    sizes = {
        a: next((v for r in records if (v := measured(r, f"ImageResolution{a}"))), None)
        for a in "YX"
    }
    heights: dict[tuple[str, ...], dict[int, float]] = {}
    for r in records:
        of = (r.get("Row", ""), r.get("Col", ""), r.get("FieldID", ""), r.get("ChannelID", ""))
        z = measured(r, "PositionZ")
        if z is not None:
            heights.setdefault((*of, r.get("TimepointID", "")), {})[whole(r, "PlaneID")] = z
    z_step = usual_step(heights)
    return Spacing.of(
        source="file",
        Z=float(f"{z_step * 1e6:.8g}") if z_step else None,
        **{a: float(f"{v * 1e6:.8g}") if v and v > 0 else None for a, v in sizes.items()},
    )
