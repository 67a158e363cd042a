"""``fatescope tune``: which learning rate, which batch, or any other setting of a recipe."""

from __future__ import annotations

from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app
from fatescope.cli.train import Data, RecipeName
from fatescope.train.tune_settings import StudyExecution, TuneSettings


@command(app, "tune", example="fatescope tune tune_100x1x10 --data pairs --out tuned")
def tune(
    recipe: RecipeName,
    data: Data,
    out: Out,
    settings: TuneSettings,
    execution: StudyExecution,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Search the settings of a recipe by short trainings, scored on validation units.

    What a flag does not say, the table [tune] of the recipe says.
    """
    from fatescope.systems.training.tune import plan_tuning, tune_recipe
    from fatescope.train.recipe import read_recipe_values

    values = read_recipe_values(recipe)
    if plan:
        return plan_tuning(values, data=data, settings=settings, execution=execution)
    return tune_recipe(
        values,
        data=data,
        out=out,
        settings=settings,
        execution=execution,
        progress=console.progress,
        fresh=fresh,
    )
