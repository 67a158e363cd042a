"""The command ``fatescope``: its groups, and what surrounds them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from fatescope._version import __version__
from fatescope.cli import evaluate, measure, predict, simulate
from fatescope.cli.groups import app

# Each file registers its commands when it is imported; add a new one here.
COMMANDS = (evaluate, measure, predict, simulate)


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
    """From pictures of developing embryos and of cells on plates to tables that can be trusted."""


def _one_line(message: str) -> str:
    if message.startswith("Usage:"):  # no arguments at all: the help itself
        return message + "\n"
    sentence = " ".join(message.split()).rstrip(".")
    return f"error: {sentence}. See the same command with --help.\n"


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(130)
    except Exception as error:
        # The parser's own errors know how to say themselves; it has no public base class.
        say = getattr(error, "format_message", None)
        if say is None:
            raise
        sys.stderr.write(_one_line(str(say())))
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
