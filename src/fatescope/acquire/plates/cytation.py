"""Cytation and other imagers of Agilent (BioTek), as Gen5 exports them: all in the names of files.

``A1_02_1_3_DAPI 377,447_001.tif`` is the well, the step of the protocol, the number of the channel,
the field, the channel, and the frame from 1. What Gen5 made of several images (stitched, projected)
has a negative step, or brackets in its channel.

References
----------
The expression of a published CellProfiler pipeline for Cytation 5, Zenodo record 5933221.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.listing import Listing, natural_parts
from fatescope.base import InputError, PlateImage, escape, parse_well

_NAME = re.compile(
    r"(?P<well>[A-Z]{1,2}\d{1,2})(?:ROI(?P<region>\d+))?_(?P<step>-?\d{1,2})_(?P<wave>\d{1,2})_"
    r"(?P<field>\d{1,3})_(?P<channel>.+)_(?P<frame>\d{3})\.tiff?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Named:
    """What the name of a file says."""

    name: str
    well: str
    field: str
    step: int
    channel: str
    frame: int

    @property
    def made(self) -> bool:
        """Whether Gen5 made the image of others."""
        return self.step < 0 or "[" in self.channel


def is_cytation(listing: Listing) -> bool:
    """Tell whether a folder holds files that are named so."""
    return any(_NAME.fullmatch(n.rpartition("/")[2]) for n in listing.names)


def read_cytation(listing: Listing) -> FoundPlate:
    """Read the images of a plate as they were taken; what was made of them only where it is alone.

    A channel that was taken in several steps of the protocol, at two magnifications for instance,
    is a channel for each step.
    """
    found = FoundPlate(root=listing.root, format="cytation")
    named = list(_named(listing))
    taken = [n for n in named if not n.made]
    if taken and len(taken) < len(named):
        found.aside = [n.name for n in named if n.made]
        found.note(
            "left-out",
            f"{len(found.aside)} images that Gen5 made of others (stitched, projected), such as "
            f"{escape(found.aside[0])}, are left out.",
            value=len(found.aside),
        )
    kept = taken or named
    steps: dict[str, set[int]] = {}
    for one in kept:
        steps.setdefault(one.channel, set()).add(one.step)
    for one in kept:
        several = len(steps[one.channel]) > 1
        channel = f"{one.channel} step {one.step}" if several else one.channel
        found.images.append(
            PlateImage(
                path=listing.root / one.name,
                well=one.well,
                field=one.field,
                frames=(one.frame,),
                channels=(channel,),
            )
        )
    found.channels = sorted({c for i in found.images for c in i.channels}, key=natural_parts)
    return found


def _named(listing: Listing) -> Iterable[_Named]:
    for name in listing.names:
        match = _NAME.fullmatch(name.rpartition("/")[2])
        if match is None:
            continue
        try:
            well = parse_well(match["well"])
        except InputError:
            continue
        region = f"{int(match['region'])}_" if match["region"] else ""
        field = f"{region}{int(match['field'])}"
        step, frame = int(match["step"]), int(match["frame"]) - 1
        yield _Named(name, well, field, step, match["channel"], max(frame, 0))
