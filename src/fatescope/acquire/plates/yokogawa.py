"""Yokogawa CellVoyager (CV7000, CV8000, CQ1): one TIFF a plane, indexed by ``MeasurementData.mlf``.

Records of type ``IMG`` are images; ``ERR`` are images that the instrument failed to take. Pixel
sizes are in ``MeasurementDetail.mrf``, names of channels in the settings (``.mes``); X, Y and Z are
in µm, Y of the stage points upward.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath

from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.frame_times import date_frames, moment, usual_minutes
from fatescope.acquire.plates.listing import Listing, by_last_name, named_inside, parent
from fatescope.acquire.plates.mixed_scale import mixed_scale
from fatescope.acquire.plates.record_numbers import measured, usual_step, whole
from fatescope.acquire.plates.xml_records import Record, read_records
from fatescope.base import (
    PROJECTION,
    FileFormatError,
    Finding,
    InputError,
    PlateImage,
    Spacing,
    escape,
    is_well,
    name_well,
    parse_well,
)

_NAME = re.compile(
    r".*_([A-Z]{1,2}\d{2})_T(\d+)F(\d+)L\d+A(\d+)Z(\d+)C(\d+)\.(?:tiff?|png)", re.IGNORECASE
)
_PROJECTIONS = {"mip", "sum", "projection", "maxip", "minip"}


def _match(name: str) -> re.Match[str] | None:
    match = _NAME.fullmatch(name.rpartition("/")[2])
    return match if match and is_well(match[1]) else None


def _with_ending(listing: Listing, ending: str) -> list[str]:
    return [n for n in listing.names if n.casefold().endswith(ending)]


def is_yokogawa(listing: Listing) -> bool:
    """Tell whether a folder holds such an index, or files that are named so."""
    return bool(_with_ending(listing, ".mlf")) or any(_match(n) for n in listing.names)


def read_yokogawa(listing: Listing) -> FoundPlate:
    """Read a measurement of a CellVoyager.

    Raises
    ------
    FileFormatError
        If the index is damaged or lists no image, or there are several measurements.
    """
    found = FoundPlate(root=listing.root, format="yokogawa")
    indices = _with_ending(listing, ".mlf")
    if len({parent(i) for i in indices}) > 1:
        raise FileFormatError(
            f"{escape(listing.root)}: holds {len(indices)} plates, such as "
            f"{escape(parent(indices[0]))} and {escape(parent(indices[1]))}. Give one of them."
        )
    names = _channel_names(listing, found)
    listed = _read_listed(listing, indices[0], found, names) if indices else set()
    for name in listing.names:
        match = None if name in listed else _match(name)
        if match is None:
            continue
        well, frame, field, _, plane, channel = match.groups()
        if indices:
            found.unlisted.append(name)
        found.images.append(
            PlateImage(
                path=listing.root / name,
                well=parse_well(well),
                field=str(int(field)),
                frames=(max(int(frame) - 1, 0),),
                channels=(_called(names, int(channel)),),
                planes=(max(int(plane) - 1, 0),),
            )
        )
    numbers = sorted({*names, *_numbers(found)})
    found.channels = [_called(names, n) for n in numbers]
    return found


def _numbers(found: FoundPlate) -> set[int]:
    """Return the numbers of channels that have no name."""
    return {int(c[1:]) for i in found.images for c in i.channels if re.fullmatch(r"C\d\d+", c)}


def _called(names: dict[int, str], channel: int) -> str:
    return names.get(channel) or f"C{channel:02d}"


def _read_listed(
    listing: Listing, index: str, found: FoundPlate, names: dict[int, str]
) -> set[str]:
    """Read what the index lists, and return the names of files that it accounts for."""
    records: list[Record] = []
    failed: list[str] = []

    def take(record: Record) -> None:
        if record.get("Type", "IMG").upper() == "IMG":
            records.append(record)
        elif record.get("Type", "").upper() == "ERR":
            failed.append(record[""])

    read_records(listing.root / index, {"MeasurementRecord": take})
    if not records:
        raise FileFormatError(
            f"{escape(listing.root / index)}: lists no image. Copy or export the plate again."
        )
    if failed:
        found.note(
            "missing-images",
            f"the instrument failed to take {len(failed)} images, the first with: "
            f"{escape(failed[0])[:200]}. They do not count as missing.",
            value=len(failed),
        )
    folded, elsewhere = listing.by_folded(), by_last_name(listing)
    here: set[str] = set()
    for record in records:
        wanted = named_inside(parent(index), record[""])
        if wanted is None:
            found.outside.append(record[""])
            continue
        name = _on_disk(folded, wanted) or _on_disk(elsewhere, wanted.rpartition("/")[2])
        if name is None:
            found.lacking += 1
            found.lacking_first = found.lacking_first or wanted
            continue
        image = _image(listing, name, record, names)
        if image is not None:  # else the name of the file says where it belongs
            here.add(name)
            found.images.append(image)
            _add_position(found, image, record)
    found.spacing = _spacing(listing, records, found)
    date_frames(found, _times(records))
    return here


def _on_disk(folded: dict[str, str], wanted: str) -> str | None:
    """Return the file as it is called here: the index says ``.tif`` also where PNG was stored."""
    stem = str(PurePosixPath(wanted).with_suffix("")).casefold()
    for ending in (PurePosixPath(wanted).suffix.casefold(), ".tif", ".tiff", ".png"):
        if stem + ending in folded:
            return folded[stem + ending]
    return None


def _image(listing: Listing, name: str, record: Record, names: dict[int, str]) -> PlateImage | None:
    """Return the image of a record; ``None`` where it names no well."""
    try:
        well = name_well(whole(record, "Row"), whole(record, "Column"))
    except InputError:
        return None
    projected = record.get("Action", "").casefold() in _PROJECTIONS
    return PlateImage(
        path=listing.root / name,
        well=well,
        field=str(whole(record, "FieldIndex")),
        frames=(max(whole(record, "TimePoint") - 1, 0),),
        channels=(_called(names, whole(record, "Ch")),),
        planes=(PROJECTION if projected else max(whole(record, "ZIndex") - 1, 0),),
    )


def _add_position(found: FoundPlate, image: PlateImage, record: Record) -> None:
    x, y = measured(record, "X"), measured(record, "Y")
    if x is not None and y is not None:
        found.positions_um.setdefault((image.well, image.field), (-y, x))


def _times(records: list[Record]) -> dict[int, float]:
    """Return the minutes of each frame, by the clock of each plane."""
    planes: dict[tuple[str, ...], dict[int, float]] = {}
    for r in records:
        at = moment(r.get("Time", ""))
        if at is not None:
            of = tuple(r.get(k, "") for k in ("Row", "Column", "FieldIndex", "Ch", "ZIndex"))
            planes.setdefault(of, {})[max(whole(r, "TimePoint") - 1, 0)] = at
    return usual_minutes(planes.values())


def _spacing(listing: Listing, records: list[Record], found: FoundPlate) -> Spacing:
    sizes: list[Record] = []
    for name in _with_ending(listing, ".mrf"):
        _side_file(listing, name, {"MeasurementChannel": sizes.append}, found)
    keys = ("VerticalPixelDimension", "HorizontalPixelDimension")
    each = {f"channel {r.get('Ch', '')}": [measured(r, k) for k in keys] for r in sizes}
    steps = {
        a: next((v for r in sizes if (v := measured(r, key)) and v > 0), None)
        for a, key in zip("YX", keys, strict=True)
    }
    if all(steps.values()):
        known = {c: tuple(s for s in size if s) for c, size in each.items() if all(size)}
        found.findings += mixed_scale(known, tuple(s for s in steps.values() if s))
    heights: dict[tuple[str, ...], dict[int, float]] = {}
    for r in records:
        z = measured(r, "Z")
        if z is not None:
            of = tuple(r.get(k, "") for k in ("Row", "Column", "FieldIndex", "TimePoint", "Ch"))
            heights.setdefault(of, {})[whole(r, "ZIndex")] = z
    return Spacing.of(source="file", Z=usual_step(heights), **steps)


def _channel_names(listing: Listing, found: FoundPlate) -> dict[int, str]:
    """Return names out of the settings: the fluorophore, or else the target, where they differ."""
    channels: list[Record] = []
    for name in _with_ending(listing, ".mes"):
        _side_file(listing, name, {"Channel": channels.append}, found)
    for key in ("Fluorophore", "Target"):
        names = {whole(c, "Ch"): c.get(key, "") for c in channels}
        if names and all(names.values()) and len(set(names.values())) == len(names):
            return names
    return {}


def _side_file(
    listing: Listing, name: str, take: dict[str, Callable[[Record], None]], found: FoundPlate
) -> None:
    """Read a file that is useful and not needed: a damaged one costs a finding."""
    try:
        read_records(listing.root / name, take)
    except FileFormatError as error:
        found.findings.append(
            Finding(
                file=str(listing.root / name),
                rule="unreadable",
                severity="warning",
                reason=str(error),
            )
        )
