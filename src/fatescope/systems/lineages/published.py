"""The figures of the exploration published in 2020: movement, names, rows of names, components."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import InputError
from fatescope.base.sulston import compact_name, sort_key
from fatescope.lineage import quality
from fatescope.lineage.compact import published_features
from fatescope.lineage.statistics import principal_components
from fatescope.pages.chart import Axis
from fatescope.pages.page import Drawing
from fatescope.pages.skeleton import counted
from fatescope.systems.lineages import drawings as show

if TYPE_CHECKING:
    from fatescope.pages.chart import Chart
    from fatescope.systems.lineages.embryo import Embryo
    from fatescope.systems.lineages.embryo_page import Figure
    from fatescope.systems.lineages.settings import DrawSettings


_MOST_LISTED = 64  # names that get a row and a panel of their own


def asked_cells(settings: DrawSettings) -> list[str]:
    """Return the cells that were asked for, each once, in their order."""
    wanted = [w.strip() for w in (settings.cells or "").split(",")]
    return list(dict.fromkeys(w for w in wanted if w))


def chosen_cell(embryo: Embryo, settings: DrawSettings) -> list[str]:
    """Return for each cell the asked cell that it is or descends from, ``""`` for none.

    Raises `InputError` if the embryo has none of the cells.
    """
    wanted, chosen = asked_cells(settings), [""] * len(embryo.cells)
    for c, name in enumerate(embryo.cells.name):  # mothers come first
        mother = int(embryo.cells.mother[c])
        chosen[c] = str(name) if name in wanted else chosen[mother] if mother >= 0 else ""
    if not any(chosen):
        raise InputError(
            f"{embryo.key}: has none of the cells {settings.cells}. Check the names, such as ABpla."
        )
    return chosen


def movement(embryo: Embryo, settings: DrawSettings) -> Chart | None:
    """Chart the ways of the asked cells alone, in body axes or as x and y stand in the table.

    The result: ``None`` where no place is known, as in a Newick tree.
    """
    chosen_cell(embryo, settings)  # raises where there is none of them
    asked, names = asked_cells(settings), set(embryo.cells.name)
    there, missing = ([n for n in asked if (n in names) == is_there] for is_there in (True, False))
    place_of = {n: i for i, n in enumerate(there)}
    cell = np.array([place_of.get(str(n), -1) for n in embryo.cells.name])[embryo.cells.of_row]
    rows = np.flatnonzero(cell >= 0)
    if settings.coordinates == "raw" or embryo.body_um is None:
        raw = published_features(embryo.lineage, ("x", "y", "time"))
        place, time = raw[rows, :2], raw[rows, 2]
        axes = [Axis(title=a, unit="px, counted from 1") for a in "xy"]
        clock = "frame"
    else:
        place, time = embryo.body_um[rows, :2], embryo.lineage.frame[rows] * embryo.interval
        axes = [Axis(title=a, unit="µm") for a in embryo.axis_names[:2]]
        clock = embryo.time_label
    if not np.isfinite(place).all(axis=1).any():
        return None
    return show.chart_movement(
        place,
        time,
        cell[rows],
        there,
        axes=(axes[0], axes[1]),
        time_label=clock,
        title=f"{embryo.key}: movement of {', '.join(there)}",
        caption=f"Not in this table: {', '.join(missing)}." if missing else "",
    )


def names_of_rows(embryo: Embryo, settings: DrawSettings) -> dict[str, Figure]:
    """Draw what compact names are, their rows as bars and as the published pie, and components."""
    length = settings.compact_length
    compact = [compact_name(str(n), length) or "unnamed" for n in embryo.cells.name]
    rows = Counter(compact[c] for c in embryo.cells.of_row)
    ordered = sorted(rows, key=sort_key)
    founders = quality.founders_of(ordered)
    colours = show.shades(ordered, founders)
    counts, most = {n: rows[n] for n in ordered}, max(rows.values())
    members: dict[str, list[str]] = {n: [] for n in ordered}
    for full, short in sorted(
        set(zip(map(str, embryo.cells.name), compact, strict=True)),
        key=lambda pair: sort_key(pair[0]),
    ):
        members[short].append(full)
    percent = 100 * most / sum(rows.values())
    frequent = {n for n, _ in rows.most_common(_MOST_LISTED)}
    listed = {n: c for n, c in colours.items() if n in frequent}
    only = "" if len(listed) == len(ordered) else f" The {len(listed)} most frequent are shown."
    title, full = f"{embryo.key}: rows of each name", counted(len(set(embryo.cells.name)), "name")
    list_title = f"{embryo.key}: compact_cellname"
    listing = show.draw_compact_names(
        {n: members[n] for n in listed},
        counts,
        colours,
        length=length,
        title=list_title,
        note="A name is its founder and one letter for each division. The first "
        f"{counted(length, 'letter')} are kept: {full} become {len(ordered)}.{only}",
    )
    bars = show.chart_class_bars(
        ordered,
        list(counts.values()),
        [most] * len(ordered),
        founders,
        title=f"{title} ({length} letters)",
        caption=f"{counted(len(ordered), 'name')}; the largest has {percent:.0f} % of the rows.",
    )
    pie = show.draw_class_pie(counts, founders, title=title)
    figures: dict[str, Figure] = {
        "compact-names": Drawing(svg=listing, title=list_title),
        "names": (bars,),
        "names-pie": Drawing(svg=pie, title=title),
    }
    row_name = np.array(compact, dtype=object)[embryo.cells.of_row]
    if drawn := _components(embryo, row_name, listed, settings):
        figures["components"] = Drawing(svg=drawn, title=f"{embryo.key}: principal components")
    return figures


def _components(
    embryo: Embryo, row_name: np.ndarray, colours: dict[str, str], settings: DrawSettings
) -> str:
    """Draw the components of x, y, time and size; empty where they do not differ."""
    columns = ("x", "y", "time", "size")
    try:
        found = principal_components(published_features(embryo.lineage, columns), columns)
    except InputError:
        return ""
    first, second = (
        f"component {k + 1}, {100 * found.share[k]:.0f} % of the variance: "
        + ", ".join(f"{w:+.2f} {c}" for w, c in zip(found.weight[k], found.columns, strict=True))
        for k in range(2)
    )
    names = ", ".join(found.columns)
    return show.draw_components(
        found.score,
        row_name,
        colours,
        axis_labels=(first, second),
        title=f"{embryo.key}: principal components of {names}",
        note="each column at mean 0 and standard deviation 1; grey: all rows; numbers: rows; "
        f"{counted(len(colours), 'name')}",
        rng=np.random.default_rng(settings.seed),
    )
