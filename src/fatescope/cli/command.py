"""Turn a plain function and its settings classes into a command.

A command is written as::

    @command(app, "nuclei", example="fatescope predict nuclei embryo.tif --out results")
    def nuclei(inputs: Inputs, out: Out, settings: NucleiSettings, console: Console) -> Summary:
        '''Outline, count and measure nuclei.'''

Each field of a `Settings` class in the signature becomes a flag, with its unit, range and
default in the help; ``--settings FILE.toml`` gives the same keys, and flags win. A ``Console``
brings ``--json``, ``--quiet`` and ``--debug``. What the function returns is shown and decides the
exit code; an error of ours becomes one line and its code.
"""

from __future__ import annotations

import functools
import inspect
import logging
import sys
import traceback
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Protocol,
    get_type_hints,
)

import typer

from fatescope.base import (
    FatescopeError,
    SettingDescription,
    Settings,
    SettingsError,
    missing_extra,
)
from fatescope.cli.console import Console
from fatescope.cli.help import Command

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Inputs = Annotated[
    list[Path], typer.Argument(metavar="INPUT", help="files or folders", show_default=False)
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="folder for the results", show_default=False),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="remove the results of an earlier run first")]
Plan = Annotated[
    bool, typer.Option("--plan", help="say what would be done, with estimates, and stop")
]
Seed = Annotated[int, typer.Option("--seed", help="the same seed gives the same files")]

_REASONS, _NAMED = 8, 3
"""Of why units failed, and of the files with one reason: so many are named on the terminal."""
BUG = 70
INTERRUPTED = 130


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


def command(
    app: typer.Typer, name: str, *, example: str
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Register a function as the command ``name`` of ``app``; see the module's text."""

    def register(function: Callable[..., Result]) -> Callable[..., Result]:
        hints = get_type_hints(function, include_extras=True)
        parameters, classes, plain = _parameters(function, hints)

        @functools.wraps(function)
        def run(**given: Any) -> None:
            console = Console(**{k: given.pop(k) for k in ("json", "quiet", "debug")})
            toml = given.pop("settings_file")
            arguments = {p: given.pop(p) for p in plain}
            _configure_logging(console)
            with _sentences(console):
                values = {
                    **_read_toml(toml, classes),
                    **{k: v for k, v in given.items() if v is not None},
                }
                for p, cls in classes.items():
                    mine = {k: v for k, v in values.items() if k in cls.model_fields}
                    arguments[p] = cls.from_values(mine)
                if console_name := next((p for p, t in hints.items() if t is Console), None):
                    arguments[console_name] = console
                result = function(**arguments)
                console.close()
                _show(result, console)
            raise typer.Exit(result.exit_code)

        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        text = inspect.getdoc(function) or ""
        # The mark \b keeps the example on a line of its own, so that it can be copied.
        app.command(name, cls=Command, help=f"{text}\n\n\b\nExample:\n    {example}")(run)
        return function

    return register


def _parameters(
    function: Callable[..., Result], hints: dict[str, Any]
) -> tuple[list[inspect.Parameter], dict[str, type[Settings]], list[str]]:
    """Sort parameters into plain ones and settings, and add the common flags."""
    parameters: list[inspect.Parameter] = []
    classes: dict[str, type[Settings]] = {}
    plain: list[str] = []
    for p in inspect.signature(function).parameters.values():
        hint = hints[p.name]
        if hint is Console:
            continue
        if isinstance(hint, type) and issubclass(hint, Settings):
            classes[p.name] = hint
            parameters += [_flag(described) for described in hint.describe()]
        else:
            plain.append(p.name)
            parameters.append(p.replace(annotation=hint, kind=p.KEYWORD_ONLY))
    return [*parameters, *_COMMON], classes, plain


def _option(
    name: str, hint: Any, default: Any, *names: str, text: str, **more: Any
) -> inspect.Parameter:
    option = typer.Option(*names, help=text, show_default=False, **more)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[hint, option]
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
        notes.append(f"default {'yes' if described.default is True else described.default}")
    said = ", ".join(note for note in notes if note)
    text = described.help + (f" ({said})" if said else "")
    hint = described.type if described.kind != "values" else str
    if described.type == tuple[str, ...]:
        hint = list[str]  # the flag may be given several times
    flag = described.flag
    names = (f"{flag}/--no-{flag[2:]}",) if hint is bool else (flag,)
    return _option(described.name, hint | None, None, *names, text=text)


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
    for line in result.as_lines():
        console.say(line)
    console.answer(result.as_json())


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
