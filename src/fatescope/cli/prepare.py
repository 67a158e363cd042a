"""``fatescope prepare``: training data, divided by independent units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import prepare
from fatescope.prepare.crops import CropStoreSettings
from fatescope.prepare.pairs import PairSettings
from fatescope.prepare.volumes import SliceSettings

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
    from fatescope.systems.training.train import prepare_pairs

    return prepare_pairs(
        inputs or [], out=out, settings=settings, progress=console.progress, fresh=fresh
    )


@command(
    prepare,
    "slices",
    example="fatescope prepare slices membrane_3dmms --embryo 170704plc1p2 --out slices",
)
def slices(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="folder with volumes and their labels")
    ],
    out: Out,
    settings: SliceSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
) -> Result:
    """Cut labelled volumes of embryos into lossless slices on one grid, divided by time.

    Writes images, labels, what is wall and what is inside, samples.csv, markers, a datasheet and
    the hashes of all files.
    """
    from fatescope.systems.membranes.slices import prepare_slices

    return prepare_slices(
        folder,
        out=out,
        settings=settings,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )


@command(
    prepare,
    "crops",
    example="fatescope prepare crops labelled --out crops",
)
def crops(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="LABELLED", help="folders with index.csv, as `plate labels` writes"),
    ],
    out: Out,
    settings: CropStoreSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
) -> Result:
    """Cut images with classes at their pixels into crops, divided by well.

    Counts the classes of each crop and keeps those of one class out of training. Wells, or plates
    with --unit plate, are on one side of the split as a whole, and images on two sides that share
    content are refused. Prints dimensions, counts before and after, and batches.
    """
    from fatescope.systems.viability.crops import prepare_crops

    return prepare_crops(
        folders,
        out=out,
        settings=settings,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )
