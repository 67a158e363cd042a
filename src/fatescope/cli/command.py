"""Turn the description of a command into one of the command line.

Each field of its settings classes becomes a flag, with its unit, range and default in the help;
``--settings FILE.toml`` gives the same keys, and flags win. What its function returns is shown and
decides the exit code; an error of ours becomes one line and its code.
"""

from __future__ import annotations

import inspect
import logging
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from fatescope.base import (
    FatescopeError,
    SettingDescription,
    Settings,
    SettingsError,
    missing_extra,
)
from fatescope.cli.console import Console
from fatescope.cli.help import CommandHelp
from fatescope.pages.answer import read_answer
from fatescope.systems.description import Option
from fatescope.systems.place import accepted, resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fatescope.systems import description

_REASONS, _NAMED = 8, 3
"""Of why units failed, and of the files with one reason: so many are named on the terminal."""
BUG = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 and SIGINT, as a shell says


class Result(Protocol):
    """What a command returns: the answer for ``--json``, lines to read, and an exit code."""

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--json``."""

    def as_lines(self) -> Sequence[str]:
        """Return what a person reads on the terminal."""

    @property
    def errors(self) -> Sequence[str]:
        """Return one sentence for each unit that was not processed."""

    @property
    def exit_code(self) -> int:
        """0 done, 1 some unit was not processed, 2 nothing could be done."""


def add_command(app: typer.Typer, name: str, command: description.Command) -> None:
    """Add a command to a group, in place of one of that name."""
    classes: dict[str, type[Settings]] = {
        p: resolved(place) for p, place in command.settings.items()
    }

    def run(**given: Any) -> None:
        console = Console(**{k: given.pop(k) for k in ("json", "quiet", "debug")})
        toml = given.pop("settings_file")
        _configure_logging(console)
        with _sentences(console):
            result = _answer(command, classes, given, toml, console)
            console.close()
            _show(result, console)
        raise typer.Exit(result.exit_code)

    parameters = _parameters(command, classes)
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    # The mark \b keeps the example on a line of its own, so that it can be copied.
    text = f"{inspect.cleandoc(command.help)}\n\n\b\nExample:\n    {command.example}"
    app.registered_commands[:] = [c for c in app.registered_commands if c.name != name]
    app.command(name, cls=CommandHelp, help=text)(run)


def _answer(
    command: description.Command,
    classes: dict[str, type[Settings]],
    given: dict[str, Any],
    toml: Path | None,
    console: Console,
) -> Result:
    """Call the function of a command, or that of its plan, with what the command line says."""
    given = {k: v for k, v in given.items() if v is not None}
    values = {**_read_toml(toml, classes), **given}
    arguments: dict[str, Any] = {
        name: cls.from_values({k: v for k, v in values.items() if k in cls.model_fields})
        for name, cls in classes.items()
    }
    arguments |= {a.name: given[a.name] for a in command.arguments if a.name in given}
    if given.get("plan"):
        function = resolved(command.plan)
        planned: Result = function(**accepted(function, {**arguments, "command": command.name}))
        return planned
    if command.fresh:
        arguments["fresh"] = given["fresh"]
    function = resolved(command.run)
    telling = accepted(function, {"progress": console.progress, "say": console.warn})
    result: Result = function(**command.fixed, **arguments, **telling)
    return result


def _parameters(
    command: description.Command, classes: dict[str, type[Settings]]
) -> list[inspect.Parameter]:
    """Return what must be given, the settings, what may be given, and the common flags."""
    first = [_parameter(a) for a in command.arguments if a.default is ...]
    flags = [_flag(described) for cls in classes.values() for described in cls.describe()]
    others = [_parameter(a) for a in command.arguments if a.default is not ...]
    return [
        *first,
        *flags,
        *others,
        *([_FRESH] if command.fresh else []),
        *([_PLAN] if command.plan else []),
        *_COMMON,
    ]


def _parameter(argument: description.Argument) -> inspect.Parameter:
    """Make the word or the flag of an argument that is no setting."""
    hint: Any = resolved(argument.type)
    more: dict[str, Any] = {"help": argument.help, "metavar": argument.metavar or None}
    if isinstance(argument, Option):
        usual = (
            f"--{argument.name.replace('_', '-')}",
            *(["-o"] if argument.name == "out" else []),
        )
        flag: Any = typer.Option(*(argument.flags or usual), min=argument.least, **more)
    else:
        flag = typer.Argument(**more)
    required = argument.default is ...
    return inspect.Parameter(
        argument.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if required else argument.default,
        annotation=Annotated[hint if argument.default is not None else hint | None, flag],
    )


def _option(
    name: str, hint: Any, default: Any, *names: str, text: str, **more: Any
) -> inspect.Parameter:
    option = typer.Option(*names, help=text, show_default=False, **more)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, option]
    )


_FRESH = _option("fresh", bool, False, "--fresh", text="remove the results of an earlier run first")
_PLAN = _option(
    "plan", bool, False, "--plan", text="say what would be done, with estimates, and stop"
)
_COMMON = [
    _option(
        "settings_file",
        Path | None,
        None,
        "--settings",
        metavar="FILE",
        text="TOML file with the same keys; flags win",
    ),
    _option("json", bool, False, "--json", text="print one JSON document and nothing else"),
    _option("quiet", bool, False, "--quiet", text="print nothing but errors"),
    _option("debug", bool, False, "--debug", text="show the traceback of an error"),
]


def _flag(described: SettingDescription) -> inspect.Parameter:
    """Make one option of one setting."""
    notes = [described.unit, "" if described.choices else described.range]
    if described.default not in (None, "", (), False):
        notes.append(f"default {_typed(described.default)}")
    said = ", ".join(note for note in notes if note)
    text = described.help + (f" ({said})" if said else "")
    hint = described.type if described.kind != "values" else str
    if described.type == tuple[str, ...]:
        hint = list[str]  # the flag may be given several times
    flag = described.flag
    names = (f"{flag}/--no-{flag[2:]}",) if hint is bool else (flag,)
    return _option(described.name, hint | None, None, *names, text=text)


def _typed(default: Any) -> str:
    """Return a default as it is given on the command line."""
    if isinstance(default, tuple):
        return (" and " if isinstance(default[0], str) else ",").join(map(str, default))
    return "yes" if default is True else str(default)


def _read_toml(path: Path | None, classes: dict[str, type[Settings]]) -> dict[str, Any]:
    if path is None:
        return {}
    import tomllib

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path}: the settings cannot be read ({error}). Give a TOML file."
        ) from error
    known = {k for cls in classes.values() for k in cls.model_fields}
    unknown = sorted(set(values) - known)
    if unknown:
        raise SettingsError(
            f"{path}: {', '.join(unknown)} is not a setting of this command; "
            f"known are {', '.join(sorted(known))}."
        )
    return values


class _StandardError(logging.Handler):
    """Write each warning as one line to what standard error is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(self.format(record) + "\n")


