"""OME-Zarr plates (HCS), versions 0.4 and 0.5: ``plate.zarr/B/03/0`` is row, column and field.

Only metadata are read. Labels and tables lie inside the images and are none themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, TypeGuard

from fatescope.acquire.images.zarr_metadata import find_image, is_zarr, ome_attributes, read_json
from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.listing import natural_parts
from fatescope.acquire.plates.mixed_scale import mixed_scale
from fatescope.base import (
    FileFormatError,
    Finding,
    InputError,
    PlateImage,
    Spacing,
    escape,
    parse_well,
)

LONGEST = 1_000_000
"""No axis of an image of a plate is longer."""
_NOT_FIELDS = ("labels", "tables")


def is_ome_zarr(path: Path) -> bool:
    """Tell whether a folder is a Zarr group or is called one."""
    return path.is_dir() and is_zarr(path)


def read_ome_zarr(root: Path) -> FoundPlate:
    """Read a plate of OME-Zarr.

    Raises
    ------
    FileFormatError
        If the metadata are damaged, or describe an image or a well and no plate.
    """
    where = escape(root)
    attributes = ome_attributes(read_json(root, where))
    plate = attributes.get("plate")
    if not isinstance(plate, dict):
        kind = (
            "a well" if "well" in attributes else "an image" if "multiscales" in attributes else ""
        )
        raise FileFormatError(
            f"{where}: is {kind or 'a Zarr group'} and no plate of OME-Zarr. Give the folder of "
            "the whole plate."
        )
    found = FoundPlate(root=root, format="ome-zarr")
    lacking_wells = []
    scales: dict[str, tuple[float, ...]] = {}
    listed = _listed_wells(plate, found)
    for path, well in listed.items():
        if (root / path).is_dir():
            _read_well(root / path, well, found, scales)
        else:
            lacking_wells.append(path)
    for path, well in _wells_on_disk(root).items():
        if path not in listed:
            before = len(found.images)
            _read_well(root / path, well, found, scales)
            found.unlisted += [path] if len(found.images) > before else []
    _name_channels(found)
    found.findings += mixed_scale(scales, _pixel(found.spacing))
    _say_mixed_intervals(found)
    if lacking_wells:
        found.lacking += len(lacking_wells) * _usual_fields(plate, found)
        found.lacking_first = found.lacking_first or lacking_wells[0]
    return found


def _usual_fields(plate: Mapping[str, Any], found: FoundPlate) -> int:
    """Return how many images a well that is not there was to have: as many as the others."""
    counts = Counter(Counter(i.well for i in found.images).values())
    stated = plate.get("field_count")
    if isinstance(stated, int) and stated > 0:
        return stated
    return max(counts, key=lambda n: (counts[n], n)) if counts else 1


def _inside(path: object, found: FoundPlate) -> str | None:
    pure = PurePosixPath(str(path).replace("\\", "/"))
    if pure.is_absolute() or ".." in pure.parts or ":" in str(path) or not pure.parts:
        found.outside.append(str(path))
        return None
    return pure.as_posix()


def _listed_wells(plate: Mapping[str, Any], found: FoundPlate) -> dict[str, str]:
    """Return the name of each well by its path; the path says row and column, not the index."""
    wells: dict[str, str] = {}
    listed = plate.get("wells")
    for entry in listed if isinstance(listed, list) else []:
        path = _inside(entry.get("path", ""), found) if isinstance(entry, dict) else None
        if path is None:
            continue
        try:
            wells[path] = parse_well(path.replace("/", ""))
        except InputError as error:
            raise FileFormatError(
                f"{escape(found.root)}: its metadata name a well {escape(path)!r}, which is no row "
                "and column. Write it as A/1."
            ) from error
    return wells


def _wells_on_disk(root: Path) -> dict[str, str]:
    """Return the folders that are wells by their names."""
    wells: dict[str, str] = {}
    for row in _folders(root):
        for column in _folders(root / row):
            try:
                wells[f"{row}/{column}"] = parse_well(row + column)
            except InputError:
                continue
    return wells


def _folders(path: Path) -> list[str]:
    return sorted(
        (p.name for p in path.iterdir() if p.is_dir() and not p.name.startswith(".")),
        key=natural_parts,
    )


def _read_well(
    folder: Path, well: str, found: FoundPlate, scales: dict[str, tuple[float, ...]]
) -> None:
    listed = _listed_fields(folder, found)
    here = [n for n in _folders(folder) if n not in _NOT_FIELDS]
    for field in dict.fromkeys([*listed, *here]):
        place = folder / field
        if not place.is_dir():
            _lacks(place, found)
            continue
        try:
            image = _field_image(place, well, field, found, scales)
        except FileFormatError as error:
            if field in listed:
                _unreadable(place, error, found)
            continue
        if image is None:
            if field in listed:
                _lacks(place, found)
            continue
        found.images.append(image)
        if listed and field not in listed:
            found.unlisted.append(f"{place.relative_to(found.root).as_posix()}")


def _lacks(place: Path, found: FoundPlate) -> None:
    found.lacking += 1
    found.lacking_first = found.lacking_first or place.relative_to(found.root).as_posix()


def _unreadable(place: Path, error: FileFormatError, found: FoundPlate) -> None:
    found.lacking += 1
    found.findings.append(
        Finding(file=str(place), rule="unreadable", severity="error", reason=str(error))
    )


def _listed_fields(folder: Path, found: FoundPlate) -> list[str]:
    """Return the paths of the images that the well names; none where it says nothing."""
    try:
        attributes = ome_attributes(read_json(folder, escape(folder)))
    except FileFormatError as error:
        found.findings.append(
            Finding(file=str(folder), rule="unreadable", severity="warning", reason=str(error))
        )
        return []
    well = attributes.get("well")
    images = well.get("images") if isinstance(well, dict) else None
    listed = images if isinstance(images, list) else []
    times = {str(i["acquisition"]) for i in listed if isinstance(i, dict) and "acquisition" in i}
    if len(times) > 1:
        found.findings.append(
            Finding(
                file=folder.relative_to(found.root).as_posix(),
                rule="repeated-images",
                severity="warning",
                value=float(len(times)),
                limit=1.0,
                reason=f"The well was taken in {len(times)} acquisitions, and the fields of each "
                "are fields of their own: a place that was taken twice counts twice. Give one "
                "acquisition by itself.",
            )
        )
    paths = [_inside(i.get("path", ""), found) for i in listed if isinstance(i, dict)]
    return [p for p in paths if p is not None]


def _field_image(
    place: Path,
    well: str,
    field: str,
    found: FoundPlate,
    scales: dict[str, tuple[float, ...]],
) -> PlateImage | None:
    """Return what a field holds, or ``None`` where it is no image or its array is not there."""
    where = escape(place)
    if not any((place / name).is_file() for name in ("zarr.json", ".zgroup", ".zattrs")):
        return None
    if "multiscales" not in ome_attributes(read_json(place, where)):
        return None
    image = find_image(place, where)
    if not image.path.is_dir():
        return None
    shape = read_json(image.path, where).get("shape")
    if not _is_shape(shape, len(image.stored)):
        raise FileFormatError(
            f"{where}: describes the axes {image.stored} and stores an array of shape {shape}. "
            "Export it again."
        )
    size = dict(zip(image.stored, shape, strict=True))
    names = image.channels if len(image.channels) == size.get("C", 1) else ()
    channels = names or tuple(map(str, range(size.get("C", 1))))
    scales[f"{well}/{field}"] = _pixel(image.spacing)
    found.intervals[f"{well}/{field}"] = image.spacing.interval_min
    found.spacing = image.spacing.replaced_by(found.spacing)
    return PlateImage(
        path=place,
        well=well,
        field=field,
        frames=tuple(range(size.get("T", 1))),
        channels=channels,
        planes=tuple(range(size.get("Z", 1))),
    )


def _name_channels(found: FoundPlate) -> None:
    """Give fields that do not name their channels the names of the others, and say so."""
    named = list(dict.fromkeys(i.channels for i in found.images if not _numbered(i.channels)))
    for at, image in enumerate(found.images):
        alike = [names for names in named if len(names) == len(image.channels)]
        if not named or not _numbered(image.channels):
            continue
        if len(alike) == 1:
            found.images[at] = replace(image, channels=alike[0])
            said = f"those of the other fields ({', '.join(alike[0])}) are taken in their order"
        else:
            said = f"they stay {', '.join(image.channels)}, beside those of the other fields"
        found.findings.append(
            Finding(
                file=f"{image.well}/{image.field}",
                rule="odd-axes",
                severity="warning",
                reason=f"The field does not name its channels; {said}.",
            )
        )
    found.channels = list(dict.fromkeys(c for i in found.images for c in i.channels))


def _pixel(spacing: Spacing) -> tuple[float, ...]:
    """Return the size of a pixel along Y and X in um; nothing where it is not known."""
    return spacing.um("YX") or ()


def _say_mixed_intervals(found: FoundPlate) -> None:
    """Say where fields have another time between frames: then there is none of the plate."""
    known = {place: step for place, step in found.intervals.items() if step}
    used = found.spacing.interval_min
    others = {p: s for p, s in known.items() if used and abs(s - used) > 1e-6 * used}
    if not others or used is None:
        return
    place, step = next(iter(others.items()))
    found.spacing = found.spacing.only("ZYX")
    found.findings.append(
        Finding(
            file=place,
            rule="uneven-times",
            severity="warning",
            value=step,
            limit=used,
            reason=f"Frames are {step:g} min apart here and {used:g} min in other fields "
            f"({len(others)} of {len(known)} differ), so the plate has no interval. Give wells of "
            "one interval by themselves, or --interval-min.",
        )
    )


def _numbered(channels: tuple[str, ...]) -> bool:
    return channels == tuple(map(str, range(len(channels))))


def _is_shape(shape: object, n_axes: int) -> TypeGuard[list[int]]:
    """Tell whether an array can have such lengths; frames and planes are listed one by one."""
    return (
        isinstance(shape, list)
        and len(shape) == n_axes
        and all(type(n) is int and 0 < n <= LONGEST for n in shape)
    )
