"""``fatescope reproduce movies-2020``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import reproduce
from fatescope.cli.reproduce_nuclei import Workers
from fatescope.workflows.reproduce.settings import MoviesRecipe

Data = Annotated[
    Path | None,
    typer.Option("--data", help="folder with the recorded movie, its table and published counts"),
]
Quick = Annotated[
    bool, typer.Option("--quick", help="a short run on rendered movies: shows, proves nothing")
]


@command(reproduce, "movies-2020", example="fatescope reproduce movies-2020 --out movies --quick")
def movies(
    out: Out,
    recipe: MoviesRecipe,
    console: Console,
    data: Data = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
) -> Result:
    """Count the cells of each lineage by ResNet18: as published in 2020, then on true labels.

    One page shows the published table against its own movie, the drop of the frames with the
    highest loss and what it was worth on movies that were not trained on. The extra `train` is
    needed.
    """
    from fatescope.workflows.reproduce.movies import reproduce_movies

    return reproduce_movies(
        out=out,
        recipe=recipe,
        data=data,
        quick=quick,
        workers=workers,
        progress=console.progress,
        fresh=fresh,
    )
