"""``fatescope query``: one question in SQL of one result or of many."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.cli.command import Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import app


@command(
    app,
    "query",
    example='fatescope query results "SELECT image, count(*) AS n FROM objects GROUP BY image"',
)
def query(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="RESULTS... [SQL]",
            help="output folders, or folders that hold such; last the question",
            show_default=False,
        ),
    ],
    console: Console,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="a new file ending in .csv or .parquet"),
    ] = None,
) -> Result:
    """Ask one question in SQL of the tables of one result or of many; only reads.

    Each table (objects, images, findings, and what else a command wrote) has the column run in
    front, which tells the folder. Without SQL, the tables and their columns are listed. A question
    can write nothing, and read nothing but these tables.
    """
    from fatescope.engine.query import answer_question

    *folders, last = words
    if Path(last).exists() or not (" " in last.strip() or folders):
        return answer_question(words, out=out)
    return answer_question(folders, last, out=out)