def _configure_logging(console: Console) -> None:
    """Send warnings to standard error; with ``--debug`` everything that fatescope says."""
    level = logging.DEBUG if console.debug else logging.ERROR if console.quiet else logging.WARNING
    logging.basicConfig(
        level=logging.WARNING, format="%(message)s", handlers=[_StandardError()], force=True
    )
    logging.getLogger("fatescope").setLevel(level)


def _show(result: Result, console: Console) -> None:
    for sentence in shortened(result.errors):
        console.warn(f"error: {sentence}")
    lines, said = list(result.as_lines()), result.as_json()
    answer = read_answer(Path(said.get("report") or ""))
    if answer and not any(answer.lower().rstrip(".") in line.lower() for line in lines):
        lines.append(answer)  # that of the page, where no line has given it
    for line in lines:
        console.say(line)
    console.answer(said)


def shortened(errors: Sequence[str]) -> list[str]:
    """Return a line for each reason, naming a few of the files that have it, and not too many."""
    files: dict[str, list[str]] = {}
    for sentence in errors:
        file, colon, reason = sentence.partition(": ")
        files.setdefault(reason if colon else sentence, []).append(file if colon else "")
    lines = [_one_reason(reason, named) for reason, named in files.items()]
    if len(lines) > _REASONS:
        lines[_REASONS:] = [f"{len(lines) - _REASONS} more reasons; --json gives all of them."]
    return lines


def _one_reason(reason: str, files: Sequence[str]) -> str:
    named = ", ".join(name for name in files[:_NAMED] if name)
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return f"{named}{more}: {reason}" if named else reason


class _sentences:  # noqa: N801 - reads as a statement: with _sentences(console)
    """Turn what goes wrong inside into one line on standard error and an exit code."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        if error is None or isinstance(error, typer.Exit):
            return
        if self.console.debug and not isinstance(error, KeyboardInterrupt):
            traceback.print_exception(error, file=sys.stderr)
        sentence, code = explain(error)
        if sentence:
            self.console.warn(sentence)
        raise typer.Exit(code) from error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that led to it: compiled code may wrap what Ctrl-C raised in it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def explain(error: BaseException) -> tuple[str, int]:
    """Return the sentence and the exit code for an error."""
    if any(isinstance(e, KeyboardInterrupt) for e in _chain(error)):
        return "interrupted. The same command continues where it stopped.", INTERRUPTED
    error = missing_extra(error) or error
    if isinstance(error, BrokenPipeError):  # the reader, such as head, has seen enough
        return "", 0
    if isinstance(error, FatescopeError):
        return f"error: {error}", error.exit_code
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"error: {where}{error.strerror.lower()}. Nothing that was finished is lost.", 2
    if isinstance(error, MemoryError):
        return "error: the machine is out of memory. Give a lower --memory or fewer --workers.", 2
    what = f"{type(error).__name__}: {error}".rstrip(": ")
    return f"error: this is a bug of fatescope ({what}). Run again with --debug and report it.", BUG
