"""Incucyte: scans in folders by date and hour (raw), or one folder of exported images.

Raw: ``EssenFiles/ScanData/YYMM/DD/HHMM/VESSEL/A1-1-Ph.tif``. Exported:
``NAME_phase_A1_1_00d02h00m.tif`` or ``VID12_A1_1_2020y01m31d_10h00m.tif``. There is no index: what
is on the disk is all that is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.frame_times import date_frames
from fatescope.acquire.plates.listing import Listing, natural_parts
from fatescope.base import InputError, PlateImage, escape, parse_well

_RAW = re.compile(
    r"(?:.*/)?(\d{2})(\d{2})/(\d{2})/(\d{2})(\d{2})/([^/]+)/([A-Z]{1,2}\d+)-(\d+)-([^/-]+)\.tiff?",
    re.IGNORECASE,
)
_EXPORTED = re.compile(
    r"(?P<name>.+)_(?P<well>[A-Z]{1,2}\d+)_(?P<field>\d+)_"
    r"(?:(?P<since>\d+d\d{2}h\d{2}m)|(?P<date>\d{4}y\d{2}m\d{2}d_\d{2}h\d{2}m))"
    r"\.(?:tiff?|png|jpe?g)",
    re.IGNORECASE,
)
_KINDS = re.compile(r"phase|ph|bf|brightfield|green|red|nir|orange|blue|c\d", re.IGNORECASE)


def is_incucyte(listing: Listing) -> bool:
    """Tell whether a folder holds files that are named so."""
    return any(_RAW.fullmatch(n) or _exported(n) for n in listing.names)


def _exported(name: str) -> re.Match[str] | None:
    return _EXPORTED.fullmatch(name.rpartition("/")[2])


_Scan = tuple[str, float, str, str, str, str]
"""Vessel, minutes, well, field, channel, name."""


def read_incucyte(listing: Listing, *, vessel: str | None) -> FoundPlate:
    """Read the scans of one vessel; frames are the times at which anything was taken.

    Raises
    ------
    InputError
        If there are several vessels and ``vessel`` does not choose one.
    """
    found = FoundPlate(root=listing.root, format="incucyte")
    scans = [s for s in _scans(listing) if vessel is None or s[0] == vessel]
    vessels = sorted({s[0] for s in _scans(listing)}, key=natural_parts)
    if vessel is None and len(vessels) > 1:
        raise InputError(
            f"{escape(listing.root)}: holds the vessels {', '.join(map(escape, vessels))}. Choose "
            f"one, such as --vessel {escape(vessels[0])}."
        )
    if not scans and vessel is not None:
        raise InputError(
            f"{escape(listing.root)}: has no vessel {escape(vessel)}. Choose one of "
            f"{', '.join(map(escape, vessels))}."
        )
    times = sorted({s[1] for s in scans})
    frame = {time: number for number, time in enumerate(times)}
    for _, minutes, well, field, channel, name in scans:
        found.images.append(
            PlateImage(
                path=listing.root / name,
                well=well,
                field=field,
                frames=(frame[minutes],),
                channels=(channel,),
            )
        )
    date_frames(found, dict(enumerate(times)))
    return found


def _scans(listing: Listing) -> Iterator[_Scan]:
    for name in listing.names:
        try:
            scan = _raw_scan(name) or _exported_scan(name)
        except (ValueError, OverflowError):  # such a date, or such a well, there is not
            continue
        if scan is not None:
            yield scan


def _raw_scan(name: str) -> _Scan | None:
    match = _RAW.fullmatch(name)
    if match is None:
        return None
    year, month, day, hour, minute, vessel, well, field, channel = match.groups()
    at = datetime(
        2000 + int(year), int(month), int(day), int(hour), int(minute), tzinfo=UTC
    ).timestamp()
    return vessel, at / 60, parse_well(well), str(int(field)), channel, name


def _exported_scan(name: str) -> _Scan | None:
    match = _exported(name)
    if match is None:
        return None
    parts = [int(n) for n in re.findall(r"\d+", match["since"] or match["date"])]
    if match["since"]:
        days, hours, minutes = parts
        at = float(days * 1440 + hours * 60 + minutes)
    else:
        year, month, day, hour, minute = parts
        at = datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() / 60
    before, _, last = match["name"].rpartition("_")
    kind = bool(before) and _KINDS.fullmatch(last) is not None
    return (
        "",
        at,
        parse_well(match["well"]),
        str(int(match["field"])),
        (last if kind else match["name"]),
        name,
    )
