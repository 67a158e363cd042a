"""The page of one embryo: numbers, links, figures, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np

from fatescope.lineage import quality
from fatescope.pages.chart import Axis, Chart, histogram, number
from fatescope.pages.findings import findings_sections
from fatescope.pages.page import Beside, Drawing, Page, PageTable, Section, Text
from fatescope.pages.skeleton import Head, counted, result_page
from fatescope.systems.lineages.figures import CLIFF_CELLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Finding
    from fatescope.pages.page import Block
    from fatescope.systems.lineages.embryo import Embryo


Figure = Drawing | tuple[Chart, ...]


def embryo_page(
    embryo: Embryo,
    figures: Mapping[str, Figure],
    files: Sequence[Path],
    folder: Path,
    findings: Sequence[Finding],
) -> Page:
    """Build the page of an embryo around its figures; links are relative to ``folder``."""
    links = [(quote(p.relative_to(folder).as_posix()), _WORDS.get(p.name, p.name)) for p in files]
    sections: dict[str, Section | None] = {}
    for title, names in _FIGURES.items():
        blocks: list[Block] = []
        for name in names:
            figure = figures.get(name, ())
            blocks += [figure] if isinstance(figure, Drawing) else figure
        sections[title] = Section(title=title, blocks=blocks) if blocks else None
    steps = _steps(embryo)
    rows = [f.as_row() for f in findings]
    further = Text(paragraphs=("fatescope lineage lint looks further.",), tone="aside")
    return result_page(
        Head(title=embryo.key, kind="lineage", answer=_answer(embryo, len(findings))),
        figures=(Section(title="Look closer", blocks=(Text(links=links),)), sections["Over time"]),
        doubt=(further,),
        findings=findings_sections(rows, images="tables"),
        details=(
            Section(title="In numbers", blocks=(PageTable(rows=_facts(embryo)),)),
            sections["Timing"],
            sections["Names"],
            Section(title="Steps and sisters", blocks=(Beside(blocks=steps),)) if steps else None,
        ),
    )


def _answer(embryo: Embryo, n_findings: int) -> str:
    named = sum(bool(name) for name in embryo.cells.name)
    frames = np.bincount(embryo.lineage.frame - embryo.lineage.frame.min())
    return (
        f"{counted(len(embryo.cells), 'cell')}, {number(named)} of them named, and up to "
        f"{counted(int(frames.max()), 'nucleus', 'nuclei')} at once; "
        f"{counted(n_findings, 'finding')} while reading."
    )


def _steps(embryo: Embryo) -> list[Chart]:
    """Chart how far nuclei go in a frame, and how far apart sisters are."""
    if embryo.body_um is None:
        return []
    steps = quality.step_lengths(embryo.lineage)
    apart = quality.sister_distances(embryo.lineage, embryo.cells)
    charts = []
    for values, title, what in (
        (steps[np.isfinite(steps)], "Step in one frame", "steps"),
        (apart, "Distance between sisters", "sisters"),
    ):
        shown = np.sort(values)[: max(1, int(len(values) * 0.999))]
        if len(shown):
            caption = f"n = {number(len(values))}; of 1000 values the largest one is left out."
            charts.append(
                histogram(
                    shown,
                    x=Axis(title="distance", unit="µm"),
                    title=title,
                    what=what,
                    caption=caption,
                )
            )
    return charts


_FIGURES = {
    "Over time": ("movement", "populations"),
    "Timing": ("timing",),
    "Names": ("compact-names", "names", "names-pie", "components"),
}
_WORDS = {
    "tree.html": "the tree: zoom, find, walk, colour",
    "tree.svg": "the tree as one image",
    "space.html": "nuclei in space and time, to turn and play",
    "paths.svg": "paths of nuclei from three sides",
    "movement.svg": "movement of the chosen cells, with the time at each point",
    "populations.svg": "nuclei of each founder over time",
    "timing.svg": "divisions against the reference",
    "compact-names.svg": "which full names make each compact name",
    "names.svg": "rows of each compact name, before and after over-sampling",
    "names-pie.svg": "rows of each compact name as a pie",
    "components.svg": "principal components of place, time and size, name by name",
}


def _facts(embryo: Embryo) -> list[tuple[str, str]]:
    lineage, cells = embryo.lineage, embryo.cells
    frames = np.bincount(lineage.frame - lineage.frame.min())
    spacing = "; ".join(
        f"{axis} {number(s.value)} {'min' if axis == 'T' else 'µm'} ({s.source})"
        for axis, s in sorted(lineage.spacing.steps.items())
    )
    open_ends = int(((cells.n_daughters == 0) & (cells.last < cells.last.max())).sum())
    cliff = quality.scope_cliff(cells, fewest=CLIFF_CELLS)
    return [
        ("rows", number(len(lineage))),
        ("cells", number(len(cells))),
        ("frames", f"{lineage.frame.min()} to {lineage.frame.max()}, counted from 0"),
        ("most nuclei at once", number(int(frames.max()))),
        ("spacing", spacing or "unknown"),
        ("divisions seen", number(int(cells.divides.sum()))),
        ("cells without name", number(int(sum(not n for n in cells.name)))),
        ("cells of a single frame", number(int((cells.first == cells.last).sum()))),
        ("tracks that end before the last frame", number(open_ends)),
        (
            "annotated completely",
            "to the end, as far as tracks tell" if cliff is None else f"to frame {cliff}",
        ),
    ]
