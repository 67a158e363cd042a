"""``fatescope reproduce``: five published recipes, as published and then corrected."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import reproduce
from fatescope.systems.reproduction.settings import (
    LiveDeadRecipe,
    MembranesRecipe,
    MoviesRecipe,
    NamesRecipe,
    NucleiRecipe,
)

NAMES_DATA = "folder of EPIC tables"
MOVIES_DATA = "folder with the recorded movie, its table and published counts"
NUCLEI_DATA = "folder with images/ and labels/, or one around it"
MEMBRANES_DATA = "folder with raw/ and labels/, or one around it"
LIVE_DEAD_DATA = "a labelled plate or a folder of such; default: rendered plates"
Quick = Annotated[
    bool, typer.Option("--quick", help="a short run on rendered data: shows, proves nothing")
]
Workers = Annotated[
    int | None, typer.Option("--workers", help="processes; default: one for each core", min=1)
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
    data: Annotated[Path | None, typer.Option("--data", help=NAMES_DATA)] = None,
    quick: Quick = False,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Name nuclei by a network on 32 compact names: as published in 2020, then corrected.

    One page shows the published figure, the same procedure run again, its worth on embryos that
    it has not seen, and the corrected network with its interval. The extra `train` is needed.
    """
    from fatescope.systems.lineages.reproduce.run import plan_names, reproduce_names

    if plan:
        return plan_names(recipe=recipe, quick=quick)
    return reproduce_names(
        out=out, recipe=recipe, data=data, quick=quick, progress=console.progress, fresh=fresh
    )


@command(reproduce, "movies-2020", example="fatescope reproduce movies-2020 --out movies --quick")
def movies(
    out: Out,
    recipe: MoviesRecipe,
    console: Console,
    data: Annotated[Path | None, typer.Option("--data", help=MOVIES_DATA)] = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Count the cells of each lineage by ResNet18: as published in 2020, then on true labels.

    One page shows the published table against its own movie, the drop of the frames with the
    highest loss and what it was worth on movies that were not trained on. The extra `train` is
    needed.
    """
    from fatescope.systems.populations.reproduce.run import plan_movies, reproduce_movies

    if plan:
        return plan_movies(recipe=recipe, quick=quick, workers=workers)
    return reproduce_movies(
        out=out,
        recipe=recipe,
        data=data,
        quick=quick,
        workers=workers,
        progress=console.progress,
        fresh=fresh,
    )


@command(reproduce, "nuclei-2020", example="fatescope reproduce nuclei-2020 --out nuclei --quick")
def nuclei(
    out: Out,
    recipe: NucleiRecipe,
    console: Console,
    data: Annotated[Path | None, typer.Option("--data", help=NUCLEI_DATA)] = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Segment nuclei by FPN on ResNet18: as published in 2020, then corrected.

    One page shows the published figure, the same procedure run again, its worth on an image that
    was left out, in pixels and in nuclei, and a corrected network. The extra `train` is needed.
    """
    from fatescope.systems.nuclei.reproduce.run import plan_nuclei_2020, reproduce_nuclei

    if plan:
        return plan_nuclei_2020(recipe=recipe, quick=quick, workers=workers)
    return reproduce_nuclei(
        out=out,
        recipe=recipe,
        data=data,
        quick=quick,
        workers=workers,
        progress=console.progress,
        fresh=fresh,
    )


@command(reproduce, "membranes-2021", example="fatescope reproduce membranes-2021 --out m --quick")
def membranes(
    out: Out,
    recipe: MembranesRecipe,
    console: Console,
    data: Annotated[Path | None, typer.Option("--data", help=MEMBRANES_DATA)] = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Segment membranes by FPN on ResNet18: as published in 2021, then corrected.

    One page shows the published figure beside that of a filled silhouette, the same run again, what
    each correction is worth, both tunings, and a corrected network. The extra `train` is needed.
    """
    from fatescope.systems.membranes.reproduce.run import plan_membranes_2021, reproduce_membranes

    if plan:
        return plan_membranes_2021(recipe=recipe, data=data, quick=quick, workers=workers)
    return reproduce_membranes(
        out=out,
        recipe=recipe,
        data=data,
        quick=quick,
        workers=workers,
        progress=console.progress,
        fresh=fresh,
    )


@command(reproduce, "live-dead-2024", example="fatescope reproduce live-dead-2024 --out ld --quick")
def live_dead(
    out: Out,
    recipe: LiveDeadRecipe,
    console: Console,
    data: Annotated[Path | None, typer.Option("--data", help=LIVE_DEAD_DATA)] = None,
    quick: Quick = False,
    workers: Workers = None,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Tell live from dead cells without stains: the four runs of 2024, then corrected.

    One page shows the published scores beside those of the same runs on wells that no network was
    trained on, what each correction is worth, precision-recall curves, rates, and a film. Plates
    are rendered unless labelled ones are given. The extra `train` is needed.
    """
    from fatescope.systems.viability.reproduce.run import plan_live_dead, reproduce_live_dead

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
