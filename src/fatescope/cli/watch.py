"""``fatescope watch ...``: the systems of ``predict``, on a folder that is still written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.arrivals import WatchSettings
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import watch
from fatescope.predict.settings import (
    LiveDeadSettings,
    NucleiEmSettings,
    NucleiSettings,
    PhaseCellsSettings,
    PredictSettings,
    ViabilitySettings,
)
from fatescope.systems.membranes.cells.settings import MembraneSettings
from fatescope.systems.populations.inference.settings import PopulationSettings

SYSTEMS: dict[str, type[PredictSettings]] = {
    "nuclei": NucleiSettings,
    "nuclei-em": NucleiEmSettings,
    "membrane": MembraneSettings,
    "phase-cells": PhaseCellsSettings,
    "live-dead": LiveDeadSettings,
    "viability": ViabilitySettings,
    "populations": PopulationSettings,
}


def _watching(name: str, settings_class: type[PredictSettings]) -> Callable[..., Result]:
    """Make the command that watches with a system."""

    def run(
        folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="where images arrive")],
        out: Out,
        settings: PredictSettings,
        watching: WatchSettings,
        execution: Execution,
        console: Console,
        fresh: Fresh = False,
    ) -> Result:
        from fatescope.systems.watch import watch_folder

        return watch_folder(
            name,
            folder,
            out=out,
            settings=settings,
            watching=watching,
            execution=execution,
            fresh=fresh,
            progress=console.progress,
        )

    run.__annotations__["settings"] = settings_class
    run.__doc__ = (
        f"Do `predict {name}` with each image of a folder, as soon as its file is whole.\n\n"
        "The results are kept up to date all the time. Ctrl-C ends it, or --until-idle; the same "
        f"command continues, and so does `predict {name}`."
    )
    return run


for _name, _class in SYSTEMS.items():
    command(
        watch,
        _name,
        example=f"fatescope watch {_name} microscope --out results --until-idle 30",
    )(_watching(_name, _class))
