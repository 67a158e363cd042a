"""``fatescope lineage edit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.lineages.settings import LineageReading
from fatescope.cli.command import Fresh, Out, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage

Table = Annotated[Path, typer.Argument(metavar="TABLE", help="a lineage; it is never changed")]
Do = Annotated[
    list[str] | None, typer.Option("--do", help="an edit, such as 'swap ABala ABalp'; repeatable")
]
Script = Annotated[Path | None, typer.Option("--script", help="text file, one edit a line")]
Undo = Annotated[int, typer.Option("--undo", min=0, help="take back so many steps first")]
Redo = Annotated[int, typer.Option("--redo", min=0, help="bring back so many undone steps")]
Who = Annotated[str | None, typer.Option("--who", help="who edits; default: your user name")]
Why = Annotated[str, typer.Option("--why", help="the reason, kept with the edit")]
Book = Annotated[
    Path | None, typer.Option("--journal", help="the journal; default: OUT/journal.jsonl")
]


@command(
    lineage,
    "edit",
    example="fatescope lineage edit CD1.csv --out edited --do 'swap ABala ABalp' --why 'seen in Z'",
)
def edit(
    table: Table,
    out: Out,
    reading: LineageReading,
    console: Console,
    do: Do = None,
    script: Script = None,
    undo: Undo = 0,
    redo: Redo = 0,
    who: Who = None,
    why: Why = "",
    journal: Book = None,
    fresh: Fresh = False,
) -> Result:
    """Edit a lineage by reversible actions, kept in a journal that says who, when and why.

    Edits: rename ABal@12- ABar, swap ABala ABalp, exchange ABala ABalp @40, relink ABar@12
    ABala@11, split ABala@40, join ABala@39 ABalx@40, move ABala@40 z=12 y=200 x=310, add
    ABala@41 z=12 y=201 x=310 from ABala@40, remove ABala@40-44. Frames count from 0.
    --fresh writes the folder again; the journal stays.
    """
    from fatescope.systems.lineages.edit import edit_lineage

    return edit_lineage(
        table,
        out=out,
        do=do or (),
        script=script,
        undo=undo,
        redo=redo,
        who=who,
        why=why,
        journal=journal,
        reading=reading,
        fresh=fresh,
    )
