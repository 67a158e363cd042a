"""``fatescope measure``: objects that are already outlined."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app
from fatescope.measurement.settings import MeasureSettings


@command(app, "measure", example="fatescope measure images/ labels/ --out measured")
def measure(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="an image, or a folder of them")],
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="label images, same names")],
    out: Out,
    settings: MeasureSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
) -> Result:
    """Measure the objects of label images: place, size, shape and brightness in each channel."""
    from fatescope.systems.labels.measure import measure_files

    return measure_files(
        image,
        labels,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )
