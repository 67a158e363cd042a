"""``fatescope lineage name`` and ``atlas``: names for nuclei, and what they are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.lineages.settings import LineageReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Result, command
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
) -> Result:
    """Name every nucleus of an embryo: a tracked tree, a movie without links, or one frame.

    Scale, interval, pose and stage may be unknown. Writes named/<table>.csv, the input rows with
    name, confidence and second choice, and embryos.csv, which says which embryos do not fit.
    """
    from fatescope.workflows.lineages.name import name_lineages

    return name_lineages(
        inputs,
        out=out,
        settings=settings,
        reading=reading,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )


@command(lineage, "atlas", example="fatescope lineage atlas epic_tables --out atlas.npz")
def atlas(
    inputs: Inputs,
    out: Annotated[Path, typer.Option("--out", help="the atlas to write (.npz)")],
    settings: AtlasSettings,
    reading: LineageReading,
    console: Console,
    leave_out: Annotated[
        list[str] | None, typer.Option("--leave-out", help="table to leave out (may be repeated)")
    ] = None,
) -> Result:
    """Average named embryos into an atlas: positions, births, lives, divisions, differences."""
    from fatescope.workflows.lineages.atlas import make_atlas

    return make_atlas(
        inputs,
        out=out,
        settings=settings,
        reading=reading,
        leave_out=leave_out or [],
        progress=console.progress,
    )
