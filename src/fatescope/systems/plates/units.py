"""The units of ``plate run``: wells to place, some frames of a field, wells to follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.base import Finding, WorkUnit
from fatescope.engine.driver import describe_files
from fatescope.storage import hash_path, size_and_time

if TYPE_CHECKING:
    from fatescope.base import PlateLayout
    from fatescope.plate import PlateRunSettings
    from fatescope.systems.plates.settings import PlateModel

PARTS, FIELDS = "parts", "fields"
"""Folders of what the wells are made of: cells of each frame, places of fields."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateUnit(WorkUnit):
    """A well, or some frames of a field: what is done or not done as a whole."""

    key: str
    well: str
    paths: tuple[Path, ...]
    field: str = ""
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateJob:
    """What a worker needs beside its unit; it travels to other processes."""

    layout: PlateLayout
    out: Path
    settings: PlateRunSettings
    model: PlateModel
    channel: str


def middle_plane_findings(layout: PlateLayout) -> list[Finding]:
    """Say that of a stack the middle plane alone is looked at."""
    n = len(layout.planes)
    if n < 2:
        return []
    return [
        Finding(
            file=layout.name,
            rule="left-out",
            severity="info",
            value=float(n - 1),
            limit=0.0,
            reason=f"Fields are stacks of {n} planes. The middle one is looked at in each frame, "
            "the others are left out.",
        )
    ]


def place_units(layout: PlateLayout) -> list[PlateUnit]:
    """Return the wells, for the places of their fields."""
    return [
        PlateUnit(key=f"{w} places", well=w, paths=paths_of(layout, w, fields, layout.frames[:1]))
        for w, fields in layout.images.items()
    ]


def frame_units(layout: PlateLayout, channel: str, settings: PlateRunSettings) -> list[PlateUnit]:
    """Return some frames of each field, those that the disk has in the channel."""
    units = []
    for well, fields in layout.images.items():
        for name, files in fields.items():
            has = sorted({t for f in files if channel in f.channels for t in f.frames})
            for first in range(0, len(has), settings.at_once):
                frames = tuple(has[first : first + settings.at_once])
                units.append(
                    PlateUnit(
                        key=f"{well}/{name}/{frames[0]:04d}",
                        well=well,
                        field=name,
                        frames=frames,
                        paths=paths_of(layout, well, [name], frames, channel=channel),
                    )
                )
    return units


def well_units(
    layout: PlateLayout, out: Path, settings: PlateRunSettings, channel: str
) -> list[PlateUnit]:
    """Return the wells of which all parts are there; they depend on these."""
    parts: dict[str, list[Path]] = {
        w: [out / FIELDS / f"{w}.parquet", out / blurred_of(w)] for w in layout.images
    }
    for unit in frame_units(layout, channel, settings):
        parts[unit.well].append(part_of(out, unit))
    return [
        PlateUnit(key=f"{well} fates", well=well, paths=tuple(paths))
        for well, paths in parts.items()
        if all(p.is_file() for p in paths) and len(paths) > 2
    ]


def paths_of(
    layout: PlateLayout,
    well: str,
    fields: Sequence[str] | Any,
    frames: Sequence[int],
    *,
    channel: str | None = None,
) -> tuple[Path, ...]:
    """Return the files that hold some frames of fields."""
    wanted = set(frames)
    found = (
        f.path
        for name in fields
        for f in layout.files(well, name)
        if wanted & set(f.frames) and (channel is None or channel in f.channels)
    )
    return tuple(dict.fromkeys(found))


def blurred_of(well: str) -> str:
    """Return the file that lists the frames of a well which are out of focus."""
    return f"{FIELDS}/{well}_blurred.parquet"


def part_of(out: Path, unit: PlateUnit) -> Path:
    """Return the file that holds the cells of some frames of a field."""
    return out / PARTS / unit.well / f"{unit.field}_{unit.frames[0]:04d}.parquet"


def described_unit(paths: Sequence[Path]) -> dict[str, Any]:
    """Return what `describe_files` says; of a movie with many frames the hash is taken once."""
    if len(paths) != 1:
        return describe_files(paths)
    size, modified = size_and_time(paths[0])
    return {
        "path": str(paths[0]),
        "sha256": _hash(paths[0], size, modified),
        "bytes": size,
        "modified_ns": modified,
    }


@lru_cache(maxsize=64)
def _hash(path: Path, size: int, modified_ns: int) -> str:
    return hash_path(path)
