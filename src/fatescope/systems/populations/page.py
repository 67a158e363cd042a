"""The page about one run of ``predict populations``, from the files of its output folder alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.engine import read_record
from fatescope.pages.chart import Axis, Band, Chart, Guide, Line
from fatescope.pages.findings import caution_sentence, findings_section, read_findings
from fatescope.pages.page import Beside, Fact, Page, PageTable, Section, Text
from fatescope.pages.settings import methods_section
from fatescope.systems.lineages.drawings.colours import founder_colour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Table
    from fatescope.pages.chart import Mark

MAX_MOVIES = 8
FOUNDERS: tuple[str, ...] = ("AB", "MS", "E", "C", "D", "P4")
TOGETHER: tuple[str, ...] = ("total",)
_TOTAL = "#555555"
_FOOT = 0.9

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
    record = read_record(out)
    counts, frames = read_table(out / "populations.csv"), read_table(out / "frames.csv")
    findings = read_findings(out, record)
    movies = list(dict.fromkeys(frames["movie"].tolist()))
    n_frames = len(frames)
    counted = int((frames["abstained"].astype(int) == 0).sum())
    sections = [_movie_section(counts, frames, movie) for movie in movies[:MAX_MOVIES]]
    if len(movies) > MAX_MOVIES:
        more = f"{len(movies) - MAX_MOVIES} more movies are in populations.csv."
        sections.append(Section(title="Others", blocks=(Text(paragraphs=(more,), tone="aside"),)))
    plural = "" if len(movies) == 1 else "s"
    return Page(
        title="Cells of each founder",
        kind="populations",
        lead=f"Counts in {counted} of {n_frames} frames of {len(movies)} movie{plural}; of the "
        "others nothing is said."
        if counted < n_frames
        else f"Counts in all {n_frames} frames of {len(movies)} movie{plural}.",
        caution=caution_sentence(
            findings,
            record,
            n_images=len(movies),
            image="movie",
            so="nothing is said of their cells" if plural else "nothing is said of its cells",
        ),
        facts=(
            Fact(name="Movies", value=str(len(movies))),
            Fact(name="Frames counted", value=f"{counted} of {n_frames}"),
        ),
        sections=[*sections, findings_section(findings, images="movies"), _methods(record)],
        version=str(record.get("fatescope", "")),
    )


def _movie_section(counts: Table, frames: Table, movie: str) -> Section:
    mine = counts.rows(np.array([m == movie for m in counts["movie"].tolist()]))
    own = frames.rows(np.array([m == movie for m in frames["movie"].tolist()]))
    gone = own["abstained"].astype(int) != 0
    if gone.all():
        said = Text(paragraphs=("Nothing was counted; the findings say why.",))
        return Section(title=str(movie), blocks=(said,))
    known = own.rows(~gone)
    charts = Beside(blocks=(chart_cells(mine, own, TOGETHER), chart_cells(mine, own, FOUNDERS)))
    clock = known["clock_min"].astype(float)
    words = (
        f"Frame {int(known['frame'].min())} is minute {clock[0]:.0f} of the clock and frame "
        f"{int(known['frame'].max())} minute {clock[-1]:.0f}, a step of "
        f"{(clock[-1] - clock[0]) / max(len(clock) - 1, 1):.2f} min for each frame."
    )
    return Section(title=str(movie), blocks=(charts, Text(paragraphs=(words,)), _steps(mine, own)))


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


def _steps(counts: Table, frames: Table) -> PageTable:
    """Return some frames, evenly taken, with the counts and intervals of all founders."""
    known = frames.rows(frames["abstained"].astype(int) == 0)
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
    return PageTable(columns=("frame", "clock (min)", *groups), rows=lines)


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in values.tolist()])


def _methods(record: Mapping[str, Any]) -> Section:
    model = record.get("model") or {}
    words = METHODS.format(
        version=record.get("fatescope", ""),
        model=model.get("name", ""),
        sha256=str(model.get("sha256", ""))[:12],
    )
    return methods_section(words, record)
