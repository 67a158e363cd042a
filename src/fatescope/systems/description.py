"""What the interfaces know of a system: text, and the places of what runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fatescope.systems.question import Question


@dataclass(frozen=True, slots=True)
class Argument:
    """A word of a command line that is no setting: an input, a model, a folder.

    Parameters
    ----------
    name : str
        Of the argument of the function.
    help : str
    type : type or str
        Of the value, or ``"module:Type"``.
    metavar : str
        Its name in the help.
    default : object
        Without one it must be given.
    """

    name: str
    help: str
    type: Any = Path
    metavar: str = ""
    default: Any = ...


@dataclass(frozen=True, slots=True)
class Option(Argument):
    """The same behind a flag; it may be left out, unless its ``default`` is an ellipsis.

    Parameters
    ----------
    flags : tuple of str
        Made from the name if there are none.
    least : int, optional
        The smallest number.
    """

    default: Any = None
    flags: tuple[str, ...] = ()
    least: int | None = None


INPUTS = Argument("inputs", "files or folders", type=list[Path], metavar="INPUT")
OUT = Option("out", "folder for the results", metavar="DIR", default=...)
SEED = Option("seed", "the same seed gives the same files", type=int, default=0)
QUICK = Option(
    "quick", "a short run on rendered data: shows, proves nothing", type=bool, default=False
)
WORKERS = Option("workers", "processes; default: one for each core", type=int, least=1)
EXECUTION = "fatescope.base:Execution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command of the command line, and what the app's questions of that name run.

    Parameters
    ----------
    name : str
        ``"lineage draw"``: the group, if any, and the command.
    help : str
        A line, an empty one, and what it writes.
    example : str
        A whole line that works.
    run : str or callable
        ``"module:function"``; it gets the settings and arguments by name, and ``progress`` if it
        has that.
    plan : str or callable
        What ``--plan`` calls, with those arguments that it has; empty where nothing lasts.
    settings : mapping of str to str
        Argument of the function and ``"module:Class"``: each field is a flag.
    arguments : tuple of Argument
        What must be given first.
    fixed : mapping
        What else the function gets.
    fresh : bool
        There is ``--fresh``.
    """

    name: str
    help: str
    example: str
    run: str | Callable[..., Any]
    plan: str | Callable[..., Any] = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    arguments: tuple[Argument, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicts:
    """``fatescope predict NAME``, ``watch NAME``, what `replay` runs again and the app asks.

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
class Example:
    """Rendered files to try a question on; its buttons name those that fit them.

    Parameters
    ----------
    name, title, text : str
    write : str
        ``"module:function"`` that renders them into an empty folder, the same each time.
    """

    name: str
    title: str
    text: str
    write: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownResult:
    """A result as its page shows it, of which a linked chart is drawn.

    Parameters
    ----------
    out : Path
        Its folder.
    inputs : tuple of Path
    settings : mapping
        What was asked.
    key : str
        The file that is shown, as tables name it; empty where the chart is of all.
    chosen : mapping of str to str
        What was chosen on the page.
    """

    out: Path
    inputs: tuple[Path, ...]
    settings: Mapping[str, Any]
    key: str
    chosen: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A system, as the command line, the app, Python, watch, replay, training and docs see it.

    Importing one loads nothing of the system: places are written ``"module:name"``.

    Parameters
    ----------
    predicts : Predicts, optional
        Its predicting command.
    commands : tuple of Command
        Its other commands, in the order of the help.
    questions : tuple of Question
        Its buttons in the app.
    trains : mapping of str to Trains
        By the ``task`` of a recipe; ``""`` trains the tasks that nobody names.
    python : mapping of str to str
        Public functions by name: those on files, and those in memory.
    examples : tuple of Example
        Rendered files that its questions and those of others can be tried on.
    linked : mapping of str to str
        Charts that a result page links with the rest of it, by their address: ``"module:function"``
        that returns the blocks of a `ShownResult`.
    page : str
        Of the documentation.
    """

    predicts: Predicts | None = None
    commands: tuple[Command, ...] = ()
    questions: tuple[Question, ...] = ()
    trains: Mapping[str, Trains] = field(default_factory=dict)
    python: Mapping[str, str] = field(default_factory=dict)
    examples: tuple[Example, ...] = ()
    linked: Mapping[str, str] = field(default_factory=dict)
    page: str = ""
