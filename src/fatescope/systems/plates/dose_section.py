"""The section about doses: wells, the fitted response, and the dose of half the effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart import Axis, Chart, Guide, Line, Points, number
from fatescope.pages.page import Beside, PageTable, Section

if TYPE_CHECKING:
    from fatescope.base import FloatArray, Table
    from fatescope.pages.chart import Mark

_DRUG, _NONE, _CURVE = "#D55E00", "#0072B2", "#555555"
_HEIGHT_PX = 260  # of a chart


def dose_section(doses: Table, wells: Table, curves: Table) -> Section:
    """Return a chart for each treatment with doses, and a table of all of them.

    ``doses``, ``wells``, ``curves``: ``doses``, ``dose_wells`` and ``dose_curves`` as
    `fatescope.plate.dose_tables` has them.
    """
    charts = [_chart(doses, i, wells, curves) for i in range(len(doses))]
    rows = [
        (
            str(doses["treatment"][i]) or "unnamed",
            str(doses["refused"][i]) or _half(doses, i),
            *("–" if doses["refused"][i] else number(doses[c][i]) for c in _SHAPE),
            str(int(doses["n_wells"][i])),
        )
        for i in range(len(doses))
    ]
    columns = ("treatment", "dose of half the effect (95 %)", *_SHAPE.values(), "wells")
    table = PageTable(columns=columns, rows=rows)
    return Section(title="Doses", blocks=(Beside(blocks=charts), table))


_SHAPE = {"slope": "slope", "top": "viability without the drug", "bottom": "at the highest doses"}


def _half(doses: Table, i: int) -> str:
    ec50, low, high = (number(doses[c][i]) for c in ("ec50", "low", "high"))
    unit = str(doses["dose_unit"][i])
    return f"{ec50} [{low}, {high}]{f' {unit}' if unit else ''}"


def _chart(doses: Table, i: int, wells: Table, curves: Table) -> Chart:
    """Draw the wells of a treatment; a curve and its middle, or the sentence why there is none."""
    name, refused = str(doses["treatment"][i]), str(doses["refused"][i])
    mine = wells.rows(wells["treatment"] == doses["treatment"][i])
    dose, viability = mine["dose"].astype(float), mine["viability"].astype(float)
    given = dose > 0
    lowest = float(dose[given].min())
    marks: list[Mark] = []
    if not refused:
        ec50, low, high = (float(doses[c][i]) for c in ("ec50", "low", "high"))
        marks += [
            Guide(words="", axis="x", at=low, to=high),
            Guide(words="EC50", axis="x", at=ec50),
        ]
        curve = curves.rows(curves["treatment"] == doses["treatment"][i])
        x, y = (curve[c].astype(float) for c in ("dose", "viability"))
        marks.append(Line(name="fitted, four parameters", x=x, y=y, colour=_CURVE))
    # A logarithmic axis has no place for 0: those wells stand apart, left of the lowest dose.
    apart = lowest / 5
    shown = np.where(given, dose, apart)
    ends = apart / 1.5, 1.5 * float(dose.max())
    names = [str(w) for w in mine["well"]]
    marks.append(_wells("wells with the drug", shown, viability, names, given, _DRUG))
    if not given.all():
        words = "wells without it (at the left edge)"
        marks.append(_wells(words, shown, viability, names, ~given, _NONE))
    known = f"EC50 {_half(doses, i)}: line and shade, 95 % interval over wells."
    caption = f"No dose of half the effect: {refused}" if refused else known
    return Chart(
        title=name or "unnamed",
        x=Axis(title="dose", unit=str(doses["dose_unit"][i]), scale="log10", ends=ends),
        y=Axis(title="viability", ends=(0, 1)),
        marks=marks,
        caption=f"{caption} One point a well.",
        height_px=_HEIGHT_PX,
    )


def _wells(
    name: str, dose: FloatArray, viability: FloatArray, wells: list[str], which: Any, colour: str
) -> Points:
    at = np.flatnonzero(which)
    return Points(
        name=name,
        x=dose[at],
        y=viability[at],
        colour=colour,
        words=[f"{wells[k]}: {viability[k]:.2f}" for k in at.tolist()],
    )
