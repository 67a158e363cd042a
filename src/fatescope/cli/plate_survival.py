"""``fatescope plate survival``."""

from __future__ import annotations

from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import plate
from fatescope.plate.settings import SurvivalSettings


@command(
    plate,
    "survival",
    example="fatescope plate survival fates.csv --map map.csv --interval-min 15 --out survival",
)
def survival(
    inputs: Inputs,
    out: Out,
    settings: SurvivalSettings,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Say which treatment kills, and how fast, from the fates of cells and the map of the plate.

    Viability and survival of wells, median times of death and hazard ratios of treatments against
    the negative controls, dose responses, and what the controls say. The well is the unit: all
    intervals of treatments are over wells.
    """
    from fatescope.systems.plates.survival import plan_survival, survival_of_plate

    if plan:
        return plan_survival(inputs, settings=settings)
    return survival_of_plate(inputs, out=out, settings=settings, fresh=fresh)
