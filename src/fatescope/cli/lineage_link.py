"""``fatescope lineage link``: from detections to a lineage."""

from __future__ import annotations

from typing import Annotated

import typer

from fatescope.acquire.lineages.settings import LineageFormat, LineageReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage
from fatescope.track.settings import ObjectLinkSettings


@command(lineage, "link", example="fatescope lineage link results/ --out linked")
def link(
    inputs: Inputs,
    out: Out,
    settings: ObjectLinkSettings,
    reading: LineageReading,
    execution: Execution,
    console: Console,
    to: Annotated[LineageFormat, typer.Option("--to", help="format to write")] = "csv",
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Link nuclei through time: which goes on, which divides, which is new.

    INPUT is what `predict nuclei` wrote (a folder, or its objects.csv), or a table with one row
    per nucleus and frame. Writes links/, spots.csv, and how many tracks begin or end inside.
    """
    from fatescope.systems.lineages.link import link_lineages
    from fatescope.systems.lineages.plan import plan_lineages

    if plan:
        return plan_lineages("lineage link", inputs, execution=execution)
    return link_lineages(
        inputs,
        out=out,
        to=to,
        settings=settings,
        reading=reading,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )
