"""``fatescope compare``: an old package and a new one on the same held-out units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app
from fatescope.evaluate.settings import CompareSettings

_Model = "a shipped name, a package, or ONNX with a .toml beside it"


@command(app, "compare", example="fatescope compare nuclei my-nuclei/package --data pairs --out c")
def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help=_Model)],
    new: Annotated[str, typer.Argument(metavar="NEW", help=_Model)],
    data: Annotated[
        Path, typer.Option("--data", help="folder with samples.csv", show_default=False)
    ],
    out: Out,
    settings: CompareSettings,
    console: Console,
    fresh: Fresh = False,
) -> Result:
    """Say whether a new model is better than an old one, on test units that neither has seen.

    Writes a page with the difference and its interval, and the images on which they differ most.
    """
    from fatescope.systems.comparison.compare import compare_models

    return compare_models(
        old, new, data=data, out=out, settings=settings, fresh=fresh, progress=console.progress
    )
