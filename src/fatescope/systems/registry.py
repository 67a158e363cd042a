"""The only list of systems. A new one is a folder with a ``description.py``, and a name here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from fatescope.base import InputError
from fatescope.systems.description import (
    EXECUTION,
    INPUTS,
    OUT,
    Argument,
    Command,
    Description,
    Example,
    Option,
    Predicts,
    Trains,
)
from fatescope.systems.place import resolved
from fatescope.systems.question import Question, Role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Execution, Progress
    from fatescope.engine.plan import RunPlan
    from fatescope.engine.predict import System
    from fatescope.engine.summary import Summary
    from fatescope.predict.settings import PredictSettings

FOLDERS = [
    "nuclei",
    "nuclei_em",
    "movie_lineages",
    "membranes",
    "phase_cells",
    "populations",
    "viability",
    "live_dead",
    "cleaning",
    "lineages",
    "plates",
    "training",
    "comparison",
    "labels",
    "simulation",
    "data",
]
"""In the order in which commands and buttons stand."""


def descriptions() -> Iterator[Description]:
    """Yield what each system says of itself; none of them is loaded."""
    for folder in FOLDERS:
        module = import_module(f"fatescope.systems.{folder}.description")
        description: Description = module.DESCRIPTION
        yield description


def predicting() -> dict[str, Predicts]:
    """Return the predicting commands by name."""
    return {d.predicts.name: d.predicts for d in descriptions() if d.predicts is not None}


def system_named(name: str) -> System[Any]:
    """Return a predicting system by the name of its command; only its own file is imported.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    known = predicting()
    if name not in known:
        raise InputError(f"{name!r} is not a system; there are {', '.join(known)}.")
    system: System[Any] = resolved(known[name].system)
    return system


def commands() -> Iterator[Command]:
    """Yield the commands of all systems, in the order in which their groups list them."""
    for description in descriptions():
        if description.predicts is not None:
            yield _predicting(description.predicts)
            yield _watching(description.predicts)
        yield from description.commands


def _predicting(told: Predicts) -> Command:
    return Command(
        name=f"predict {told.name}",
        help=told.help,
        example=told.example,
        run=partial(_predict, told.name),
        plan=partial(_plan, told.name),
        settings={"settings": told.settings, "execution": EXECUTION},
        arguments=(INPUTS, OUT),
    )


def _predict(
    name: str,
    inputs: Sequence[Path],
    *,
    out: Path,
    settings: PredictSettings,
    execution: Execution,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Summary:
    from fatescope.engine.predict import predict_images

    return predict_images(
        system_named(name),
        inputs,
        out=out,
        settings=settings,
        execution=execution,
        fresh=fresh,
        progress=progress,
    )


def _plan(
    name: str, inputs: Sequence[Path], *, settings: PredictSettings, execution: Execution
) -> RunPlan:
    return system_named(name).plan(inputs, settings=settings, execution=execution)


def _watching(told: Predicts) -> Command:
    return Command(
        name=f"watch {told.name}",
        help=f"""
        Do `predict {told.name}` with each image of a folder, as soon as its file is whole.

        The results are kept up to date all the time. Ctrl-C ends it, or --until-idle; the same
        command continues, and so does `predict {told.name}`.
        """,
        example=f"fatescope watch {told.name} microscope --out results --until-idle 30",
        run="fatescope.systems.watch:watch_folder",
        fixed={"system": told.name},
        settings={
            "settings": told.settings,
            "watching": "fatescope.acquire.arrivals:WatchSettings",
            "execution": EXECUTION,
        },
        arguments=(Argument("folder", "where images arrive", metavar="FOLDER"), OUT),
    )


def questions() -> tuple[Question, ...]:
    """Return all that can be asked in the app."""
    known = {command.name: command for command in commands()}
    return tuple(
        q if q.settings else _answered_by(q, known[q.command])
        for d in descriptions()
        for q in d.questions
    )


def _answered_by(question: Question, command: Command) -> Question:
    """Return a question that runs what its command runs, with the same settings and plan."""
    settings = {name: cls for name, cls in command.settings.items() if name != "execution"}
    run = question.run or str(command.run)
    roles = {
        a.name: _as_command_has_it(question.roles[a.name], a, needed=a.name in question.needs)
        for a in command.arguments
        if a.name in question.roles
    }
    return replace(question, run=run, plan=command.plan, settings=settings, roles=roles)


def _as_command_has_it(role: Role, argument: Argument, *, needed: bool) -> Role:
    flag = ""
    if isinstance(argument, Option):
        flag = next(iter(argument.flags), "--" + argument.name.replace("_", "-"))
    choices = role.choices
    if not (role.kinds or choices):
        choices = get_args(resolved(argument.type))
    default = argument.default if isinstance(argument.default, str) else ""
    return replace(
        role,
        help=argument.help,
        flag=flag,
        default=default,
        required=needed or argument.default is ...,
        choices=choices,
    )


def question_named(name: str) -> Question:
    """Return a question by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = next((q for q in questions() if q.name == name), None)
    if found is None:
        raise InputError(f"there is no question {name!r}. Choose one on the page of your files.")
    return found


def examples() -> tuple[Example, ...]:
    """Return the rendered files that can be tried in the app."""
    return tuple(e for d in descriptions() for e in d.examples)


def linked_charts() -> dict[str, str]:
    """Return the places of the charts that result pages link, by their addresses."""
    return {name: place for d in descriptions() for name, place in d.linked.items()}


def training_of(task: str | None) -> Trains:
    """Return what trains the recipes of a task; whatever nobody names has outlines."""
    known = {name: trains for d in descriptions() for name, trains in d.trains.items()}
    return known.get(task or "", known[""])


def public_function(name: str) -> Any:
    """Return a public function of a system, which is one of `fatescope` too.

    Raises
    ------
    AttributeError
        If no system has one of that name.
    """
    for description in descriptions():
        if name in description.python:
            return resolved(description.python[name])
    raise AttributeError(f"module 'fatescope' has no attribute {name!r}")
