"""What the interfaces know of a system: text, and the places of what runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fatescope.systems.place import resolved
from fatescope.systems.question import Question

if TYPE_CHECKING:
    from fatescope.base import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicts:
    """``fatescope predict NAME``, ``watch NAME`` and what `replay` runs again.

    Parameters
    ----------
    name : str
        On the command line.
    help : str
        Of the command: a line, an empty one, and what it writes.
    example : str
        What stands behind ``fatescope predict NAME`` in the example.
    system : str
        ``"module:NAME"`` of the `engine.predict.System`.
    settings : str
        ``"module:Class"`` of its settings, which loads no array library.
    """

    name: str
    help: str
    example: str
    system: str
    settings: str

    def settings_class(self) -> type[Settings]:
        """Return the class of its settings."""
        found: type[Settings] = resolved(self.settings)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Trains:
    """What trains the recipes of a task.

    Parameters
    ----------
    recipe : str
        ``"module:Class"`` of the recipes, which loads no torch.
    trainable : str
        ``"module:NAME"`` of the `train.trainables.Trainable`.
    """

    recipe: str
    trainable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A system, as the command line, the app, Python, watch, replay, training and docs see it.

    Importing one loads nothing of the system: places are written ``"module:name"``.

    Parameters
    ----------
    predicts : Predicts, optional
        Its predicting command.
    questions : tuple of Question
        Its buttons in the app.
    trains : mapping of str to Trains
        By the ``task`` of a recipe; ``""`` trains the tasks that nobody names.
    python : mapping of str to str
        Public functions by name: those on files, and those in memory.
    page : str
        Of the documentation.
    """

    predicts: Predicts | None = None
    questions: tuple[Question, ...] = ()
    trains: Mapping[str, Trains] = field(default_factory=dict)
    python: Mapping[str, str] = field(default_factory=dict)
    page: str = ""
