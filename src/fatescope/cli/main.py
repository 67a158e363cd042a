"""The command ``fatescope``: its groups, and what surrounds them."""

from __future__ import annotations

import gc
import inspect
import io
import os
import sys
from typing import Annotated

import typer

from fatescope._version import __version__
from fatescope.cli.command import INTERRUPTED, add_command
from fatescope.cli.groups import GROUPS, app
from fatescope.cli.tools import COMMANDS as TOOLS
from fatescope.systems.registry import commands

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Array libraries compute with one thread here as in worker processes: the same bits in both."""


_COLLECT_AFTER = 50_000
"""New objects between searches for garbage. Imports make 60,000 that stay, and searching them after
every 700, which is the default, is 2 % of what it costs to start a command."""


def load_commands(first: str | None = None) -> typer.Typer:
    """Register the commands of the group ``first``, or (``None``) all of them.

    Of the others only the first line of their help is there, so that the list of commands does not
    wait for the settings of all of them.
    """
    for told in (*TOOLS, *commands()):
        group, _, name = told.name.rpartition(" ")
        if first in (None, group or name):
            add_command(GROUPS[group], name, told)
        elif not group and name not in {c.name for c in app.registered_commands}:
            app.command(name, help=_first_line(told.help))(_not_loaded)
    app.registered_commands.sort(key=lambda command: command.name or "")
    return app


def _first_line(text: str) -> str:
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split())


def _not_loaded() -> None:
    """Stand in the list of commands for one whose file was not needed."""


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"fatescope {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """From images of developing embryos and of cells on plates to tables that can be trusted."""


def _one_line(message: str) -> str:
    if message.startswith("Usage:"):  # no arguments at all: the help itself
        return message + "\n"
    sentence = " ".join(message.split()).removesuffix(".")
    end = "" if sentence.endswith("?") else "."
    return f"error: {sentence}{end} See the same command with --help.\n"


def _first_word() -> str:
    """Return the command or group that was asked for, or that a shell wants to complete."""
    words = sys.argv
    if "_FATESCOPE_COMPLETE" in os.environ:
        names = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")  # of bash, of the other shells
        words = next((os.environ[n].split() for n in names if os.environ.get(n)), words)
    return words[1] if len(words) > 1 else ""


def main() -> None:
    """Run the command line and leave with its exit code."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")  # the search for them opens 100 files
    gc.set_threshold(_COLLECT_AFTER)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of another code page shows \\xb5
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _run()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run() -> int:
    try:
        code = load_commands(_first_word())(standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        # The parser's own errors know how to say themselves; it has no public base class.
        say = getattr(error, "format_message", None)
        if say is None:
            raise
        sys.stderr.write(_one_line(str(say())))
        return 2
    return code if isinstance(code, int) else 0
