"""``fatescope replay``: the same result once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.base import Execution
from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app


@command(app, "replay", example="fatescope replay results --out again")
def replay(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="output folder of a predict")],
    out: Out,
    execution: Execution,
    console: Console,
    fresh: Fresh = False,
) -> Result:
    """Predict again with the inputs and settings of a result's own record, and compare.

    An input that has changed is refused. The answer is that of diff, and so is the exit code: 0
    where all is the same, otherwise 1.
    """
    from fatescope.systems.replay import replay_result

    return replay_result(
        folder, out=out, execution=execution, fresh=fresh, progress=console.progress
    )
