"""``fatescope predict ...``: a command for each system that finds something in images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fatescope.base import Execution
from fatescope.cli.command import Fresh, Inputs, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import predict
from fatescope.predict.settings import PredictSettings
from fatescope.systems.registry import predicting

if TYPE_CHECKING:
    from fatescope.systems.description import Predicts


def _predicting(told: Predicts) -> Callable[..., Result]:
    """Make the command that predicts with a system, or says what it would do."""

    def run(
        inputs: Inputs,
        out: Out,
        settings: PredictSettings,
        execution: Execution,
        console: Console,
        fresh: Fresh = False,
        plan: Plan = False,
    ) -> Result:
        from fatescope.engine.predict import predict_images
        from fatescope.systems.registry import system_named

        system = system_named(told.name)
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

    run.__annotations__["settings"] = told.settings_class()
    run.__doc__ = told.help
    return run


def add_commands() -> None:
    """Add a command for each system of the registry."""
    for name, told in predicting().items():
        command(predict, name, example=told.example)(_predicting(told))


add_commands()
