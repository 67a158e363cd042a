"""One lineage prepared for drawing: its cells, founders, place in body axes, columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError, Table
from fatescope.lineage.body_axes import AXES, body_axes
from fatescope.lineage.layout import cells_of
from fatescope.lineage.quality import founders_of, lineages_of
from fatescope.numeric import Tracks
from fatescope.pages.chart import Axis, number
from fatescope.pages.skeleton import counted, none_or

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Lineage
    from fatescope.base.types import FloatArray

UNSURE_BELOW = 0.9
"""A name of a lower confidence is called unsure; it stands in the table all the same."""
SURE = "how sure (0 to 1)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embryo:
    """One lineage, prepared for drawing: ``founder`` and ``group`` (its lineage) of each cell."""

    key: str
    lineage: Lineage
    cells: Tracks
    founder: list[str]
    group: list[str]
    body_um: FloatArray | None
    axis_names: Sequence[str]
    interval: float
    unit: str

    @property
    def time_label(self) -> str:
        """Words of the time axis."""
        return self.time_axis.words

    @property
    def time_axis(self) -> Axis:
        """Time, with its unit where it is known."""
        return Axis(title="time", unit=self.unit) if self.unit else Axis(title="frame")


def prepare_embryo(key: str, lineage: Lineage) -> Embryo:
    """Gather what the images of one lineage need."""
    cells = cells_of(lineage)
    interval = lineage.spacing.interval_min
    body: FloatArray | None = None
    names: Sequence[str] = AXES
    try:
        axes = body_axes(lineage)
        body = axes.apply(lineage.position_um())
        if not axes.from_names:
            names = ("x", "y", "z")
        if not np.isfinite(body).any():
            body = None
    except InputError:  # no spacing: the tree and the counts can still be drawn
        body = None
    named = [str(n) for n in cells.name]
    return Embryo(
        key=key,
        lineage=lineage,
        cells=cells,
        founder=founders_of(named),
        group=lineages_of(named),
        body_um=body,
        axis_names=names,
        interval=interval or 1.0,
        unit="min" if interval else "",
    )


def cell_table(embryo: Embryo) -> Table:
    """Return one row per cell: name, mother, frames, length of life."""
    cells, t = embryo.cells, embryo.lineage.spacing.interval_min
    mother = [str(cells.name[m]) if m >= 0 else None for m in cells.mother]
    minutes = np.nan if t is None else t
    columns = {
        "table": np.array([embryo.key] * len(cells), dtype=object),
        "cell": np.array([str(n) or None for n in cells.name], dtype=object),
        "mother": np.array(mother, dtype=object),
        "first_frame": cells.first,
        "last_frame": cells.last,
        "divides": cells.divides.astype(np.int64),
        "life_min": (cells.last - cells.first + 1) * minutes,
    }
    return Table(columns)


def embryo_cells(embryo: Embryo) -> Table:
    """Return one row per cell in the words of the bench: born, lives, how sure its name is."""
    cells, t, unit = embryo.cells, embryo.interval, embryo.unit or "frames"
    table = cell_table(embryo)
    columns: dict[str, Any] = {
        "cell": table["cell"],
        "mother": table["mother"],
        f"born ({unit})": cells.first * t,
        f"lives ({unit})": (cells.last - cells.first + 1) * t,
    }
    if "confidence" in embryo.lineage.extra:
        sure = embryo.lineage.extra["confidence"].astype(float)
        columns[SURE] = np.array([np.median(sure[cells.of_row == c]) for c in range(len(cells))])
    return Table(columns)


def how_sure(cells: Table) -> str:
    """Say how many of `embryo_cells` are named, and how many names are unsure."""
    named = np.array([bool(name) for name in cells["cell"]], dtype=bool)
    said = f"{named.sum()} of {counted(len(named), 'cell')} named"
    if SURE in cells:
        unsure = int((cells[SURE][named] < UNSURE_BELOW).sum())
        said += f", {none_or(unsure)} of them unsure (below {UNSURE_BELOW:g})"
    return f"{said}."


def numeric_columns(lineage: Lineage) -> dict[str, FloatArray]:
    """Return the columns of numbers that differ between rows."""
    columns = {
        c: lineage.extra[c].astype(float)
        for c in lineage.extra
        if lineage.extra[c].dtype.kind in "iuf" and len(np.unique(lineage.extra[c])) > 1
    }
    if np.isfinite(lineage.radius_px).any():
        columns["radius_px"] = lineage.radius_px.astype(float)
    return {c: v for c, v in columns.items() if np.isfinite(v).any()}


def column_of(lineage: Lineage, name: str) -> FloatArray:
    """Return one column of numbers, or raise `InputError` with those there are."""
    columns = numeric_columns(lineage)
    if name not in columns:
        raise InputError(
            f"the table has no column of numbers called {name!r} to colour by; it has "
            f"{', '.join(columns) or 'none'}."
        )
    return columns[name]


def cell_notes(embryo: Embryo) -> list[str]:
    """Return one line for each cell: name, times, frames."""
    cells, t, unit = embryo.cells, embryo.interval, embryo.unit or "frames"
    notes = []
    for c in range(len(cells)):
        end = "divides" if cells.divides[c] else "ends"
        length = (cells.last[c] - cells.first[c] + 1) * t
        notes.append(
            f"{cells.name[c] or 'unnamed'} · from {number(cells.first[c] * t)} · {end} at "
            f"{number((cells.last[c] + 1) * t)} · lives {number(length)} {unit} · frames "
            f"{cells.first[c]}-{cells.last[c]}"
        )
    return notes
