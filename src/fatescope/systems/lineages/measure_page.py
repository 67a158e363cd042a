"""Expression cell by cell: per cell, over time from birth, division or the clock, and the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError, Table
from fatescope.numeric import tracks_of
from fatescope.pages.chart import Axis, Chart, Line, number
from fatescope.pages.findings import findings_sections
from fatescope.pages.page import PageTable, Section, write_page
from fatescope.pages.result import ResultFolder
from fatescope.pages.skeleton import Head, counted, result_page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fatescope.base import Lineage
    from fatescope.systems.lineages.settings import ExpressionSettings

_CURVES, _ROWS = 8, 300  # cells that are drawn, and in the table
_ZERO = {
    "clock": "time since the first division of AB, or since the first frame",
    "birth": "time since birth",
    "division": "time to division",
}
_TAKEN = {
    "ring": "the median of the ring around it ({ring_from:g} to {ring_to:g} radii) without its "
    "neighbours was taken off",
    "global": "the median of what lies outside all nuclei of its frame was taken off",
    "none": "no background was taken off",
}


def curve_rows(rows: Table, lineage: Lineage) -> Table:
    """Return one row per cell, channel and frame, with its time from three zeros.

    Times are minutes, empty where the interval, or the birth or division of a cell, is unknown;
    ``clock_min`` counts from the first division of AB, or from the first frame of the table.
    """
    tracks = tracks_of(lineage)
    order = np.argsort(lineage.frame, kind="stable")
    start = np.searchsorted(lineage.frame[order], rows["frame"].astype(np.int64))
    n_before = np.arange(len(rows)) - _block_start(rows)
    cell = tracks.of_row[order[start + n_before]]
    frame = rows["frame"].astype(float)
    minutes = lineage.spacing.interval_min or np.nan
    names = {str(n): k for k, n in enumerate(tracks.name)}
    ab = [int(tracks.first[names[n]]) for n in ("ABa", "ABp") if n in names]
    born = [n for n in ("ABa", "ABp") if n in names and tracks.mother[names[n]] >= 0]
    zero = min(ab) if born else int(lineage.frame.min())
    birth = np.where(tracks.born, tracks.first, np.nan)[cell]
    division = np.where(tracks.divides, tracks.end, np.nan)[cell]
    called = np.array([str(n) or f"track {k}" for k, n in enumerate(tracks.name)], dtype=object)
    return Table(
        {
            "table": rows["table"],
            "channel": rows["channel"],
            "name": called[cell],
            "frame": rows["frame"],
            "clock_min": (frame - zero) * minutes,
            "birth_min": (frame - birth) * minutes,
            "division_min": (frame - division) * minutes,
            "corrected": rows["corrected"],
        }
    )


def _block_start(rows: Table) -> np.ndarray:
    """Return where the frame and channel of each row begin."""
    keys = np.array([f"{f}/{c}" for f, c in zip(rows["frame"], rows["channel"], strict=True)])
    new = np.r_[True, keys[1:] != keys[:-1]]
    starts = np.flatnonzero(new)
    return np.asarray(starts[np.cumsum(new) - 1])


def cell_rows(rows: Table, lineage: Lineage) -> Table:
    """Return one row per cell and channel: how long it was measured, how bright it was, and when.

    ``mean`` and ``peak`` are of ``corrected``; ``peak`` is the 90th percentile of its life.
    """
    curves = curve_rows(rows, lineage)
    groups: dict[tuple[str, str, str], list[int]] = {}
    keys = zip(curves["table"], curves["channel"], curves["name"], strict=True)
    for k, (table, channel, name) in enumerate(keys):
        groups.setdefault((table, channel, name), []).append(k)
    value, frame = curves["corrected"].astype(float), curves["frame"].astype(np.int64)
    found = []
    for (table, channel, name), mine in groups.items():
        known = [k for k in mine if value[k] == value[k]]
        found.append(
            {
                "table": table,
                "channel": channel,
                "name": name,
                "first_frame": int(frame[mine].min()),
                "last_frame": int(frame[mine].max()),
                "n": len(known),
                "mean": round(float(value[known].mean()), 4) if known else None,
                "peak": round(float(np.percentile(value[known], 90)), 4) if known else None,
            }
        )
    return Table.from_rows(found, tuple(found[0]))


def write_expression_page(
    out: Path, tables: Mapping[str, Table], settings: ExpressionSettings
) -> Path:
    """Write ``report.html``; return its path."""
    result = ResultFolder(out)
    curves, cells = tables["curves"], tables["cells"]
    channels = list(dict.fromkeys(curves["channel"].tolist()))
    measured = np.isfinite(curves["corrected"].astype(float))
    n_cells = len(set(curves["name"].tolist()))
    lead = (
        f"{counted(n_cells, 'cell')} measured in {counted(len(channels), 'channel')}: "
        f"{number(int(measured.sum()))} of {number(len(measured))} measurements could be made. "
        + " ".join(_brightest(cells, c) for c in channels)
    )
    said = [_chart(curves, cells, c, settings) for c in channels]
    charts = [c for c in said if c is not None]
    taken = _TAKEN[settings.background].format(**settings.model_dump())
    depth = (
        f" Brightness was made up for a loss of {settings.depth_loss:g} of the light per µm of "
        f"depth, counted from the {settings.depth_from} plane."
        if settings.depth_loss
        else " Brightness was not corrected for depth."
    )
    page = result_page(
        Head(title="Expression of named cells", kind="lineage measured", answer=lead),
        figures=(Section(title="Curves", blocks=charts) if charts else None,),
        findings=findings_sections(result.findings, images="movies"),
        details=(_cell_table(cells),),
        methods=f"Brightness of each nucleus was measured with fatescope {result.version} as the "
        f"mean of the voxels within {settings.core:g} of its radius; {taken}.{depth}",
        record=result.record,
    )
    return write_page(out / "report.html", page)


def _brightest(cells: Table, channel: str) -> str:
    best = _ranked(cells, channel)[:1]
    return f"Brightest in channel {channel}: {best[0]}." if best else ""


def _ranked(cells: Table, channel: str) -> list[str]:
    """Return the cells of a channel, brightest first; short tracks come last."""
    rows = [
        (n < 3, -float(peak), str(name))
        for c, name, n, peak in zip(
            cells["channel"], cells["name"], cells["n"], cells["peak"], strict=True
        )
        if c == channel and n and peak is not None and peak == peak
    ]
    return [name for *_, name in sorted(rows)]


def _chart(curves: Table, cells: Table, channel: str, settings: ExpressionSettings) -> Chart | None:
    mine = curves.rows(curves["channel"] == channel)
    chosen = _ranked(cells, channel)[:_CURVES]
    if settings.cells:
        asked = [n.strip() for n in settings.cells.split(",") if n.strip()]
        known = set(mine["name"].tolist())
        missing = [n for n in asked if n not in known]
        if missing:
            raise InputError(f"--cells: the table has no cell {', '.join(missing)}.")
        chosen = asked
    time = mine[f"{settings.align}_min"].astype(float)
    in_minutes = bool(np.isfinite(time).any())
    time = time if in_minutes else mine["frame"].astype(float)
    marks = []
    for name in chosen:
        rows = np.flatnonzero((mine["name"] == name) & np.isfinite(time))
        if len(rows):
            rows = rows[np.argsort(time[rows], kind="stable")]
            marks.append(Line(name=name, x=time[rows], y=mine["corrected"].astype(float)[rows]))
    if not marks:
        return None
    which = "cells that were asked for" if settings.cells else "brightest cells"
    zero = Axis(title=_ZERO[settings.align], unit="min") if in_minutes else Axis(title="frame")
    return Chart(
        title=f"Channel {channel}: the {which}",
        x=zero,
        y=Axis(title="brightness", unit="grey values"),
        marks=marks,
        caption="Brightness less background, one line for each cell over its own life; curves.csv "
        "has every cell.",
    )


def _cell_table(cells: Table) -> Section:
    names = ("name", "channel", "first_frame", "last_frame", "n", "mean", "peak")
    order = np.argsort(-np.nan_to_num(cells["peak"].astype(float)), kind="stable")[:_ROWS]
    rows = [tuple(_shown(cells[c][k]) for c in names) for k in order.tolist()]
    return Section(title="Cells", blocks=(PageTable(columns=names, rows=rows),))


def _shown(value: Any) -> str:
    if value is None or value != value:
        return ""
    return value if isinstance(value, str) else number(float(value))
