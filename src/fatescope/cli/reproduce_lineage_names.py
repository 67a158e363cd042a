"""``fatescope reproduce lineage-names-2020``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import reproduce
from fatescope.workflows.reproduce.settings import NamesRecipe

Data = Annotated[Path | None, typer.Option("--data", help="folder of EPIC tables")]
Quick = Annotated[
    bool, typer.Option("--quick", help="a short run on rendered embryos: shows, proves nothing")
]


@command(
    reproduce,
    "lineage-names-2020",
    example="fatescope reproduce lineage-names-2020 --out names --quick",
)
def lineage_names(
    out: Out,
    recipe: NamesRecipe,
    console: Console,
    data: Data = None,
    quick: Quick = False,
    fresh: Fresh = False,
) -> Result:
    """Name nuclei by a network on 32 compact names: as published in 2020, then corrected.

    One page shows the published figure, the same procedure run again, its worth on embryos that
    it has not seen, and the corrected network with its interval. The extra `train` is needed.
    """
    from fatescope.workflows.reproduce.lineage_names import reproduce_names

    return reproduce_names(
        out=out, recipe=recipe, data=data, quick=quick, progress=console.progress, fresh=fresh
    )
