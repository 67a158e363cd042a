"""``fatescope simulate``: rendered images with exact truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Plan, Result, Seed, command
from fatescope.cli.console import Console
from fatescope.cli.groups import simulate
from fatescope.simulate.embryo.settings import LineageSettings, MovieSettings, VolumeSettings
from fatescope.simulate.plate.settings import PlateSettings
from fatescope.simulate.settings import FieldSettings, NucleiMovieSettings, SectionSettings

LineageTable = Annotated[
    Path | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="lineage table to render; drawn from the atlas if not given",
        show_default=False,
    ),
]


@command(simulate, "nuclei", example="fatescope simulate nuclei --out demo --seed 1")
def nuclei(
    out: Out,
    settings: NucleiMovieSettings,
    console: Console,
    seed: Seed = 0,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Render a fluorescence time-lapse of dividing nuclei, with true labels and lineage."""
    from fatescope.systems.simulation.nuclei import plan_simulation, write_nuclei_movie

    if plan:
        return plan_simulation(settings, command="simulate nuclei")
    return write_nuclei_movie(out, settings, seed=seed, fresh=fresh)


@command(simulate, "fields", example="fatescope simulate fields --out demo --count 6 --seed 1")
def fields(
    out: Out,
    settings: FieldSettings,
    console: Console,
    seed: Seed = 0,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Render still images of nuclei, each with a look of its own, with true labels."""
    from fatescope.systems.simulation.nuclei import plan_simulation, write_fields

    if plan:
        return plan_simulation(settings, command="simulate fields")
    return write_fields(out, settings, seed=seed, fresh=fresh)


@command(simulate, "sections", example="fatescope simulate sections --out demo --count 6 --seed 1")
def sections(
    out: Out,
    settings: SectionSettings,
    console: Console,
    seed: Seed = 0,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Render sections of embryos as an electron microscope shows them, with true labels."""
    from fatescope.systems.simulation.nuclei import plan_simulation, write_sections

    if plan:
        return plan_simulation(settings, command="simulate sections")
    return write_sections(out, settings, seed=seed, fresh=fresh)


@command(simulate, "embryo", example="fatescope simulate embryo --out demo --cells 28,100 --seed 1")
def embryo(
    out: Out,
    settings: VolumeSettings,
    lineage: LineageSettings,
    execution: Execution,
    console: Console,
    table: LineageTable = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Render volumes of embryos, nuclei and membranes, with true cells, names and lineage."""
    from fatescope.systems.simulation.embryo import plan_embryo_volumes, write_embryo_volumes

    if plan:
        return plan_embryo_volumes(settings, execution=execution)
    return write_embryo_volumes(
        out,
        settings,
        lineage,
        table=table,
        seed=seed,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )


@command(simulate, "movie", example="fatescope simulate movie --out demo --frames 120 --seed 1")
def movie(
    out: Out,
    settings: MovieSettings,
    lineage: LineageSettings,
    execution: Execution,
    console: Console,
    table: LineageTable = None,
    seed: Seed = 0,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Render movies of embryos as recordings are published, with tables, counts and lineage."""
    from fatescope.systems.simulation.movies import plan_embryo_movies, write_embryo_movies

    if plan:
        return plan_embryo_movies(settings, execution=execution)
    return write_embryo_movies(
        out,
        settings,
        lineage,
        table=table,
        seed=seed,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )


@command(simulate, "plate", example="fatescope simulate plate --out demo --scale 0.001 --seed 1")
def plate(
    out: Out,
    settings: PlateSettings,
    execution: Execution,
    console: Console,
    seed: Seed = 0,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Render plates of living and dying cells, with true cells, fates and treatments."""
    from fatescope.systems.simulation.plates import plan_simulated_plate, simulate_plate

    if plan:
        return plan_simulated_plate(settings, execution=execution)
    return simulate_plate(
        out,
        settings=settings,
        seed=seed,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )
