"""``fatescope lineage lint`` and ``convert``: check lineage files, and translate them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fatescope.acquire.lineages.settings import LineageFormat, LineageReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage
from fatescope.lineage.lint.settings import LintSettings


@command(lineage, "lint", example="fatescope lineage lint CD20080101.csv.gz --out checked")
def lint(
    inputs: Inputs,
    out: Out,
    settings: LintSettings,
    reading: LineageReading,
    execution: Execution,
    console: Console,
    decisions: Annotated[
        Path | None,
        typer.Option(
            "--decisions", help="findings.csv in which you set status to accepted or rejected"
        ),
    ] = None,
    fail_on: Annotated[
        Literal["error", "warning"] | None,
        typer.Option(
            "--fail-on", help="for scripts: exit code 1 if an open finding is that severe or worse"
        ),
    ] = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Find faults in lineages: format, structure, scope, names, geometry, timing, species.

    Writes report.html, findings.csv, ranked and with reasons, and lineages.csv, one row per input.
    With --decisions, tables without the accepted faults go into clean/, and what was taken out into
    exclusion.csv, which every lineage command obeys (--exclude); the originals stay as they are.
    Findings never change the exit code unless --fail-on asks for it: then it is 1, as for a table
    that could not be read; findings that you accepted or rejected do not count.
    """
    from fatescope.systems.lineages.lint import lint_lineages
    from fatescope.systems.lineages.plan import plan_lineages

    if plan:
        return plan_lineages("lineage lint", inputs, execution=execution)
    return lint_lineages(
        inputs,
        out=out,
        settings=settings,
        reading=reading,
        decisions=decisions,
        fail_on=fail_on,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )


@command(
    lineage, "convert", example="fatescope lineage convert embryo.zip --to csv --out converted"
)
def convert(
    inputs: Inputs,
    out: Out,
    reading: LineageReading,
    execution: Execution,
    console: Console,
    to: Annotated[LineageFormat, typer.Option("--to", help="format to write")] = "csv",
    mirror: Annotated[
        Literal["x", "y", "z"] | None,
        typer.Option(
            "--mirror", help="turn this axis about the middle of its range (see `mirrored`)"
        ),
    ] = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Write lineages in another format, and say what that format cannot hold."""
    from fatescope.systems.lineages.convert import convert_lineages
    from fatescope.systems.lineages.plan import plan_lineages

    if plan:
        return plan_lineages("lineage convert", inputs, execution=execution)
    return convert_lineages(
        inputs,
        out=out,
        to=to,
        mirror=mirror,
        reading=reading,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )
