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
import types
from pathlib import Path
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Protocol,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import typer

from fatescope.base import FatescopeError, Settings, SettingsError, missing_extra
from fatescope.cli.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Inputs = Annotated[
    list[Path], typer.Argument(metavar="INPUT", help="files or folders", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", help="folder for the results", show_default=False)]
Fresh = Annotated[bool, typer.Option("--fresh", help="remove the results of an earlier run first")]
Plan = Annotated[
    bool, typer.Option("--plan", help="say what would be done, with estimates, and stop")
]
Seed = Annotated[int, typer.Option("--seed", help="the same seed gives the same files")]

_PLAIN = (int, float, str, bool, Path)
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
        app.command(name, help=f"{text}\n\nExample:\n\n    {example}")(run)
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
            parameters += [_flag(n, f) for n, f in hint.model_fields.items()]
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
        text="TOML file with the same keys; flags win",
    ),
    _option("json", bool, False, "--json", text="print one JSON document and nothing else"),
    _option("quiet", bool, False, "--quiet", text="print nothing but errors"),
    _option("debug", bool, False, "--debug", text="show the traceback of an error"),
]


def _flag(name: str, field: Any) -> inspect.Parameter:
    """Make one option from one field of a settings class."""
    notes = []
    extra = field.json_schema_extra or {}
    if extra.get("unit"):
        notes.append(extra["unit"])
    limits = {type(m).__name__: m for m in field.metadata}
    words = {"Ge": ("ge", "≥"), "Gt": ("gt", ">"), "Le": ("le", "≤"), "Lt": ("lt", "<")}
    notes += [f"{sign} {getattr(limits[k], a)}" for k, (a, sign) in words.items() if k in limits]
    if field.default is not None and not field.is_required():
        notes.append(f"default {field.default}")
    text = field.description + (f" ({', '.join(notes)})" if notes else "")
    hint = _flag_type(field.annotation)
    flag = "--" + name.replace("_", "-")
    names = (f"{flag}/--no-{flag[2:]}",) if hint is bool else (flag,)
    return _option(name, hint | None, None, *names, text=text)


def _flag_type(annotation: Any) -> Any:
    """Return what the terminal can parse; everything else goes to pydantic as text."""
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [a for a in get_args(annotation) if a is not type(None)]
        return _flag_type(kinds[0]) if len(kinds) == 1 else str
    if get_origin(annotation) is Literal or annotation in _PLAIN:
        return annotation
    return str


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
    for sentence in result.errors:
        console.warn(f"error: {sentence}")
    for line in result.as_lines():
        console.say(line)
    console.answer(result.as_json())


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


def explain(error: BaseException) -> tuple[str, int]:
    """Return the sentence and the exit code for an error."""
    if isinstance(error, KeyboardInterrupt):
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
