"""``fatescope watch ...``: the systems of ``predict``, on a folder that is still written to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fatescope.acquire.arrivals import WatchSettings
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import watch
from fatescope.predict.settings import PredictSettings
from fatescope.systems.registry import predicting

if TYPE_CHECKING:
    from fatescope.systems.description import Predicts


def _watching(told: Predicts) -> Callable[..., Result]:
    """Make the command that watches with a system."""
    name = told.name

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

    run.__annotations__["settings"] = told.settings_class()
    run.__doc__ = (
        f"Do `predict {name}` with each image of a folder, as soon as its file is whole.\n\n"
        "The results are kept up to date all the time. Ctrl-C ends it, or --until-idle; the same "
        f"command continues, and so does `predict {name}`."
    )
    return run


def add_commands() -> None:
    """Add a command for each system of the registry."""
    for name, told in predicting().items():
        example = f"fatescope watch {name} microscope --out results --until-idle 30"
        command(watch, name, example=example)(_watching(told))


add_commands()
