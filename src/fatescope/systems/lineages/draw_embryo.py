"""All figures of one embryo, and its pages."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from fatescope.engine.driver import Outcome
from fatescope.lineage.layout import BranchRuns, layout_tree, mean_per_cell, value_runs
from fatescope.lineage.quality import EARLY, LINEAGES
from fatescope.pages.chart import ColourScale, category_colours, draw_file
from fatescope.pages.chart.colours import UNKNOWN
from fatescope.pages.files import store_text
from fatescope.pages.page import Drawing, Page, Section, SpaceViewer, tracks_in_space, write_page
from fatescope.pages.skeleton import counted
from fatescope.systems.lineages import drawings as show
from fatescope.systems.lineages.embryo import (
    Embryo,
    cell_notes,
    cell_table,
    column_of,
    numeric_columns,
    prepare_embryo,
)
from fatescope.systems.lineages.embryo_page import embryo_page
from fatescope.systems.lineages.figures import populations, territory_tables, timing
from fatescope.systems.lineages.published import asked_cells, chosen_cell, movement, names_of_rows
from fatescope.systems.lineages.reading import describe, in_its_hand, read_to_scale

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.acquire.lineages import LineageFile, LineageReading
    from fatescope.base.types import FloatArray
    from fatescope.systems.lineages.embryo_page import Figure
    from fatescope.systems.lineages.settings import DrawSettings


def draw_one_embryo(
    file: LineageFile, *, out: Path, settings: DrawSettings, reading: LineageReading
) -> Outcome:
    """Draw everything of one lineage into ``out/embryos/<key>/``."""
    begun = time.perf_counter()
    got = in_its_hand(read_to_scale(file, reading), file, "drawn in its place")
    embryo = prepare_embryo(file.key, got.lineage)
    folder = out / "embryos" / file.key
    files, tables = _tree(embryo, folder, settings), {"cells": cell_table(embryo)}
    if embryo.body_um is not None:
        files += _space(embryo, folder, settings)
        tables |= territory_tables(embryo, settings)
    figures: dict[str, Figure] = {}
    if embryo.lineage.frame.min() < embryo.lineage.frame.max():
        figures["populations"] = (populations(embryo),)
    if any(embryo.cells.name):
        figures |= names_of_rows(embryo, settings)
    if settings.cells and (moved := movement(embryo, settings)):
        figures["movement"] = (moved,)
    if against := timing(embryo, settings, reading):
        figures["timing"] = against
    for name, figure in figures.items():
        svg = figure.svg if isinstance(figure, Drawing) else draw_file(figure)
        files.append(store_text(folder / f"{name}.svg", svg))
    page = embryo_page(embryo, figures, files, folder, got.findings)
    files.append(write_page(folder / "index.html", page))
    return Outcome(
        input=describe(file, got),
        files=[p.relative_to(out) for p in files],
        tables=tables,
        findings=got.findings,
        seconds={"draw": time.perf_counter() - begun},
    )


def _tree(embryo: Embryo, folder: Path, settings: DrawSettings) -> list[Path]:
    svg, page = draw_tree_page(embryo, settings)
    return [store_text(folder / "tree.svg", svg), store_text(folder / "tree.html", page)]


def draw_tree_page(
    embryo: Embryo, settings: DrawSettings, *, length_px: float = 1400.0
) -> tuple[str, str]:
    """Return the tree of an embryo as SVG, so long in time, and the page on which it answers."""
    cells, lineage = embryo.cells, embryo.lineage
    layout = layout_tree(cells, interval=embryo.interval, gap=2.0)
    scale, runs = None, BranchRuns.none()
    if settings.colour is not None:
        values = column_of(lineage, settings.colour)
        scale = _scale(settings.colour, values)
        runs = value_runs(
            cells,
            lineage.frame,
            values,
            interval=embryo.interval,
            low=scale.low,
            high=scale.high,
            n_steps=16,
        )
    tree = show.TreeBranches(
        name=[str(n) for n in cells.name],
        founder=embryo.group,
        note=cell_notes(embryo),
        start=layout.start,
        end=layout.end,
        across=layout.across,
        mother=cells.mother,
        run_cell=runs.cell,
        run_start=runs.start,
        run_end=runs.end,
        run_value=runs.value,
    )
    style = show.TreeStyle(
        title=f"{embryo.key}: lineage of {len(cells)} cells",
        time_label=embryo.time_label,
        length_px=length_px,
        direction=settings.direction,
    )
    svg = show.draw_tree(tree, style, scale)
    columns = {
        name: show.CellColumn(mean_per_cell(cells, values), _scale(name, values))
        for name, values in numeric_columns(lineage).items()
    }
    page = show.tree_page(
        svg,
        tree,
        columns,
        title=embryo.key,
        direction=settings.direction,
        drawn=settings.colour or "",
    )
    return svg, page


def _space(embryo: Embryo, folder: Path, settings: DrawSettings) -> list[Path]:
    assert embryo.body_um is not None
    groups = [g for g in (*LINEAGES, EARLY) if g in embryo.group]
    colours = {g: show.founder_colour(g) for g in groups}
    path_group, path_colours, whose = embryo.group, colours or {"": UNKNOWN}, ""
    if settings.cells:
        path_group = chosen_cell(embryo, settings)
        path_colours = category_colours([c for c in asked_cells(settings) if c in path_group])
        whose = f" of {', '.join(path_colours)} and their descendants"
    paths = show.chart_paths(
        embryo.body_um,
        embryo.lineage.frame,
        embryo.cells.of_row,
        path_group,
        path_colours,
        axis_names=embryo.axis_names,
        title=f"{embryo.key}: paths of nuclei{whose}",
    )
    note = f"{counted(sum(map(bool, path_group)), 'cell')}; a dot marks where each path ends"
    space = SpaceViewer(
        title=f"Nuclei of {embryo.key}",
        tracks=tracks_in_space(
            embryo.body_um,
            embryo.lineage.frame,
            embryo.cells.of_row,
            [str(n) for n in embryo.cells.name],
            embryo.group,
        ),
        colours=colours,
        axis_letters=[n.split(" → ")[-1] for n in embryo.axis_names],
        interval=embryo.interval,
        unit=embryo.unit,
    )
    page = Page(
        title=f"{embryo.key}: nuclei in space and time",
        kind="lineage",
        sections=(Section(title="", blocks=(space,)),),
    )
    return [
        store_text(folder / "paths.svg", draw_file(paths, note=note)),
        write_page(folder / "space.html", page),
    ]


def _scale(name: str, values: FloatArray) -> ColourScale:
    low, high = (0.0, 1.0) if name == "confidence" else np.nanpercentile(values, [2, 98])
    if not low < high:
        low, high = low - 0.5, low + 0.5
    return ColourScale(kind="amount", low=float(low), high=float(high), label=name)
