"""``fatescope models``: packages listed, shown, checked and exchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import models

_Name = Annotated[str, typer.Argument(metavar="MODEL", help="a shipped name, or a folder or zip")]


@command(models, "list", example="fatescope models list")
def list_(console: Console) -> Result:
    """List the models that come with fatescope."""
    from fatescope.systems.packages import list_packages

    return list_packages()


@command(models, "show", example="fatescope models show nuclei")
def show(model: _Name, console: Console) -> Result:
    """Show a model's card: what it was trained on, and its held-out numbers."""
    from fatescope.systems.packages import show_package

    return show_package(model)


@command(models, "check", example="fatescope models check nuclei")
def check(
    model: Annotated[
        list[str], typer.Argument(metavar="MODEL", help="shipped names, folders or zips")
    ],
    console: Console,
) -> Result:
    """Check that packages are whole and still give what they gave when they were made."""
    from fatescope.systems.packages import check_packages

    return check_packages(model)


@command(models, "export", example="fatescope models export nuclei --out nuclei.zip")
def export(
    model: _Name,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", metavar="PATH", help="a new folder, or a file ending in .zip"),
    ],
    console: Console,
) -> Result:
    """Copy a package, checked, into a folder or a zip."""
    from fatescope.systems.packages import export_package

    return export_package(model, out=out)


@command(models, "import", example="fatescope models import network.onnx --out my-model")
def import_(
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="a zip, a folder, or ONNX with a .toml beside it"),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="PATH", help="a new folder")],
    console: Console,
) -> Result:
    """Make a package folder of a zip, or of an ONNX file with its six-line sidecar."""
    from fatescope.systems.packages import import_package

    return import_package(source, out=out)
