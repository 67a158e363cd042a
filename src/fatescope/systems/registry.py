"""The only list of systems. A new one is a folder with a ``description.py``, and a name here."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fatescope.base import InputError
from fatescope.systems.place import resolved

if TYPE_CHECKING:
    from fatescope.engine.predict import System
    from fatescope.systems.description import Description, Predicts, Trains
    from fatescope.systems.question import Question

FOLDERS = [
    "nuclei",
    "nuclei_em",
    "membranes",
    "phase_cells",
    "populations",
    "viability",
    "live_dead",
    "cleaning",
    "lineages",
    "plates",
    "training",
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


def questions() -> tuple[Question, ...]:
    """Return all that can be asked in the app."""
    return tuple(q for d in descriptions() for q in d.questions)


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
