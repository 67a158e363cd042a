"""``fatescope clean``: faults of movies and of annotations."""

from __future__ import annotations

from typing import Annotated

import typer

from fatescope.base import Execution
from fatescope.clean.settings import AnnotationSettings, CleanSettings
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app


@command(app, "clean", example="fatescope clean embryo.mov counts.csv --out checked")
def clean(
    inputs: Inputs,
    out: Out,
    settings: CleanSettings,
    annotations: AnnotationSettings,
    execution: Execution,
    console: Console,
    drop: Annotated[
        float | None,
        typer.Option(
            "--drop",
            help="share of the samples of samples_loss.csv, those of the highest loss, that are to "
            "be left out, for instance 0.10 as published; without it they are shown",
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="write exclusion.csv, which --exclude obeys")
    ] = False,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Find faulty frames in movies, and faults in tables of cells.

    Writes findings.csv, one row per frame and fault, with rule, number, limit and reason, and
    report.html with each fault between the frames around it. Nothing is changed or deleted. Of
    samples_loss.csv, as train writes it, the samples with the highest loss are shown.
    """
    from fatescope.systems.cleaning.clean import clean_files, plan_clean

    if plan:
        return plan_clean(inputs, execution=execution)
    return clean_files(
        inputs,
        out=out,
        settings=settings,
        annotations=annotations,
        drop=drop,
        apply=apply,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )
