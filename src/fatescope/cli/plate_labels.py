"""``fatescope plate labels``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.plates.settings import PlateReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import plate
from fatescope.plate.settings import StainSettings


@command(plate, "labels", example="fatescope plate labels plate/ --map plate/map.csv --out labels")
def labels(
    folder: Annotated[Path, typer.Argument(metavar="PLATE", help="folder of a plate")],
    out: Out,
    settings: StainSettings,
    reading: PlateReading,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Make labels from the stains of a plate: what is cell, which nuclei live, which are dead.

    Nuclei are found in both stains and called by their brightness over what is around them, with
    limits from control wells or from all nuclei of the plate. What lies between the limits is
    uncertain (255), and training ignores it. A page shows each step.
    """
    from fatescope.systems.plates.stain_labels import label_plate, plan_label_plate

    if plan:
        return plan_label_plate(folder, settings=settings, reading=reading, execution=execution)
    return label_plate(
        folder,
        out=out,
        settings=settings,
        reading=reading,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )
