"""``fatescope predict ...``: find and measure what is in images."""

from __future__ import annotations

from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import predict
from fatescope.predict.settings import NucleiEmSettings, NucleiSettings


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
    from fatescope.workflows.nuclei import plan_nuclei, predict_nuclei

    if plan:
        return plan_nuclei(inputs, settings=settings, execution=execution)
    return predict_nuclei(
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=console.progress,
    )


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
    from fatescope.workflows.nuclei import plan_nuclei, predict_nuclei

    if plan:
        return plan_nuclei(
            inputs, settings=settings, execution=execution, command="predict nuclei-em"
        )
    return predict_nuclei(
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        command="predict nuclei-em",
        fresh=fresh,
        progress=console.progress,
    )
