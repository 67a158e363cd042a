"""``fatescope lineage match``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fatescope.acquire.lineages.settings import LineageReading
from fatescope.cli.command import Fresh, Out, Plan, Result, command
from fatescope.cli.console import Console
from fatescope.cli.groups import lineage
from fatescope.systems.lineages.settings import MatchSettings

Movie = Annotated[Path, typer.Argument(metavar="MOVIE", help="maximum projections of nuclei")]
Table = Annotated[Path, typer.Argument(metavar="TABLE", help="the lineage of its embryo")]


@command(lineage, "match", example="fatescope lineage match embryo.mov CDembryo.csv --out matched")
def match(
    movie: Movie,
    table: Table,
    out: Out,
    settings: MatchSettings,
    reading: LineageReading,
    console: Console,
    fresh: Fresh = False,
    plan: Plan = False,
) -> Result:
    """Find where a lineage table lies on its movie, and play the two together.

    Which frame is which time, whether x or y are mirrored or exchanged, size and place: found from
    the nuclei, with how sure it is; a table of another embryo gives "cannot tell". Writes
    match.csv, report.html (the movie with names and founder colours, the tree growing beside it),
    film/ (the same as MP4) and matched/, the table on the frames and pixels of the movie.
    """
    from fatescope.systems.lineages.match import match_lineage, plan_match

    if plan:
        return plan_match(movie, table, film=settings.film)
    return match_lineage(
        movie,
        table,
        out=out,
        settings=settings,
        reading=reading,
        fresh=fresh,
        progress=console.progress,
    )
