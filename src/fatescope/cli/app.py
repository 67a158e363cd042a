"""``fatescope app``: the browser app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fatescope.app.settings import AppSettings
from fatescope.cli.command import Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app as commands


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What is left to say once the app was ended."""

    folder: str
    errors: tuple[str, ...] = ()
    exit_code: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return where files and results are."""
        return {"command": "app", "out": self.folder}

    def as_lines(self) -> list[str]:
        """Return nothing: Ctrl-C was the last word."""
        return []


@command(commands, "app", example="fatescope app")
def app(settings: AppSettings, console: Console) -> Result:
    """Open the app in the browser: drop images or tables, choose a question, see the answer.

    It runs on this machine and answers nobody else: the link in the terminal opens it once, for one
    browser. Files that are dropped and results are kept in the folder given by --folder, and work
    that was not finished is continued at the next start.
    """
    from fatescope.app import serve_app

    serve_app(settings, say=console.warn)
    return Closed(folder=str(settings.folder))
