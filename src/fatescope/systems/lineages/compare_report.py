"""What a comparison of lineages found, for its tables and its page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.layout import layout_names
from fatescope.lineage.quality import EARLY, LINEAGES, founders_of, lineages_of
from fatescope.pages.chart import Axis, Chart, ColourScale, number
from fatescope.pages.page import Drawing, PageTable, Section, Text, write_page
from fatescope.pages.skeleton import Head, counted, result_page
from fatescope.systems.lineages import drawings as show

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Finding, FloatArray, Table
    from fatescope.lineage.comparing import Alignment, TraitResult
    from fatescope.lineage.traits import EmbryoTraits
    from fatescope.systems.lineages.settings import LineageCompareSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageComparison:
    """What was compared: reference and test on one clock and in one frame, and every trait.

    ``reference`` holds the mean embryo alone where the reference is the atlas; ``n_reference``
    says how many embryos stand behind it.
    """

    reference: Sequence[EmbryoTraits]
    test: Sequence[EmbryoTraits]
    alignments: Sequence[Alignment]
    results: Sequence[TraitResult]
    rounds: Table
    n_reference: int
    reference_name: str


_WORDS = {
    "birth_min": ("time of birth", "min"),
    "cycle_min": ("length of life", "min"),
    "asymmetry": ("life against the sister's", "log2"),
    "place_um": ("place", "µm away"),
    "axis_deg": ("division axis", "degrees away"),
    "expression": ("expression", "units of the table"),
}
_TOP = 15  # cells in the table of a trait, the surest
_METHOD = (
    "The unit is the embryo. Clocks are fitted by a robust line through the divisions that embryos "
    "share, places by a robust linear map drawn towards a rotation. Variances of single cells are "
    "drawn towards the common one (moderated t), because few embryos give poor variances; the "
    "common one counts as ten degrees of freedom at most, because cells of one embryo vary "
    "together. q is the false discovery rate of Benjamini and Hochberg over the cells of one trait."
)
_LATE = "A cell that is born late makes all its descendants late: read births from the top."
_OPEN_MIN = 12.0  # minutes drawn for a cell whose division is unknown; for the eye alone


def write_comparison(
    out: Path,
    done: LineageComparison,
    settings: LineageCompareSettings,
    warnings: Sequence[Finding],
) -> Path:
    """Write ``report.html`` of a comparison, ``warnings`` first, and return its path."""
    traits = [_trait(result, done, settings) for result in done.results]
    first = [b for trait in traits[:1] for b in trait.blocks if isinstance(b, Chart)][:1]
    reasons = [f.reason[:1].upper() + f.reason[1:] for f in warnings]
    page = result_page(
        Head(
            title=f"{settings.test_name} against {done.reference_name}",
            kind="lineages compared",
            answer=_answer(done, settings),
            caution=" ".join(reasons),
        ),
        figures=(Section(title="In short", blocks=(_answers(done.results, settings), *first)),),
        doubt=(Text(paragraphs=(_LATE,)),),
        details=(
            *traits,
            _embryos(done, settings),
            _rounds(done.rounds) if len(done.rounds) else None,
        ),
        methods=_METHOD,
        record={"settings": settings.model_dump(mode="json")},
    )
    return write_page(out / "report.html", page)


def _answer(done: LineageComparison, settings: LineageCompareSettings) -> str:
    found = {r.trait: int((r.q < settings.fdr).sum()) for r in done.results}
    some = [f"{n} in {_WORDS[t][0]}" for t, n in found.items() if n]
    answer = "No cell differs" if not some else f"Cells that differ: {', '.join(some)}"
    return (
        f"{answer}, at a false discovery rate of {settings.fdr:g}, in "
        f"{counted(len(done.test), 'embryo')} ({settings.test_name}) against "
        f"{number(done.n_reference)} ({done.reference_name}), after each embryo's pace and lie "
        "were taken out."
    )


def _answers(results: Sequence[TraitResult], settings: LineageCompareSettings) -> PageTable:
    rows = []
    for r in results:
        tested, found = int(np.isfinite(r.q).sum()), int((r.q < settings.fdr).sum())
        largest = ""
        if found:
            i = int(np.nanargmin(r.q))
            largest = f"{r.cell[i]}: {_difference(r, i)}"
        words, unit = _WORDS[r.trait]
        rows.append((f"{words} ({unit})", str(tested), str(found), largest))
    return PageTable(columns=("trait", "cells tested", "cells that differ", "surest"), rows=rows)


def _embryos(done: LineageComparison, settings: LineageCompareSettings) -> Section:
    meaning = (
        "Pace: minutes of the reference for one minute of this embryo (above 1 is fast). What is "
        "left after pace and lie were taken out stands in the last two columns."
    )
    rows = [
        (
            a.table,
            done.reference_name if i < len(done.reference) else settings.test_name,
            f"{a.pace:.3f}",
            str(a.n_shared),
            f"{a.residual_min:.2f}",
            f"{a.residual_um:.2f}",
        )
        for i, a in enumerate(done.alignments)
    ]
    columns = ("table", "group", "pace", "divisions shared", "left (min)", "left (µm)")
    return Section(
        title="Embryos",
        blocks=(Text(paragraphs=(meaning,)), PageTable(columns=columns, rows=rows)),
    )


def _trait(
    result: TraitResult, done: LineageComparison, settings: LineageCompareSettings
) -> Section:
    words, unit = _WORDS[result.trait]
    c, names = result.contrast, [str(n) for n in result.cell]
    groups = lineages_of(names)
    colours = {g: show.founder_colour(g) for g in (*LINEAGES, EARLY) if g in groups}
    dots = show.chart_differences(
        c.difference,
        result.q,
        names,
        groups,
        colours,
        limit=settings.fdr,
        x=Axis(title="difference", unit=unit),
        title=f"{words}: every cell",
    )
    order = np.argsort(np.where(np.isfinite(result.q), result.q, np.inf))[:_TOP].tolist()
    rows = [
        (
            names[i],
            f"{number(c.n_reference[i])} / {number(c.n_test[i])}",
            number(c.mean_reference[i]),
            number(c.mean_test[i]),
            _difference(result, i),
            f"{c.z[i]:+.1f}",
            number(result.q[i], digits=2),
        )
        for i in order
        if np.isfinite(result.q[i])
    ]
    columns = (
        "cell",
        "embryos",
        done.reference_name,
        settings.test_name,
        f"difference, 95 % interval ({unit})",
        "z",
        "q",
    )
    tree = _tree(result, done.reference, words)
    tested = int(np.isfinite(result.q).sum())
    cut = f"The {len(rows)} surest of {counted(tested, 'cell')}; differences.csv has all."
    return Section(
        title=words[0].upper() + words[1:],
        blocks=(
            *([Text(paragraphs=(cut,), tone="aside")] if len(rows) < tested else ()),
            PageTable(columns=columns, rows=rows),
            dots,
            *_points(result, done, settings, order),
            Drawing(svg=tree, title=f"{words} on the mean lineage of the reference"),
        ),
    )


def _points(
    result: TraitResult,
    done: LineageComparison,
    settings: LineageCompareSettings,
    cells: Sequence[int],
) -> list[Chart]:
    """Chart every embryo for the surest cells; the atlas has no embryos to show."""
    from_atlas = done.n_reference != len(done.reference)
    first = len(done.reference) if from_atlas else 0
    shown = [i for i in cells if np.isfinite(result.q[i])]
    if not shown:
        return []
    drawn = show.chart_embryos(
        result.embryo_z[first:][:, shown],
        [str(result.cell[i]) for i in shown],
        [e.table for e in [*done.reference, *done.test][first:]],
        len(done.reference) - first,
        groups=(done.reference_name, settings.test_name),
        title=f"{_WORDS[result.trait][0]}: every embryo, the surest cells",
    )
    return [drawn]


def _difference(result: TraitResult, i: int) -> str:
    c = result.contrast
    sign = "+" if c.difference[i] > 0 else ""
    return f"{sign}{number(c.difference[i])} [{number(c.low[i])}, {number(c.high[i])}]"


def _tree(result: TraitResult, reference: Sequence[EmbryoTraits], words: str) -> str:
    """Draw the mean lineage of the reference, coloured by z."""
    names = [str(n) for n in result.cell]
    place = {n: i for i, n in enumerate(names)}
    birth, division = (
        _mean([(place, e.cell, getattr(e, which)) for e in reference])
        for which in ("birth_min", "division_min")
    )
    layout, mother = layout_names(names, birth, division, open_min=_OPEN_MIN)
    z = result.contrast.z
    signed = result.trait not in ("place_um", "axis_deg")
    scale = ColourScale(
        kind="signed" if signed else "amount",
        low=-4.0 if signed else 0.0,
        high=4.0,
        label=f"{words}: difference in standard deviations of one embryo",
    )
    notes = [
        f"{n}: z {z[i]:+.2f}, q {result.q[i]:.2g}" if np.isfinite(z[i]) else f"{n}: not compared"
        for i, n in enumerate(names)
    ]
    known = np.flatnonzero(np.isfinite(z))
    tree = show.TreeBranches(
        name=names,
        founder=founders_of(names),
        note=notes,
        start=layout.start,
        end=layout.end,
        across=layout.across,
        mother=mother,
        run_cell=known,
        run_start=layout.start[known],
        run_end=layout.end[known],
        run_value=z[known],
    )
    style = show.TreeStyle(
        title=f"{words} on the mean lineage of the reference",
        time_label="time (min)",
        direction="down",
        length_px=420,
        leaf_px=max(3.0, min(11.0, 1100 / max(layout.width, 1.0))),
    )
    return show.draw_tree(tree, style, scale)


def _mean(parts: Sequence[tuple[dict[str, int], np.ndarray, FloatArray]]) -> FloatArray:
    place = parts[0][0]
    total, count = np.zeros(len(place)), np.zeros(len(place))
    for _, cells, values in parts:
        known = np.isfinite(values)
        rows = [place[str(n)] for n in cells[known]]
        total[rows] += values[known]
        count[rows] += 1
    return np.asarray(np.divide(total, count, out=np.full(len(place), np.nan), where=count > 0))


def _rounds(rounds: Table) -> Section:
    rows = [
        (
            str(rounds["group"][i]),
            f"{rounds['reference_sd_min'][i]:.2f}",
            f"{rounds['test_sd_min'][i]:.2f}",
            f"{rounds['difference_min'][i]:+.2f} [{rounds['low'][i]:.2f}, {rounds['high'][i]:.2f}]",
            number(rounds["q"][i], digits=2),
        )
        for i in range(len(rounds))
    ]
    meaning = (
        "How far the divisions of one round spread (standard deviation, min). AB 4 means the "
        "divisions of the cells four divisions below AB."
    )
    columns = ("round", "reference", "test", "difference, 95 % interval", "q")
    return Section(
        title="Synchrony",
        blocks=(Text(paragraphs=(meaning,)), PageTable(columns=columns, rows=rows)),
    )
