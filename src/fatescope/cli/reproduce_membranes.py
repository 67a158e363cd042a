"""``fatescope reproduce membranes-2021``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import reproduce
from fatescope.workflows.reproduce.settings import MembranesRecipe

Data = Annotated[
    Path | None, typer.Option("--data", help="folder with raw/ and labels/, or one around it")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="a short run on a rendered embryo: shows, proves nothing")
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="processes; default: one for each core", min=1)
]


@command(reproduce, "membranes-2021", example="fatescope reproduce membranes-2021 --out m --quick")
def membranes(
    out: Out,
    recipe: MembranesRecipe,
    console: Console,
    data: Data = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Segment membranes by FPN on ResNet18: as published in 2021, then corrected.

    One page shows the published figure beside that of a filled silhouette, the same run again, what
    each correction is worth, both tunings, and a corrected network. The extra `train` is needed.
    """
    from fatescope.workflows.reproduce.membranes import plan_membranes_2021, reproduce_membranes

    if plan:
        return plan_membranes_2021(recipe=recipe, data=data, quick=quick)
    return reproduce_membranes(
        out=out,
        recipe=recipe,
        data=data,
        quick=quick,
        workers=workers,
        progress=console.progress,
        fresh=fresh,
    )
