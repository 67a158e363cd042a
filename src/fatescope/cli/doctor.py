"""``fatescope doctor``: what is wrong with an installation."""

from __future__ import annotations

from fatescope.cli.command import Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app


@command(app, "doctor", example="fatescope doctor")
def doctor(console: Console) -> Result:
    """Say in words what is wrong with the installation, and what to do.

    Looks at Python, packages and extras, processor, memory, disk and models, and outlines the
    nuclei of a small rendered image. Nothing is changed or sent. The exit code is 1 if something
    is wrong.
    """
    from fatescope.systems.doctor import diagnose

    return diagnose()
