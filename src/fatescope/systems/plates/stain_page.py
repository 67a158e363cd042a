"""The page of ``plate labels``: how labels came about, step by step, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart import Axis, Chart, Guide, Line, histogram, number
from fatescope.pages.findings import findings_sections
from fatescope.pages.images import display_limits, to_grey
from fatescope.pages.page import (
    Block,
    Frame,
    ImageViewer,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    write_page,
)
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Table

CLASS_COLOURS = ("#000000", "#6b6b6b", "#f0e442", "#56b4e9", "#d55e00")
UNCERTAIN_COLOUR = "#cc79a7"
_MOST_WELLS = 12  # lines of the chart


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSteps:
    """The steps of one frame: planes by what they show, and its classes."""

    title: str
    planes: Mapping[str, NDArray[Any]]
    classes: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRule:
    """How nuclei were called: limits in counts and where they are from, in words."""

    low: float
    high: float
    source: str
    diameter_px: float
    class_names: Sequence[str]


def write_stain_labels(out: Path, rule: LabelRule, steps: Sequence[LabelSteps]) -> Path:
    """Write ``report.html`` from the tables of an output folder; return its path."""
    result = ResultFolder(out)
    counts, nuclei = result.table("counts"), result.table("nuclei")
    total = {k: int(counts[f"n_{k}"].astype(int).sum()) for k in
             ("cells", "live", "dead", "uncertain")}  # fmt: skip
    page = result_page(
        Head(
            title="Labels from stains",
            kind="labels",
            answer=f"{number(total['cells'])} nuclei in {counted(len(counts), 'frame')}: "
            f"{number(total['live'])} live, {number(total['dead'])} dead and "
            f"{number(total['uncertain'])} between the limits, which no network is to learn from.",
        ),
        figures=(_steps_section(steps, rule),),
        findings=findings_sections(result.findings, images="fields"),
        details=(_limits_section(nuclei, rule), _wells_section(counts), _frames_section(counts)),
        methods=f"Nuclei are live below {number(rule.low)} and dead from {number(rule.high)} "
        f"counts in the channel of the dead ({rule.source}); a nucleus is about "
        f"{number(rule.diameter_px)} px across.",
        record=result.record,
    )
    return write_page(out / "report.html", page)


def _steps_section(steps: Sequence[LabelSteps], rule: LabelRule) -> Section | None:
    views = []
    for step in steps:
        grey = [
            Pane.of(to_grey(plane, limits=display_limits(plane)), name)
            for name, plane in step.planes.items()
        ]
        last = Pane.of(colour_classes(step.classes, len(rule.class_names)), "classes")
        views.append(View(title=step.title, frames=(Frame(panes=(*grey, last)),)))
    if not views:
        return None
    said = ", ".join(
        f"{name} {words}"
        for name, words in zip(rule.class_names, _words(len(rule.class_names)), strict=True)
    )
    text = Text(paragraphs=(f"Colours of classes: {said}, uncertain purple.",))
    return Section(
        title="Step by step",
        blocks=(text, ImageViewer(title="Steps", views=views, noun="nucleus")),
    )


def _words(n: int) -> tuple[str, ...]:
    words = ("black", "grey", "yellow", "blue", "orange")
    return words if n == len(words) else (words[0], *words[3:])


def colour_classes(classes: NDArray[np.uint8], n_classes: int) -> NDArray[np.uint8]:
    """Return an image of classes in colours, shape (Y, X, 3); 255 is uncertain."""
    names = CLASS_COLOURS if n_classes == 5 else (CLASS_COLOURS[0], *CLASS_COLOURS[3:])
    table = np.zeros((256, 3), dtype=np.uint8)
    for value, colour in [*enumerate(names), (255, UNCERTAIN_COLOUR)]:
        table[value] = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return np.asarray(table[classes])


def _limits_section(nuclei: Table, rule: LabelRule) -> Section | None:
    if not len(nuclei):
        return None
    values = nuclei["dead"].astype(float)
    least = max(min(rule.low, 1.0) / 2, 1e-3) if rule.low > 0 else 0.5
    chart = histogram(
        np.log10(np.maximum(values, least)),
        x=Axis(title="log10 of brightness in the channel of the dead", unit="counts"),
        title="Brightness of nuclei over what is around them",
        what="nuclei",
        caption=f"n = {number(len(values))} nuclei of all frames; what is darker than "
        f"{number(least)} counts stands there.",
    )
    guides = tuple(
        Guide(words=words, axis="x", at=float(np.log10(at)))
        for words, at in (("live below", rule.low), ("dead from", rule.high))
        if at > 0
    )
    blocks: list[Block] = [replace(chart, marks=(*chart.marks, *guides))]
    return Section(title="Where live ends and dead begins", blocks=blocks)


def _wells_section(counts: Table) -> Section | None:
    wells = counts["well"].astype(str)
    frame = counts["frame"].astype(int)
    lines = []
    every = list(dict.fromkeys(wells.tolist()))
    for well in every[:_MOST_WELLS]:
        mine = wells == well
        at = np.unique(frame[mine])
        live, dead = (
            np.array([counts[f"n_{k}"].astype(int)[mine & (frame == t)].sum() for t in at])
            for k in ("live", "dead")
        )
        share = np.divide(live, live + dead, out=np.full(len(at), np.nan), where=live + dead > 0)
        if np.isfinite(share).any():
            lines.append(Line(name=well, x=at.astype(float), y=100 * share))
    if not lines or len(np.unique(frame)) < 2:
        return None
    chart = Chart(
        title="Share of nuclei that live, by well",
        x=Axis(title="frame"),
        y=Axis(title="live nuclei", unit="%"),
        marks=lines,
        caption="Uncertain nuclei are left out. Counts of frames, not of cells that were followed. "
        + (f"The first {_MOST_WELLS} of {len(every)} wells." if len(every) > _MOST_WELLS else ""),
    )
    return Section(title="Viability by the stains", blocks=(chart,))


def _frames_section(counts: Table) -> Section:
    wells = counts["well"].astype(str)
    rows = []
    for well in dict.fromkeys(wells.tolist()):
        mine = counts.rows(wells == well)
        state = mine["state"].astype(str)
        rows.append(
            (
                well,
                str(len(mine)),
                *(str(int(mine[f"n_{k}"].astype(int).sum())) for k in
                  ("cells", "live", "dead", "uncertain")),
                f"{100 * float(mine['area_share'].astype(float).mean()):.0f} %",
                str(int((state != "labelled").sum())),
            )
        )  # fmt: skip
    columns = (
        "well", "frames", "nuclei", "live", "dead", "uncertain", "cell area", "frames with a fault",
    )  # fmt: skip
    return Section(title="Wells", blocks=(PageTable(columns=columns, rows=rows),))
