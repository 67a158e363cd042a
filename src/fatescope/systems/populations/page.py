"""The page about one run of ``predict populations``, from the files of its output folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.pages.chart import Axis, Band, Chart, Guide, Line, number
from fatescope.pages.findings import caution_sentence, findings_sections
from fatescope.pages.page import Beside, Page, PageTable, Section, Text
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page, text_section
from fatescope.systems.lineages.drawings.drawing import founder_colour

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Table
    from fatescope.pages.chart import Mark
    from fatescope.pages.page import Block
    from fatescope.systems.description import ShownResult

FOUNDERS: tuple[str, ...] = ("AB", "MS", "E", "C", "D", "P4")
TOGETHER: tuple[str, ...] = ("total",)
_TOTAL = "#555555"
_FOOT = 0.9  # cells; just below 1

METHODS = (
    "Cells of each founder were counted with fatescope {version}: each frame of the maximum "
    "projection was reduced and levelled, a network (model {model}, sha256 {sha256}) gave the "
    "chance of each number of cells, and the movie was laid over the growth of recorded embryos "
    "at every start and tempo. Counts are medians over the embryos that fit, weighted by how well "
    "they fit, with the interval that holds 90 % of the weight. The clock counts minutes of a "
    "typical embryo from the first division of AB."
)


def population_page(out: Path) -> Page:
    """Return the page about a finished run of ``predict populations``.

    Parameters
    ----------
    out : Path
        The output folder.
    """
    result = ResultFolder(out)
    counts, frames = result.table("populations"), result.table("frames")
    movies = list(dict.fromkeys(frames["movie"].tolist()))
    sections = [_movie_section(counts, frames, movie) for movie in movies]
    return result_page(
        Head(
            title="Cells of each founder",
            kind="populations",
            answer=_answer(counts, frames, len(movies)),
            caution=caution_sentence(
                result.findings,
                result.record,
                n_images=len(movies),
                image="movie",
                so=f"nothing is said of {'its' if len(movies) == 1 else 'their'} cells",
            ),
        ),
        figures=sections[:1],
        findings=findings_sections(result.findings, images="movies"),
        details=(*sections[1:], *(_steps(counts, frames, movie) for movie in movies)),
        methods=METHODS.format(
            version=result.version,
            model=result.model.get("name", ""),
            sha256=str(result.model.get("sha256", ""))[:12],
        ),
        record=result.record,
    )


def _answer(counts: Table, frames: Table, n_movies: int) -> str:
    known = frames.rows(frames["abstained"] == 0)
    all_frames = f"{counted(len(frames), 'frame')} of {counted(n_movies, 'movie')}"
    if len(known) == 0:
        return f"No cell could be counted in any of {all_frames}."
    scope = f"in {number(len(known))} of {all_frames}"
    at = (counts["movie"] == known["movie"][0]) & (counts["founder"] == "total")
    mine = counts.rows(at & np.isfinite(counts["count"].astype(float)))
    n, low, high = (number(float(mine[c][-1])) for c in ("count", "low", "high"))
    where = f" of {known['movie'][0]}" if n_movies > 1 else ""
    return (
        f"{n} cells (90 % {low} to {high}) in frame {mine['frame'][-1]}{where}, the last that was "
        f"counted; counts {scope}."
    )


def _movie_section(counts: Table, frames: Table, movie: str) -> Section:
    mine, own = counts.rows(counts["movie"] == movie), frames.rows(frames["movie"] == movie)
    gone = own["abstained"] != 0
    if gone.all():
        return text_section(movie, "Nothing was counted; the findings say why.")
    known = own.rows(~gone)
    charts = _all_and_each(mine, own)
    clock = known["clock_min"].astype(float)
    words = (
        f"Frame {int(known['frame'].min())} is minute {clock[0]:.0f} of the clock and frame "
        f"{int(known['frame'].max())} minute {clock[-1]:.0f}, a step of "
        f"{(clock[-1] - clock[0]) / max(len(clock) - 1, 1):.2f} min for each frame."
    )
    return Section(title=movie, blocks=(charts, Text(paragraphs=(words,))))


def _all_and_each(counts: Table, frames: Table) -> Beside:
    return Beside(blocks=[chart_cells(counts, frames, g) for g in (TOGETHER, FOUNDERS)])


def linked_movie(shown: ShownResult) -> Sequence[Block]:
    """Chart the cells of each founder in the movie that is shown, in all and by founder."""
    result = ResultFolder(shown.out)
    tables = (result.table("populations"), result.table("frames"))
    mine, frames = (t.rows(t["movie"] == shown.key) for t in tables)
    if not len(frames) or frames["abstained"].all():
        return [Text(paragraphs=("Nothing was counted in this movie; findings say why.",))]
    return [_all_and_each(mine, frames)]


def chart_cells(counts: Table, frames: Table, groups: Sequence[str]) -> Chart:
    """Chart the cells of some founders over the frames of one movie, with their intervals.

    Parameters
    ----------
    counts, frames : Table
        ``populations.csv`` and ``frames.csv``, the rows of this movie.
    groups : sequence of str
        Founders, or ``total``.
    """
    gone = frames["abstained"].astype(int) != 0
    marks: list[Mark] = []
    if gone.any():
        first = int(np.flatnonzero(gone)[0])
        marks.append(Guide(words="abstained", axis="x", at=first, to=len(gone) - 1))
    founder = np.array([str(f) for f in counts["founder"].tolist()])
    for group in groups:
        rows = counts.rows(founder == group)
        values = {k: _numbers(rows[k]) for k in ("count", "low", "high")}
        x, colour = rows["frame"], _TOTAL if group == "total" else founder_colour(group)
        low, high = values["low"], values["high"]
        seen = high >= 1  # a doubling scale has no 0: an interval from 0 ends at its foot
        low, high = (np.where(seen, v, np.nan) for v in (np.maximum(low, _FOOT), high))
        marks.append(Band(name=group, x=x, low=low, high=high, colour=colour))
        marks.append(Line(name=group, x=x, y=values["count"], colour=colour, shape="steps"))
    return Chart(
        title="Cells in all" if tuple(groups) == TOGETHER else "Cells of each founder",
        x=Axis(title="frame"),
        y=Axis(title="cells", scale="log2"),
        marks=marks,
        caption="Lines: medians. Bands: 90 % intervals.",
        height_px=340,
    )


def _steps(counts: Table, frames: Table, movie: str) -> Section | None:
    """Return some frames, evenly taken, with the counts and intervals of all founders."""
    counts, frames = (t.rows(t["movie"] == movie) for t in (counts, frames))
    known = frames.rows(frames["abstained"] == 0)
    if len(known) == 0:
        return None
    some = np.unique(np.linspace(0, len(known) - 1, 12).round().astype(int))
    groups = ("total", *FOUNDERS)
    lines = []
    by = {
        (int(f), str(g)): (int(c), int(a), int(b))
        for f, g, c, a, b in zip(
            *(counts[k].tolist() for k in ("frame", "founder", "count", "low", "high")), strict=True
        )
        if c is not None and c == c
    }
    for i in some.tolist():
        frame, clock = int(known["frame"][i]), float(known["clock_min"][i])
        cells = [by[frame, g] for g in groups]
        lines.append((str(frame), f"{clock:.0f}", *(f"{c} ({a}-{b})" for c, a, b in cells)))
    note = f"{len(lines)} of {number(len(known))} frames; all are in populations.csv."
    table = PageTable(columns=("frame", "clock (min)", *groups), rows=lines)
    return Section(
        title=f"Counts of {movie}", blocks=(Text(paragraphs=(note,), tone="aside"), table)
    )


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in values.tolist()])
