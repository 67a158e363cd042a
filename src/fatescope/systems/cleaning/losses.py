"""The page's part on losses: the published plot, and what leaving the highest out would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire import read_table
from fatescope.clean.losses import SHOWN
from fatescope.pages.chart import Axis, Chart, Points
from fatescope.pages.page import PageTable, Section, Text

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.base import Table

_UNITS = 200  # rows of the table


def loss_sections(out: Path, drop: float | None) -> list[Section]:
    """Return a section for each table of losses in ``losses.csv``, if there is one."""
    if not (out / "losses.parquet").is_file():
        return []
    table = read_table(out / "losses.parquet")
    share = SHOWN if drop is None else drop
    files = list(dict.fromkeys(table["file"].tolist()))
    return [_section(table.rows(table["file"] == f), str(f), share, drop) for f in files]


def _section(losses: Table, file: str, share: float, drop: float | None) -> Section:
    high = losses["highest"] > 0
    one_movie = len(set(losses["image"].tolist())) == 1 and bool((losses["frame"] >= 0).all())
    at = losses["frame"] if one_movie else np.arange(len(losses))
    chart = Chart(
        title=f"Loss per {'frame' if one_movie else 'sample'}, the highest {share:.0%} in red",
        x=Axis(title="frame" if one_movie else "sample"),
        y=Axis(title="loss"),
        marks=[
            _points(name, at[which], losses["loss"][which], colour)
            for name, which, colour in (
                ("others", ~high, "#6B767D"),
                (f"highest {share:.0%}", high, "#D50000"),
            )
            if which.any()
        ],
        caption=f"{len(losses)} samples; losses of networks that have not seen their unit.",
    )
    units = list(dict.fromkeys(losses["unit"].tolist()))
    rows = []
    for unit in units:
        of = losses["unit"] == unit
        rows.append((str(unit), int(of.sum()), int((of & high).sum())))
    rows.sort(key=lambda row: -row[2] / row[1])
    cells = [(unit, str(n), str(k), f"{k / n:.0%}") for unit, n, k in rows[:_UNITS]]
    word = "Left out with --apply" if drop is not None else "Shown, not left out"
    said = (
        f"{word}: {int(high.sum())} of {len(losses)} samples. A high loss is a hard sample: its "
        "labels may be wrong, or its stage rare. Where the share of one unit is far above the "
        "others, leaving them out removes that unit rather than faults."
    )
    columns = ("unit", "samples", "highest", "share")
    name = file.replace("\\", "/").rpartition("/")[2]
    return Section(
        title=f"Losses: {name}",
        blocks=(chart, Text(paragraphs=(said,)), PageTable(columns=columns, rows=cells)),
    )


def _points(name: str, x: np.ndarray, y: np.ndarray, colour: str) -> Points:
    return Points(name=name, x=x.astype(float).tolist(), y=y.tolist(), colour=colour, size_px=5.0)
