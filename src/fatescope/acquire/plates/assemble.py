"""Files that were found, put together as a plate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fatescope.acquire.plates.listing import natural_parts
from fatescope.base import (
    PROJECTION,
    FileFormatError,
    Finding,
    PlateImage,
    PlateLayout,
    Spacing,
    escape,
    well_order,
)


@dataclass(slots=True, kw_only=True)
class FoundPlate:
    """What a reader of one format found, before it is put in order.

    Parameters
    ----------
    root : Path
    format : str
    images : list of PlateImage
        Frames and planes counted from 0; channels by their names.
    channels : sequence of str
        The order of channels; those that no file holds are left out.
    lacking : int
        Images that the metadata promise and the disk lacks.
    lacking_first : str
        One of them, for the message.
    unlisted : list of str
        Files that an index does not list.
    aside : list of str
        Files that a reader has left out and said so.
    outside : list of str
        Paths in an index that leave the plate.
    spacing : Spacing
        As the metadata of the plate give it, or else its first image.
    minutes, positions_um : dict
        See `PlateLayout`.
    intervals : dict of str to float
        Minutes between frames by field, where fields say it one by one.
    findings : list of Finding
    """

    root: Path
    format: str
    images: list[PlateImage] = field(default_factory=list)
    channels: Sequence[str] = ()
    lacking: int = 0
    lacking_first: str = ""
    unlisted: list[str] = field(default_factory=list)
    aside: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    spacing: Spacing = field(default_factory=Spacing)
    minutes: dict[int, float] = field(default_factory=dict)
    intervals: dict[str, float | None] = field(default_factory=dict)
    positions_um: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def note(self, rule: str, reason: str, *, value: float, severe: bool = False) -> None:
        """Add a finding about the plate as a whole."""
        self.findings.append(
            Finding(
                file=str(self.root),
                rule=rule,
                reason=reason,
                value=value,
                limit=0.0,
                severity="error" if severe else "warning",
            )
        )


def assemble_plate(found: FoundPlate) -> PlateLayout:
    """Return the layout: wells and fields in order.

    Raises
    ------
    FileFormatError
        If there is no image and none was promised.
    """
    if not found.images and not found.lacking:
        raise FileFormatError(
            f"{escape(found.root)}: is laid out as {found.format}, and holds no image. Copy the "
            "whole plate again."
        )
    grouped = _by_field(found)
    files = [f for fields in grouped.values() for group in fields.values() for f in group]
    on_disk = {c for f in files for c in f.channels}
    order = [*found.channels, *sorted(on_disk - set(found.channels), key=natural_parts)]
    frames = tuple(sorted({t for f in files for t in f.frames}))
    _note_differences(found)
    _note_undated(found, frames)
    return PlateLayout(
        name=str(found.root),
        format=found.format,
        images=grouped,
        channels=tuple(c for c in dict.fromkeys(order) if c in on_disk),
        frames=frames,
        planes=tuple(sorted({z for f in files for z in f.planes} - {PROJECTION})),
        missing=found.lacking,
        spacing=found.spacing,
        minutes=found.minutes,
        positions_um=found.positions_um,
        findings=tuple(found.findings),
    )


_Grouped = dict[str, dict[str, tuple[PlateImage, ...]]]


def _by_field(found: FoundPlate) -> _Grouped:
    """Group files by well and field, and say where two hold one plane: the first is read."""
    groups: dict[tuple[str, str], list[PlateImage]] = {}
    places: set[object] = set()
    repeated: list[Path] = []
    for image in found.images:
        groups.setdefault((image.well, image.field), []).append(image)
        place = (image.well, image.field, image.frames, image.channels, image.planes)
        if place in places:
            repeated.append(image.path)
        places.add(place)
    if repeated:
        found.note(
            "repeated-images",
            f"{len(repeated)} files hold a plane that another file holds already, such as "
            f"{escape(str(repeated[0]))}. They are counted and not read.",
            value=len(repeated),
        )
    ordered = sorted(groups, key=lambda at: (well_order(at[0]), natural_parts(at[1])))
    grouped: _Grouped = {}
    for well, name in ordered:
        grouped.setdefault(well, {})[name] = tuple(groups[well, name])
    return grouped


def _note_differences(found: FoundPlate) -> None:
    """Say where the index and the disk differ."""
    if found.lacking:
        first = f", such as {escape(found.lacking_first)}" if found.lacking_first else ""
        found.note(
            "missing-images",
            f"{found.lacking} images that the metadata promise are not in the folder{first}. What "
            "is there is used; copy the plate again if the rest should be there.",
            value=found.lacking,
            severe=not found.images,
        )
    if found.unlisted:
        found.note(
            "unlisted-images",
            f"{len(found.unlisted)} images are in the folder and not in the metadata, such as "
            f"{escape(found.unlisted[0])}. They are used.",
            value=len(found.unlisted),
        )
    if found.outside:
        found.note(
            "outside-plate",
            f"{len(found.outside)} paths in the metadata leave the plate, such as "
            f"{escape(found.outside[0])}. They are not opened.",
            value=len(found.outside),
            severe=True,
        )


def _note_undated(found: FoundPlate, frames: Sequence[int]) -> None:
    """Say which frames have images and no time, where others have one."""
    undated = [t for t in frames if t not in found.minutes] if found.minutes else []
    if undated:
        found.note(
            "uneven-times",
            f"{len(undated)} frames, such as {undated[0]} (the first is 0), have no time of their "
            "own: they are dated evenly between their neighbours.",
            value=len(undated),
        )
