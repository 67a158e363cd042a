"""``fatescope lineage compare``."""

from __future__ import annotations

from fatescope.cli.command import Fresh, Inputs, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage
from fatescope.workflows.lineages.settings import CompareSettings


@command(
    lineage,
    "compare",
    example="fatescope lineage compare mutants/ --reference wildtype/ --out comparison",
)
def compare(
    inputs: Inputs,
    out: Out,
    settings: CompareSettings,
    console: Console,
    fresh: Fresh = False,
) -> Result:
    """Compare named embryos with a reference, cell by cell.

    Pace and lie of each embryo are taken out first; then births, lengths of life, places,
    division axes and sisters are compared, with 95 % intervals and control of false discoveries.
    """
    from fatescope.workflows.lineages.compare import compare_lineages

    return compare_lineages(
        inputs, out=out, settings=settings, progress=console.progress, fresh=fresh
    )
