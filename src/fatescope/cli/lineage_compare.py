"""``fatescope lineage compare``."""

from __future__ import annotations

from fatescope.acquire.lineages.settings import LineageReading
from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage
from fatescope.systems.lineages.settings import CompareSettings


@command(
    lineage,
    "compare",
    example="fatescope lineage compare mutants/ --reference wildtype/ --out comparison",
)
def compare(
    inputs: Inputs,
    out: Out,
    settings: CompareSettings,
    reading: LineageReading,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Compare named embryos with a reference, or with the atlas, cell by cell.

    Pace and lie of each embryo are taken out first; then births, lengths of life, places,
    division axes and sisters are compared, with 95 % intervals and control of false discoveries.
    Without --reference, embryos are held against the shipped atlas.
    """
    from fatescope.systems.lineages.compare import compare_lineages, reference_paths
    from fatescope.systems.lineages.plan import plan_lineages

    if plan:
        given = [*inputs, *reference_paths(settings)]
        return plan_lineages("lineage compare", given, execution=execution)
    return compare_lineages(
        inputs,
        out=out,
        settings=settings,
        reading=reading,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )
