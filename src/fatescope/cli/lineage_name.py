"""``fatescope lineage name`` and ``atlas``: names for nuclei, and what they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.lineages.settings import LineageReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage
from fatescope.lineage.naming.settings import AtlasSettings, NameSettings


@command(lineage, "name", example="fatescope lineage name embryo.csv --out named")
def name(
    inputs: Inputs,
    out: Out,
    settings: NameSettings,
    reading: LineageReading,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Name every nucleus of an embryo: a tracked tree, a movie without links, or one frame.

    Scale, interval, pose and stage may be unknown. Writes named/<table>.csv, the input rows with
    name, confidence and second choice, and embryos.csv, which says which embryos do not fit.
    """
    from fatescope.systems.lineages.name import name_lineages
    from fatescope.systems.lineages.plan import plan_lineages

    if plan:
        return plan_lineages("lineage name", inputs, execution=execution)
    return name_lineages(
        inputs,
        out=out,
        settings=settings,
        reading=reading,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )


@command(lineage, "atlas", example="fatescope lineage atlas epic_tables --out atlas")
def atlas(
    out: Out,
    settings: AtlasSettings,
    reading: LineageReading,
    console: Console,
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="INPUT", help="files or folders; none: the shipped atlas"),
    ] = None,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", help="table to leave out (may be repeated)")
    ] = None,
    fresh: Fresh = False,
) -> Result:
    """Average named embryos into an atlas: positions, births, lives, divisions, neighbours.

    Writes atlas.npz for --atlas, and the same to read: cells.csv and neighbours.csv. Without
    INPUT, these are of the atlas that ships with fatescope.
    """
    from fatescope.systems.lineages.atlas import make_atlas

    return make_atlas(
        inputs or [],
        out=out,
        settings=settings,
        reading=reading,
        leave_out=leave_out or [],
        fresh=fresh,
        progress=console.progress,
    )
