"""The page of one embryo: numbers, links, figures, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage import quality
from fatescope.report import lineage as show
from fatescope.report.chart import histogram, number
from fatescope.workflows.lineages.figures import CLIFF_CELLS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import Finding
    from fatescope.workflows.lineages.embryo import Embryo


def embryo_page(
    embryo: Embryo,
    pictures: Mapping[str, str],
    files: Sequence[Path],
    folder: Path,
    findings: Sequence[Finding],
) -> str:
    """Build the page of an embryo around its images; links are relative to ``folder``."""
    figures = {
        title: [pictures[n] for n in names if n in pictures] for title, names in _FIGURES.items()
    }
    links = [(p.relative_to(folder).as_posix(), _WORDS.get(p.name, p.name)) for p in files]
    quality_figures = []
    if embryo.body_um is not None:
        steps = quality.step_lengths(embryo.lineage)
        steps = steps[np.isfinite(steps)]
        apart = quality.sister_distances(embryo.lineage, embryo.cells)
        for values, label in ((steps, "way in one frame (µm)"), (apart, "sisters apart (µm)")):
            if len(values):
                shown = np.sort(values)[: max(1, int(len(values) * 0.999))]
                quality_figures.append(
                    histogram(shown, x_label=label, y_label="number", title=label)
                )
    shown_findings = [
        (f.severity, f.rule, "" if f.frame is None else str(f.frame), f.object or "", f.reason)
        for f in findings[:200]
    ]
    sections = [
        show.Section(title="In numbers", columns=("", ""), rows=_facts(embryo)),
        show.Section(title="Look closer", links=links),
        *(show.Section(title=t, figures=f) for t, f in figures.items() if f),
    ]
    if quality_figures:
        sections.append(
            show.Section(
                title="Steps and sisters",
                paragraphs=("Of 1000 values the largest one is left out of the figure.",),
                figures=quality_figures,
            )
        )
    sections.append(
        show.Section(
            title=f"Findings while reading ({len(findings)})",
            paragraphs=("fatescope lineage lint looks further.",),
            columns=("severity", "rule", "frame", "object", "reason"),
            rows=shown_findings,
        )
    )
    return show.build_page(embryo.key, sections)


_FIGURES = {
    "Over time": ("movement", "populations", "timing"),
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
