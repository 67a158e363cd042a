"""``fatescope evaluate``: scores of results against the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import evaluate
from fatescope.evaluate.settings import CentreSettings, ScoreSettings


@command(evaluate, "labels", example="fatescope evaluate labels truth/labels results/labels --json")
def labels(
    true: Annotated[Path, typer.Argument(metavar="TRUE", help="true labels: a file or a folder")],
    pred: Annotated[Path, typer.Argument(metavar="PRED", help="predicted labels, same names")],
    settings: ScoreSettings,
    console: Console,
    units: Annotated[
        Path | None, typer.Option("--units", help="CSV that gives the independent unit of images")
    ] = None,
    unit_column: Annotated[
        str, typer.Option("--unit-column", help="column of --units that names the unit")
    ] = "unit",
    stratum_column: Annotated[
        str | None, typer.Option("--stratum-column", help="column of --units to score apart")
    ] = None,
    axes: Annotated[
        str | None, typer.Option("--axes", help="axes of the true files, such as TYX or ZYX")
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--table", help="write one row per image here (.csv, .parquet)")
    ] = None,
) -> Result:
    """Score label images, matched by name: AP, F1, PQ, SEG, IoU and Dice, with an interval."""
    from fatescope.systems.labels.evaluate import Grouping, evaluate_labels, write_image_scores

    grouping = None
    if units is not None:
        grouping = Grouping(table=units, unit=unit_column, stratum=stratum_column)
    result = evaluate_labels(
        true, pred, settings, grouping=grouping, axes=axes, progress=console.progress
    )
    if table is not None:
        write_image_scores(result, table)
    if console.json or console.quiet:
        for problem in result.problems:
            console.warn(f"error: {problem}")
    return result


@command(
    evaluate,
    "centres",
    example="fatescope evaluate centres truth/spots.csv results --within-um 2.5 --json",
)
def centres(
    true: Annotated[Path, typer.Argument(metavar="TRUE", help="table: frame, z, y, x, and image")],
    pred: Annotated[Path, typer.Argument(metavar="PRED", help="such a table, or a result folder")],
    settings: CentreSettings,
    units: Annotated[
        Path | None, typer.Option("--units", help="CSV that gives the independent unit of images")
    ] = None,
) -> Result:
    """Score centres of nuclei: F1 with an interval, how far counts are off, mean distance."""
    from fatescope.systems.labels.centres import evaluate_centres

    return evaluate_centres(true, pred, settings, units=units)
