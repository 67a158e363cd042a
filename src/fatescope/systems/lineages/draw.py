"""``fatescope lineage draw``: every image of every embryo, and where founders dwell in all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from fatescope.acquire.lineages import LineageReading, find_lineages
from fatescope.base import Execution
from fatescope.base.sulston import FOUNDER_DAUGHTERS, sort_key
from fatescope.base.sulston_fates import (
    FATES,
    FOUNDERS_OF_FATE,
    founder_counts,
    founder_fates,
)
from fatescope.engine import Run
from fatescope.engine.driver import pending, work_through
from fatescope.lineage.body_axes import AXES
from fatescope.lineage.quality import founders_of
from fatescope.numeric import BootstrapSettings, mean_interval
from fatescope.pages.chart import draw_file
from fatescope.pages.files import store_text
from fatescope.pages.findings import findings_sections
from fatescope.pages.page import Drawing, PageTable, Section, Text, write_page
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page
from fatescope.systems.lineages import drawings as show
from fatescope.systems.lineages.draw_embryo import draw_one_embryo
from fatescope.systems.lineages.figures import TERRITORY_GROUPS, reference_findings
from fatescope.systems.lineages.reading import record_reading
from fatescope.systems.lineages.settings import DrawSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Progress, Table
    from fatescope.engine import Summary
    from fatescope.pages.page import Block


def draw_lineages(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    settings: DrawSettings | None = None,
    reading: LineageReading | None = None,
    execution: Execution | None = None,
    progress: Progress | None = None,
    fresh: bool = False,
) -> Summary:
    """Draw lineages: tree, paths, space, populations, names, timing, territories.

    Parameters
    ----------
    inputs : sequence of paths
        Files of any lineage format, or folders of them.
    out : path
        Gets ``embryos/<table>/index.html`` with its figures, ``territories.svg``,
        ``founders.svg``, ``report.html``, and the tables ``cells``, ``territories``.
    settings : DrawSettings, optional
    reading : LineageReading, optional
        Scale and format, where the files do not say them.
    execution : Execution, optional
    progress : callable, optional
    fresh : bool
        Remove an earlier run in ``out`` first.

    Raises
    ------
    InputError, FileFormatError, RunError
        When nothing can be done. A file that cannot be drawn costs a finding instead.
    """
    settings, reading = settings or DrawSettings(), reading or LineageReading()
    files = find_lineages(inputs)
    of_reference = reference_findings(settings, reading)
    asked = {**settings.model_dump(mode="json"), **record_reading(reading)}
    with Run.open(out, command="lineage draw", settings=asked, fresh=fresh) as run:
        job = partial(draw_one_embryo, settings=settings, reading=reading, out=run.out.absolute())
        todo = pending(run, files)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        summary = run.finish(findings=of_reference)
        run.wrote(*_overview(run.out, settings))
    return summary


_PAGES = {
    "tree": "the tree: zoom, find, walk, colour",
    "space": "nuclei in space and time",
    "index": "all figures",
}


def _overview(out: Path, settings: DrawSettings) -> list[Path]:
    """Write what is about all embryos together."""
    drawn = out / "embryos"
    keys = sorted(p.parent.relative_to(drawn).as_posix() for p in drawn.rglob("index.html"))
    written = []
    result = ResultFolder(out)
    links = [
        (quote(f"embryos/{key}/{page}.html"), f"{key}: {words}")
        for key in keys
        for page, words in _PAGES.items()
        if (drawn / key / f"{page}.html").is_file()
    ]
    figures = [Section(title="Look closer", blocks=(Text(links=links),))]
    found = result.table("territories", may_be_absent=True)
    if len(found):
        territories, blocks = _territories(found, result.table("territory_nuclei"), settings)
        written.append(store_text(out / "territories.svg", territories))
        figures.append(Section(title="Where each group dwells", blocks=blocks[:2]))
    title = "The founders of the embryo and their fates"
    founders = show.draw_founders(
        {m: d for m, d in FOUNDER_DAUGHTERS.items() if m not in FOUNDERS_OF_FATE},
        founder_fates(),
        founder_counts(),
        FATES,
        title=title,
    )
    written.append(store_text(out / "founders.svg", founders))
    source = Text(paragraphs=("The tissues of each founder after Sulston and others (1983).",))
    cells = result.table("cells", may_be_absent=True)
    page = result_page(
        Head(
            title="Lineages",
            kind="lineages drawn",
            answer=f"{counted(len(keys), 'embryo')} drawn, with {counted(len(cells), 'cell')} and "
            f"{counted(len(result.findings), 'finding')} while reading.",
        ),
        figures=figures,
        findings=findings_sections(result.findings, images="tables"),
        details=(
            Section(title="Nuclei of each group", blocks=blocks[2:]) if len(found) else None,
            Section(title="Founders", blocks=(source, Drawing(svg=founders, title=title))),
        ),
        record=result.record,
    )
    return [*written, write_page(out / "report.html", page)]


def _territories(found: Table, nuclei: Table, settings: DrawSettings) -> tuple[str, list[Block]]:
    """Return the small maps of all groups, and what the page shows of them."""
    there = set(found["group"])
    groups = [g for g in TERRITORY_GROUPS.get(settings.groups, ()) if g in there]
    groups = groups or sorted(there, key=sort_key)
    how = BootstrapSettings(seed=settings.seed)
    overlaps = [_summary(found, g, how) for g in groups]
    n = len(set(found["table"]))
    colours = (
        show.shades(groups, founders_of(groups))
        if settings.groups == "compact"
        else {g: show.founder_colour(g) for g in groups}
    )
    maps = show.chart_territories(
        np.stack([nuclei[c].astype(float) for c in _BODY], axis=1),
        nuclei["group"],
        colours,
        axis_names=AXES,
        rng=np.random.default_rng(settings.seed),
    )
    note = "nuclei of all frames in body axes, centred; grey: all groups"
    svg = draw_file(maps, note=f"{counted(n, 'embryo')}: {note}", columns=len(groups))
    rows: list[tuple[str, ...]] = [
        (
            o.group,
            str(len(o.values)),
            f"{o.mean:.3f}",
            f"{o.low:.3f} to {o.high:.3f}" if np.isfinite(o.low) else "too few embryos",
            f"{o.chance:.3f}",
        )
        for o in overlaps
    ]
    meaning = (
        "Overlap is the shared part of two densities of nuclei in space: 0 if a group never lies "
        "where others lie, 1 if it is spread like all the rest. Chance is the same number after "
        "the names were dealt out to the tracks at random."
    )
    columns = ("group", "embryos", "overlap", "95 % interval over embryos", "chance")
    return svg, [
        Text(paragraphs=(meaning,)),
        show.chart_overlaps(overlaps, colours),
        PageTable(columns=columns, rows=rows),
        Drawing(svg=svg, title="Nuclei of each group, from three sides", caption=note),
    ]


_BODY = ("posterior_um", "dorsal_um", "left_um")


def _summary(found: Table, group: str, how: BootstrapSettings) -> show.TerritoryOverlap:
    mine = found["group"] == group
    values = found["overlap"][mine].astype(float)
    mean, low, high = mean_interval(values, how)
    return show.TerritoryOverlap(
        group=group,
        values=tuple(float(v) for v in values[np.isfinite(values)]),
        mean=mean,
        low=low,
        high=high,
        chance=float(np.nanmean(found["chance"][mine].astype(float))),
    )
