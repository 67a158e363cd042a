"""``fatescope plate run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.plates.settings import PlateReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import plate
from fatescope.plate.settings import PlateRunSettings
from fatescope.systems.plates.settings import PlateModel


@command(
    plate,
    "run",
    example="fatescope plate run plate/ --map map.csv --out fates",
)
def run(
    folder: Annotated[Path, typer.Argument(metavar="PLATE", help="folder of a plate")],
    out: Out,
    settings: PlateRunSettings,
    model: PlateModel,
    reading: PlateReading,
    execution: Execution,
    console: Console,
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help="train on the stained wells of this plate first: a shipped name, or a TOML file",
            show_default=False,
        ),
    ] = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Say when each cell of a plate died, without a stain, and which treatment kills.

    Fields are placed, cells found and classified in each frame, linked over frames, and followed
    to their death or to the end. Writes fates, viability by well and frame, and, with a plate map,
    survival, hazard ratios and doses, with a report. The same command continues inside a well.
    With a recipe (for instance viability) a model is first trained on the stained wells of the
    plate; that needs the extra train.
    """
    from fatescope.systems.plates.run import plan_plate_run, run_plate

    if plan:
        return plan_plate_run(
            folder,
            settings=settings,
            model=model,
            reading=reading,
            recipe=recipe,
            execution=execution,
        )
    return run_plate(
        folder,
        out=out,
        settings=settings,
        model=model,
        reading=reading,
        recipe=recipe,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )
