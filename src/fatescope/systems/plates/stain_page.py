"""The page of ``plate labels``: how labels came about, step by step, and what they hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.pages.chart import Axis, Chart, Guide, Line, histogram
from fatescope.pages.images import display_limits, png_uri, to_grey
from fatescope.pages.page import (
    Block,
    Fact,
    Frame,
    ImageViewer,
    Page,
    PageTable,
    Pane,
    Section,
    Text,
    View,
    write_page,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Table

CLASS_COLOURS = ("#000000", "#6b6b6b", "#f0e442", "#56b4e9", "#d55e00")
UNCERTAIN_COLOUR = "#cc79a7"
_MOST_WELLS = 12


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
    counts, nuclei = (read_table(out / f"{n}.csv") for n in ("counts", "nuclei"))
    total = {k: int(counts[f"n_{k}"].astype(int).sum()) for k in
             ("cells", "live", "dead", "uncertain")}  # fmt: skip
    sections = [
        _steps_section(steps, rule),
        _limits_section(nuclei, rule),
        _wells_section(counts),
        _frames_section(counts),
    ]
    page = Page(
        title="Labels from stains",
        kind="labels",
        lead=(
            f"{total['cells']} nuclei in {len(counts)} frames: {total['live']} live, "
            f"{total['dead']} dead and {total['uncertain']} between the limits, which no network "
            "is to learn from."
        ),
        facts=[
            Fact(name="Live below", value=f"{rule.low:.4g}", unit="counts", note=rule.source),
            Fact(name="Dead from", value=f"{rule.high:.4g}", unit="counts"),
            Fact(name="Diameter of a nucleus", value=f"{rule.diameter_px:.1f}", unit="px"),
            Fact(name="Uncertain", value=_percent(total["uncertain"], total["cells"]),
                 note="of nuclei"),
        ],
        sections=[s for s in sections if s.blocks],
    )  # fmt: skip
    return write_page(out / "report.html", page)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _steps_section(steps: Sequence[LabelSteps], rule: LabelRule) -> Section:
    views = []
    for step in steps:
        height, width = step.classes.shape
        grey = [
            Pane(
                image=png_uri(to_grey(plane, limits=display_limits(plane))),
                width=width, height=height, title=name,
            )
            for name, plane in step.planes.items()
        ]  # fmt: skip
        last = Pane(
            image=png_uri(colour_classes(step.classes, len(rule.class_names))),
            width=width, height=height, title="classes",
        )  # fmt: skip
        views.append(View(title=step.title, frames=(Frame(panes=(*grey, last)),)))
    if not views:
        return Section(title="Step by step", blocks=())
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


def _limits_section(nuclei: Table, rule: LabelRule) -> Section:
    if not len(nuclei):
        return Section(title="Where live ends and dead begins", blocks=())
    values = nuclei["dead"].astype(float)
    least = max(min(rule.low, 1.0) / 2, 1e-3) if rule.low > 0 else 0.5
    chart = histogram(
        np.log10(np.maximum(values, least)),
        x=Axis(title="log10 of brightness in the channel of the dead", unit="counts"),
        title="Brightness of nuclei over what is around them",
        what="nuclei",
        caption=f"n = {len(values)} nuclei of all frames; what is darker than {least:.3g} counts "
        "stands there.",
    )
    guides = tuple(
        Guide(words=words, axis="x", at=float(np.log10(at)))
        for words, at in (("live below", rule.low), ("dead from", rule.high))
        if at > 0
    )
    blocks: list[Block] = [replace(chart, marks=(*chart.marks, *guides))]
    return Section(title="Where live ends and dead begins", blocks=blocks)


def _wells_section(counts: Table) -> Section:
    wells = counts["well"].astype(str)
    frame = counts["frame"].astype(int)
    lines = []
    for well in list(dict.fromkeys(wells.tolist()))[:_MOST_WELLS]:
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
        return Section(title="Viability by the stains", blocks=())
    chart = Chart(
        title="Share of nuclei that live, by well",
        x=Axis(title="frame"),
        y=Axis(title="live nuclei", unit="%"),
        marks=lines,
        caption="Uncertain nuclei are left out. Counts of frames, not of cells that were followed.",
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
