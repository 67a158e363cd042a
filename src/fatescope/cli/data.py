"""``fatescope data``: data sets listed, fetched and packed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import data

_Registry = Annotated[
    Path | None,
    typer.Option("--registry", metavar="FILE", help="another list of data sets, as TOML"),
]


@command(data, "list", example="fatescope data list")
def list_(console: Console, registry: _Registry = None) -> Result:
    """List known data sets: what, licence, size, page; and what can be rendered offline."""
    from fatescope.systems.data.fetch import list_data

    return list_data(registry)


@command(data, "fetch", example="fatescope data fetch epic-tables --out tables")
def fetch(
    what: Annotated[
        str,
        typer.Argument(metavar="NAME|URL|FILE.zip", help="a known data set, or a packed one"),
    ],
    out: Out,
    console: Console,
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="HEX", help="what the zip must have")
    ] = None,
    registry: _Registry = None,
    max_gb: Annotated[
        float, typer.Option("--max-gb", help="no more is downloaded or unpacked")
    ] = 20.0,
) -> Result:
    """Download a data set, or unpack one that was packed, and compare every hash.

    No other command opens a connection. The same command continues a download that was stopped. A
    file with a wrong hash is kept beside its place, and nothing else is changed.
    """
    from fatescope.systems.data.fetch import fetch_data

    return fetch_data(
        what,
        out=out,
        sha256=sha256,
        registry=registry,
        max_gb=max_gb,
        progress=console.progress,
    )


@command(data, "pack", example="fatescope data pack pairs --licence CC-BY-4.0 --out pairs.zip")
def pack(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="prepared training data, or results")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="a new .zip file")],
    console: Console,
    licence: Annotated[
        str | None,
        typer.Option("--licence", metavar="NAME|FILE", help="under which others may use it"),
    ] = None,
    about: Annotated[
        str, typer.Option("--about", help="a sentence for the datasheet: what, from where")
    ] = "",
) -> Result:
    """Make one zip of training data or of results, to hand on: datasheet, licence, hashes.

    The same folder gives the same bytes. Images that samples.csv names elsewhere come along; paths
    of this machine do not. The zip is read back and compared.
    """
    from fatescope.systems.data.pack import pack_data

    return pack_data(folder, out=out, licence=licence, about=about)
