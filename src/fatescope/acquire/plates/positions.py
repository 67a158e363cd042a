"""Positions of a multi-position recording as fields of a plate: ND2, CZI, LIF, Micro-Manager, OME.

The file says where the stage stood, and often, by the names of positions, in which wells. How the
camera was turned against the stage it does not say: stitching finds that out from the overlaps.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fatescope.acquire.find import find_images
from fatescope.acquire.images.formats import image_format_of, load, may_hold_many
from fatescope.acquire.images.single import read_one
from fatescope.acquire.microscopes.scenes import Scene, opened, scene_names
from fatescope.acquire.plates.assemble import FoundPlate
from fatescope.acquire.plates.frame_times import date_frames
from fatescope.base import (
    FatescopeError,
    FileFormatError,
    Image,
    InputError,
    PlateImage,
    escape,
    parse_well,
)

POSITIONS = "positions"
"""The kind of layout: its stage positions may be turned or mirrored against the images."""

ONLY_WELL = "A01"
"""What positions are put into where nothing says which well they are of."""

_WELL = re.compile(r"(?:well[ _-]?)?([A-Z]{1,2}0?\d{1,2})(?![A-Z0-9])[ _.-]*", re.IGNORECASE)
"""How a name of a position begins: ``A1``, ``A01_0003``, ``A1-Site_0``, ``WellB03_Seq0000``."""
_IN_STEM = re.compile(r"well[ _-]?([A-Z]{1,2}\d{1,2})(?![0-9])", re.IGNORECASE)
_ROW_FOLDER = re.compile(r"(?:^|/)([A-Z]{1,2})/(\d{1,2})(?=/|_|$)")
"""``Plate/A/1/R1``, as the matrix screener of Leica names images."""
_COUNTED = re.compile(r"[PS](\d+)", re.IGNORECASE)
"""What positions are called where nobody named them, which could be wells of rows P and S."""
_NO_NAME = re.compile(r"[^\w.+-]+")


@dataclass(frozen=True, slots=True)
class _Position:
    """One image of a file: where it is, and what it is called."""

    path: Path
    scene: str | None
    name: str
    about: Scene


def read_positions(path: Path) -> FoundPlate | None:
    """List the positions of a file, or of the files in a folder, as fields of wells.

    Parameters
    ----------
    path : Path
        A file that holds several images, or a folder of such files.

    Returns
    -------
    FoundPlate or None
        ``None`` where there are fewer than two positions, or the stage of some is not known.

    Raises
    ------
    FileFormatError
        If a file that was named cannot be read.
    """
    positions = list(_positions(path))
    if not positions and not path.is_dir():
        read_one(path, axes=None)  # says what is wrong with it
    known = [p for p in positions if p.about.position_um is not None]
    if len(known) < 2 or (path.is_dir() and len(known) < len(positions)):
        return None
    found = FoundPlate(root=path, format=POSITIONS)
    kept = _alike(known, len(positions) - len(known), found)
    wells = _wells(kept)
    if not any(wells):
        found.note(
            "no-wells",
            f"Nothing says which wells the {len(kept)} positions are of, so they are the fields of "
            f"one well, {ONLY_WELL}. Name positions after their wells, such as B02_1, if there "
            "are several.",
            value=len(kept),
        )
    fields: Counter[tuple[str, str]] = Counter()
    for position, named in zip(kept, wells, strict=True):
        well, rest = named or (ONLY_WELL, position.name)
        field = _NO_NAME.sub("_", rest).strip("_.-") or "1"
        fields[well, field] += 1
        if (n := fields[well, field]) > 1:
            field = f"{field}_{n}"
        _add(found, position, well, field)
    return found


def _positions(path: Path) -> Iterator[_Position]:
    for file in _files(path):
        form = image_format_of(file.name, _head(file))
        if form is None or not form.scenes:
            continue
        scenes = opened(file, load(form.scenes))
        names = scene_names(scenes)
        folder = file.parent.name if file.name.lower().endswith(("metadata.txt", ".index")) else ""
        for name, scene in zip(names, scenes, strict=True):
            if len(scenes) > 1:
                yield _Position(file, name, scene.name or name, scene)
            else:
                yield _Position(file, None, folder or file.name.split(".")[0], scene)


def _files(path: Path) -> list[Path]:
    """Return the files that may hold positions; those of a set once."""
    if not path.is_dir():
        return [path]
    with suppress(InputError):
        listed = (f.paths[0] for f in find_images([path]) if not f.is_sequence)
        return list(dict.fromkeys(f for f in listed if f.is_file() and may_hold_many(f.name)))
    return []


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(16)


def _alike(positions: Sequence[_Position], unknown: int, found: FoundPlate) -> list[_Position]:
    """Return the positions of the commonest size, and say what is left out."""
    sizes = Counter(p.about.pixels.shape for p in positions)
    shape, _ = sizes.most_common(1)[0]
    kept = [p for p in positions if p.about.pixels.shape == shape]
    if unknown or len(kept) < len(positions):
        found.note(
            "left-out",
            f"{len(positions) - len(kept)} positions of another size than {shape}, and {unknown} "
            "without a place of the stage, are left out.",
            value=len(positions) - len(kept) + unknown,
        )
    return kept


def _wells(positions: Sequence[_Position]) -> list[tuple[str, str] | None]:
    """Return well and what is left of the name for each position; nothing unless for all."""
    counted = [_COUNTED.fullmatch(p.name) for p in positions]
    if all(counted) and [int(m[1]) for m in counted if m] == [*range(1, len(counted) + 1)]:
        return [None] * len(positions)
    named = [_well_of(p) for p in positions]
    return named if all(named) else [None] * len(positions)


def _well_of(position: _Position) -> tuple[str, str] | None:
    """Return the well that a name, or else the name of the file, tells, and the rest of it."""
    with suppress(InputError):
        if match := _ROW_FOLDER.search(position.name):
            return parse_well(match[1] + match[2]), position.name[match.end() :]
        if match := _WELL.match(position.name):
            return parse_well(match[1]), position.name[match.end() :]
        if match := _IN_STEM.search(position.path.name):
            return parse_well(match[1]), position.name if position.scene else ""
        if position.scene is None and (match := _WELL.match(position.about.name)):
            return parse_well(match[1]), position.name
    return None


def _add(found: FoundPlate, position: _Position, well: str, field: str) -> None:
    """Add a position; the first says scale and times for all."""
    image = _opened(position)
    if image is None:
        found.note(
            "left-out",
            f"Position {escape(position.name)} cannot be read, and is left out.",
            value=1,
        )
        return
    names = image.channels or position.about.channels
    if len(names) != image.size("C"):
        names = tuple(map(str, range(image.size("C"))))
    if not found.images:
        found.channels, found.spacing = names, image.spacing
        if image.minutes:
            date_frames(found, dict(enumerate(image.minutes)))
    found.images.append(
        PlateImage(
            path=position.path,
            well=well,
            field=field,
            frames=tuple(range(image.size("T"))),
            channels=names,
            planes=tuple(range(image.size("Z"))),
            scene=position.scene,
        )
    )
    if position.about.position_um is not None:
        found.positions_um[well, field] = position.about.position_um


def _opened(position: _Position) -> Image | None:
    with suppress(FileFormatError):
        return read_one(position.path, axes=None, scene=position.scene)
    return None


def is_positions(path: Path) -> bool:
    """Say, by the name, whether a file may hold several positions."""
    with suppress(FatescopeError, OSError):
        return path.is_file() and may_hold_many(path.name)
    return False
