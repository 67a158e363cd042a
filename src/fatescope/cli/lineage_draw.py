"""``fatescope lineage draw``."""

from __future__ import annotations

from fatescope.acquire.lineages.settings import LineageReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage
from fatescope.systems.lineages.settings import DrawSettings


@command(lineage, "draw", example="fatescope lineage draw CD20080101_demo.csv --out figures")
def draw(
    inputs: Inputs,
    out: Out,
    settings: DrawSettings,
    reading: LineageReading,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Draw lineages: the tree, paths and space, populations, names, timing, territories.

    Every embryo gets a page with its figures (SVG) and two pages to work with: a tree to zoom
    and walk along, and the nuclei in space to turn and play. With --cells, the movement of these
    cells with the time at each point. A report shows where founders dwell in all embryos, as a
    number with an interval.
    """
    from fatescope.systems.lineages.draw import draw_lineages
    from fatescope.systems.lineages.plan import plan_lineages

    if plan:
        return plan_lineages("lineage draw", inputs, execution=execution)
    return draw_lineages(
        inputs,
        out=out,
        settings=settings,
        reading=reading,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )
