"""``fatescope reproduce live-dead-2024``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import reproduce
from fatescope.cli.reproduce_nuclei import Workers
from fatescope.workflows.reproduce.settings import LiveDeadRecipe

Data = Annotated[
    Path | None,
    typer.Option("--data", help="a labelled plate or a folder of such; default: rendered plates"),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="one small rendered plate: shows that all runs, no more")
]


@command(reproduce, "live-dead-2024", example="fatescope reproduce live-dead-2024 --out ld --quick")
def live_dead(
    out: Out,
    recipe: LiveDeadRecipe,
    console: Console,
    data: Data = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Tell live from dead cells without stains: the four runs of 2024, then corrected.

    One page shows the published scores beside those of the same runs on wells that nobody learnt
    from, what each correction is worth, precision-recall curves, rates, and a film. Plates are
    rendered unless labelled ones are given. The extra `train` is needed.
    """
    from fatescope.workflows.reproduce.live_dead import plan_live_dead, reproduce_live_dead

    if plan:
        return plan_live_dead(recipe=recipe, data=data, quick=quick)
    return reproduce_live_dead(
        out=out,
        recipe=recipe,
        data=data,
        quick=quick,
        workers=workers,
        progress=console.progress,
        fresh=fresh,
    )
