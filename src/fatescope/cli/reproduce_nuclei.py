"""``fatescope reproduce nuclei-2020``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import reproduce
from fatescope.workflows.reproduce.settings import NucleiRecipe

Data = Annotated[
    Path | None, typer.Option("--data", help="folder with images/ and labels/, or one around it")
]
Quick = Annotated[
    bool, typer.Option("--quick", help="a short run on rendered images: shows, proves nothing")
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="processes; default: one for each core", min=1)
]


@command(reproduce, "nuclei-2020", example="fatescope reproduce nuclei-2020 --out nuclei --quick")
def nuclei(
    out: Out,
    recipe: NucleiRecipe,
    console: Console,
    data: Data = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
) -> Result:
    """Segment nuclei by FPN on ResNet18: as published in 2020, then corrected.

    One page shows the published figure, the same procedure run again, its worth on an image that
    was left out, in pixels and in nuclei, and a corrected network. The extra `train` is needed.
    """
    from fatescope.workflows.reproduce.nuclei import reproduce_nuclei

    return reproduce_nuclei(
        out=out,
        recipe=recipe,
        data=data,
        quick=quick,
        workers=workers,
        progress=console.progress,
        fresh=fresh,
    )
