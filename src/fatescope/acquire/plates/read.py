"""Open a plate, by what its folder holds and not by what it is called."""

from __future__ import annotations

import re
from pathlib import Path

from fatescope.acquire.our_folders import TRUTH, is_ours
from fatescope.acquire.plates.assemble import FoundPlate, assemble_plate
from fatescope.acquire.plates.cytation import is_cytation, read_cytation
from fatescope.acquire.plates.imagexpress import is_imagexpress, read_imagexpress
from fatescope.acquire.plates.incucyte import is_incucyte, read_incucyte
from fatescope.acquire.plates.inside import look_inside
from fatescope.acquire.plates.listing import Listing, list_plate_files, parent
from fatescope.acquire.plates.ome_zarr import is_ome_zarr, read_ome_zarr
from fatescope.acquire.plates.operetta import is_operetta, read_operetta
from fatescope.acquire.plates.pattern import read_plate_pattern
from fatescope.acquire.plates.positions import is_positions, read_positions
from fatescope.acquire.plates.scanr import is_scanr, read_scanr
from fatescope.acquire.plates.settings import PlateReading
from fatescope.acquire.plates.yokogawa import is_yokogawa, read_yokogawa
from fatescope.base import FileFormatError, PlateLayout, escape

_IMAGES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".nd2", ".czi")
_ASIDE = re.compile(
    r"_thumb|thumbnail|(?:^|/)(?:DC|SC)_|(?:^|/)(?:FFC|flatfield|assaylayout)", re.IGNORECASE
)
"""Small copies, and the dark and shading images of a camera (Yokogawa, Harmony)."""


def read_plate(path: Path | str, reading: PlateReading) -> PlateLayout:
    """List what a plate holds; of the pixels, one file of each channel is opened.

    Parameters
    ----------
    path : Path or str
        Folder of an OME-Zarr plate (0.4, 0.5), of ImageXpress, Opera Phenix or Operetta, Incucyte,
        Yokogawa CellVoyager, ScanR or Cytation; a file or folder of positions (ND2, CZI, LIF,
        Micro-Manager, OME-TIFF) whose stage is known; or any folder, with a pattern.
    reading : PlateReading

    Returns
    -------
    PlateLayout
        Files on disk, whatever an index promises; the difference is in ``missing`` and in the
        findings.

    Raises
    ------
    FileFormatError
        If the folder is none of these, its index is damaged, or it holds several plates.
    InputError
        If no file fits the pattern, or there are several vessels.
    """
    path = Path(path)
    where = escape(path)
    if is_positions(path):
        positions = read_positions(path)
        if positions is None:
            raise FileFormatError(
                f"{where}: holds no two images of which the stage is known, so it is no plate. "
                "Give the folder of a plate."
            )
        return assemble_plate(positions)
    if not path.is_dir():
        what = "is a file" if path.exists() else "is not there"
        raise FileFormatError(f"{where}: {what}. Give the folder of a plate.")
    if reading.pattern is not None:
        listing = list_plate_files(path)
        return _assembled(read_plate_pattern(listing, reading.pattern), listing, reading)
    zarr = _zarr_plate(path)
    if zarr is not None:
        return assemble_plate(read_ome_zarr(zarr))
    listing = list_plate_files(path)
    found = _read_files(listing, reading)
    if found is not None:
        return _assembled(found, listing, reading)
    if (positions := read_positions(path)) is not None:
        return assemble_plate(positions)
    raise FileFormatError(
        f"{where}: is no plate that is recognised (OME-Zarr, ImageXpress, Operetta, Incucyte, "
        "Yokogawa, ScanR, Cytation, files whose images say where the stage stood). Say how its "
        'files are named with --pattern "{well}_{field}_{channel}.tif".'
    )


def _assembled(found: FoundPlate, listing: Listing, reading: PlateReading) -> PlateLayout:
    """Return the layout, and say which images of the folder are not on it."""
    used = {str(i.path.relative_to(found.root).as_posix()) for i in found.images}
    used.update(found.aside)
    ours = {parent(n) for n in listing.names if is_ours((n.rpartition("/")[2],))}
    passed = tuple(f"{folder}/" if folder else f"{TRUTH}/" for folder in ours)
    others = [n for n in listing.names if n not in used and _is_image(n)]
    others = [n for n in others if not n.startswith(passed)]
    if reading.vessel is not None:
        others = [n for n in others if not is_incucyte(Listing(listing.root, (n,)))]
    if others and found.images:
        fits = "--pattern" if reading.pattern is not None else f"the names of {found.format}"
        found.note(
            "left-out",
            f"{len(others)} images of the folder do not fit {fits} with a well, such as "
            f"{escape(others[0])}. They are left out.",
            value=len(others),
        )
    return assemble_plate(look_inside(found))


def _is_image(name: str) -> bool:
    """Tell whether a file is an image that belongs to a well: no thumbnail, no camera's own."""
    return name.casefold().endswith(_IMAGES) and not _ASIDE.search(name)


def _zarr_plate(path: Path) -> Path | None:
    """Return the OME-Zarr folder: the given one, or the only one in it."""
    if is_ome_zarr(path):
        return path
    inside = sorted(p for p in path.glob("*.zarr") if p.is_dir())
    if len(inside) > 1:
        raise FileFormatError(
            f"{escape(path)}: holds {len(inside)} OME-Zarr folders, such as "
            f"{escape(inside[0].name)} and {escape(inside[1].name)}. Give one of them."
        )
    return inside[0] if inside else None


def _read_files(listing: Listing, reading: PlateReading) -> FoundPlate | None:
    if is_operetta(listing):
        return read_operetta(listing)
    if is_yokogawa(listing):
        return read_yokogawa(listing)
    if is_incucyte(listing):
        return read_incucyte(listing, vessel=reading.vessel)
    if is_scanr(listing):
        return read_scanr(listing)
    if is_cytation(listing):
        return read_cytation(listing)
    if is_imagexpress(listing):
        return read_imagexpress(listing)
    return None
