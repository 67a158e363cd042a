"""``fatescope predict ...``: find and measure what is in images."""

from __future__ import annotations

from typing import Any

from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import predict
from fatescope.predict.settings import (
    LiveDeadSettings,
    NucleiEmSettings,
    NucleiSettings,
    PhaseCellsSettings,
    ViabilitySettings,
)
from fatescope.systems.membranes.cells.settings import MembraneSettings
from fatescope.systems.populations.inference.settings import PopulationSettings


@command(predict, "nuclei", example="fatescope predict nuclei embryo.tif --out results")
def nuclei(
    inputs: Inputs,
    out: Out,
    settings: NucleiSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Outline, count and measure nuclei in images, stacks and movies.

    Writes label images, tables of objects and findings, a record of the run and a report. The
    same command again continues where it stopped, also with more images.
    """
    return _answer("nuclei", inputs, out, settings, execution, console, fresh, plan)


@command(predict, "nuclei-em", example="fatescope predict nuclei-em section.tif --out results")
def nuclei_em(
    inputs: Inputs,
    out: Out,
    settings: NucleiEmSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Outline, count and measure nuclei in electron micrographs of sections.

    The same as `predict nuclei`, with the model for transmission electron micrographs of embryos:
    bright nuclei with dark chromatin in dark cells, bright resin around them.
    """
    return _answer("nuclei-em", inputs, out, settings, execution, console, fresh, plan)


@command(predict, "phase-cells", example="fatescope predict phase-cells dish.tif --out results")
def phase_cells(
    inputs: Inputs,
    out: Out,
    settings: PhaseCellsSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Outline, count and measure cells in phase contrast, without any dye.

    The same as `predict nuclei`, with the model for adherent cells in phase contrast.
    """
    return _answer("phase-cells", inputs, out, settings, execution, console, fresh, plan)


@command(predict, "live-dead", example="fatescope predict live-dead chamber.png --out results")
def live_dead(
    inputs: Inputs,
    out: Out,
    settings: LiveDeadSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Find cells in bright field, each in a box, and say which of them are dead.

    Writes tables of cells and of viability with intervals, label images (the ellipse in each box),
    findings, a record of the run and a report. The same command again continues where it stopped.
    """
    return _answer("live-dead", inputs, out, settings, execution, console, fresh, plan)


def _answer(
    name: str,
    inputs: Inputs,
    out: Out,
    settings: Any,
    execution: Execution,
    console: Console,
    fresh: bool,
    plan: bool,
) -> Result:
    """Run a predicting command, or say what it would do."""
    from fatescope.engine.predict import predict_images
    from fatescope.systems.registry import system_named

    system = system_named(name)
    if plan:
        return system.plan(inputs, settings=settings, execution=execution)
    return predict_images(
        system,
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )


@command(
    predict,
    "membrane",
    example="fatescope predict membrane embryo.tif --spacing-um 0.43,0.18,0.18 --out results",
)
def membrane(
    inputs: Inputs,
    out: Out,
    settings: MembraneSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Find the cells between membranes in volumes, planes and movies, and measure them.

    Cells start at markers (--markers), at the nuclei of another channel (--nuclei-channel), or are
    found alone. Writes label images, tables of cells and of their contacts, findings, a record of
    the run and a report. The same command again continues where it stopped.
    """
    return _answer("membrane", inputs, out, settings, execution, console, fresh, plan)


@command(predict, "populations", example="fatescope predict populations embryo.mov --out results")
def populations(
    inputs: Inputs,
    out: Out,
    settings: PopulationSettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Count the cells of each founder in every frame of fluorescence movies, with 90 % intervals.

    For maximum projections of nuclei in C. elegans embryos, from two cells to about 350. Start and
    tempo are found; --interval-min says the time between frames where it is known. Writes
    populations.csv, frames.csv (developmental clock, frames that are abstained from), findings, a
    record of the run and a report. The same command again continues where it stopped.
    """
    return _answer("populations", inputs, out, settings, execution, console, fresh, plan)


@command(
    predict,
    "viability",
    example="fatescope predict viability well.tif --spacing-um 1.3 --out results",
)
def viability(
    inputs: Inputs,
    out: Out,
    settings: ViabilitySettings,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Tell living from dead cells in bright-field or phase images without a stain.

    Writes the class of each pixel, nuclei as label images, tables with the probability that each
    cell is dead, findings, a record of the run and a report. The same command again continues
    where it stopped, also with more images.
    """
    return _answer("viability", inputs, out, settings, execution, console, fresh, plan)
