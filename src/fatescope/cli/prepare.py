"""``fatescope prepare``: training data, divided by independent units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import prepare
from fatescope.prepare.pairs import PairSettings

Folders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FOLDER", help="folders with index.csv, images/ and labels/"),
]


@command(
    prepare,
    "pairs",
    example="fatescope prepare pairs --images 'raw/*.tif' --labels 'truth/*.tif' "
    "--unit '{unit}_t{frame}' --out pairs",
)
def pairs(
    out: Out,
    settings: PairSettings,
    console: Console,
    inputs: Folders = None,
    fresh: Fresh = False,
) -> Result:
    """Find images and labels, divide them by unit, refuse leaks, write samples.csv."""
    from fatescope.workflows.training import prepare_pairs

    return prepare_pairs(
        inputs or [], out=out, settings=settings, progress=console.progress, fresh=fresh
    )
