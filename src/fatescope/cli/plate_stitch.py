"""``fatescope plate stitch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.plates.settings import PlateReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import plate
from fatescope.plate.settings import StitchSettings


@command(
    plate,
    "stitch",
    example='fatescope plate stitch plate/ --pattern "{well}_{field}_{channel}.tif" --out stitched',
)
def stitch(
    folder: Annotated[Path, typer.Argument(metavar="PLATE", help="folder of a plate")],
    out: Out,
    settings: StitchSettings,
    reading: PlateReading,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Lay the overlapping fields of each well to one image.

    Light is evened; neighbours are matched where they overlap; one placement serves all channels,
    planes and frames, with one drift a frame. Fields that no overlap ties to the others lie where
    the stage says and are listed. A page shows the seams.
    """
    from fatescope.systems.plates.stitching import plan_stitch_plate, stitch_plate

    if plan:
        return plan_stitch_plate(folder, reading=reading, execution=execution)
    return stitch_plate(
        folder,
        out=out,
        settings=settings,
        reading=reading,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )
