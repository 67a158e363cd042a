"""``fatescope plate``: plates of many wells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.plates.settings import PlateReading
from fatescope.cli.command import Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import plate


@command(plate, "show", example="fatescope plate show plate.zarr --map map.csv")
def show(
    folder: Annotated[Path, typer.Argument(metavar="PLATE", help="folder of a plate")],
    reading: PlateReading,
    console: Console,
    map: Annotated[
        Path | None,
        typer.Option("--map", metavar="CSV", help="plate map: well, treatment, dose, stain, ..."),
    ] = None,
) -> Result:
    """List what a plate holds: wells, fields, channels, frames, planes, and what is missing.

    OME-Zarr (HCS 0.4, 0.5), ImageXpress, Opera Phenix and Operetta, Incucyte and Yokogawa
    CellVoyager are recognised; any other folder is read with --pattern. What is on the disk counts,
    not what an index promises.
    """
    from fatescope.systems.plates.show import show_plate

    return show_plate(folder, reading=reading, plate_map=map)
