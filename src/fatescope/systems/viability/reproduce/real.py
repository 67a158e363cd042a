"""Real stained fields for the live/dead reproduction: groups of fields as plates, then labels.

``mcf7_pi`` (MCF-7 cells with killer cells, bright field, Hoechst and propidium iodide) comes as
one file a field and a table that says which group of fields, a month or a run, each belongs to.
A group becomes a plate of one well, so that `label_plate` finds its own limits, and what is
divided among training, validation and test is the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.acquire import read_image, read_table, write_image
from fatescope.acquire.plates import PlateReading
from fatescope.base import Execution, Spacing
from fatescope.plate import StainSettings
from fatescope.systems.plates.stain_labels import label_plate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Table

NAME = "mcf7_pi"
WELL = "A01"
_CHANNELS = ("BF", "Hoechst", "PI")
_COLUMNS = {"name", "group", "um_per_px"}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupPlate:
    """The fields of a group as a plate of one well.

    Parameters
    ----------
    name : str
        Of the group.
    folder : Path
    fields : tuple of str
        Names of the fields as they came; the first is field 1 of the plate.
    """

    name: str
    folder: Path
    fields: tuple[str, ...]


def find_real_fields(data: Path | None) -> Path | None:
    """Return the folder of real fields that a folder is or holds, or ``None``."""
    if data is None:
        return None
    places = (data, data / NAME, data / "plate_samples" / NAME)
    return next((p for p in places if (p / "index.csv").is_file() and _is_index(p)), None)


def _is_index(folder: Path) -> bool:
    return set(read_table(folder / "index.csv").columns) >= _COLUMNS


def write_group_plates(fields: Path, out: Path, *, binning: int = 1) -> list[GroupPlate]:
    """Write a plate for each group of fields, and return them by name.

    Parameters
    ----------
    fields : Path
        As `find_real_fields` returns it.
    out : Path
        Takes a folder for each group, a file for each field and channel.
    binning : int
        So many pixels become one, down and across.
    """
    index = read_table(fields / "index.csv")
    groups = index["group"].astype(str)
    return [
        _write_plate(fields, out / name, index.rows(groups == name), binning=binning)
        for name in sorted(set(groups))
    ]


def _write_plate(fields: Path, folder: Path, rows: Table, *, binning: int) -> GroupPlate:
    names = [str(n) for n in rows["name"]]
    for number, name in enumerate(names, start=1):
        planes = read_image(fields / f"{name}.tif", axes="CYX").read()
        step = float(rows["um_per_px"][number - 1]) * binning
        for channel, plane in zip(_CHANNELS, planes, strict=True):
            pixels = bin_pixels(plane, binning)
            write_image(
                folder / f"{WELL}_{number}_{channel}.tif",
                [pixels],
                shape=pixels.shape,
                axes="YX",
                dtype=pixels.dtype,
                spacing=Spacing.of(source="file", Y=step, X=step),
            )
    return GroupPlate(name=folder.name, folder=folder, fields=tuple(names))


def bin_pixels(plane: np.ndarray, n: int) -> np.ndarray:
    """Return the means of squares of ``n`` pixels, rounded; rows that fill no square are left."""
    high, across = (length // n for length in plane.shape)
    squares = plane[: high * n, : across * n].reshape(high, n, across, n)
    return np.asarray(np.rint(squares.mean(axis=(1, 3))), plane.dtype)


def label_groups(
    plates: Sequence[GroupPlate],
    out: Path,
    *,
    rule: Literal["nuclei", "published"],
    workers: int = 1,
) -> list[Path]:
    """Label the plates of groups from Hoechst and propidium iodide; return the folders."""
    folders = []
    for plate in plates:
        label_plate(
            plate.folder,
            out=out / plate.name,
            settings=StainSettings(nuclei="Hoechst", dead="PI", bright_field="BF", rule=rule),
            reading=PlateReading(pattern="{well}_{field}_{channel}.tif"),
            execution=Execution(workers=workers),
        )
        folders.append(out / plate.name)
    return folders
