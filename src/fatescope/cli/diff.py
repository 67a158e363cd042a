"""``fatescope diff``: two results, file by file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app


@command(app, "diff", example="fatescope diff results results-of-a-colleague")
def diff(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="an output folder")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="another one")],
    console: Console,
) -> Result:
    """Say whether two results are the same: tables cell by cell, images pixel by pixel.

    Names what differs and by how much, and what the records say was different: inputs, settings,
    model, versions, processor. The exit code is 0 where all is the same, the content of inputs
    too, otherwise 1.
    """
    from fatescope.engine.diff import diff_results

    return diff_results(first, second)
