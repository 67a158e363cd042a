"""The page about survival on a plate: curves with intervals, treatments, doses, controls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.pages.chart import Axis, Band, Chart, Guide, HeatMap, Line, category_colours, number
from fatescope.pages.findings import findings_sections
from fatescope.pages.page import Beside, PageTable, Section, write_page
from fatescope.pages.skeleton import Head, counted, result_page
from fatescope.systems.plates.dose_section import dose_section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fatescope.base import FloatArray, Table
    from fatescope.pages.chart import Mark

_MOST_CURVES = 12  # of a chart
_SEEN, _FOLLOWED, _MEAN = "#0072B2", "#D55E00", "#555555"
_WORDS = {
    "z_prime": "Z′ of the controls (above 0.5 is good)",
    "edge_minus_inside": "viability at the edge, less that inside, same treatment",
    "hazard_ratio dye": "hazard ratio of the dye without light",
    "hazard_ratio light": "hazard ratio of light without the dye",
    "hazard_ratio dye x light": "hazard ratio of both beyond the product of each",
}
_METHOD = (
    "The well is the unit: intervals of treatments are 95 % intervals over wells (Student's t); "
    "copies of cells would not change them. A death lies between two frames; cells that are lost "
    "or outlive the recording are censored, cells that were dead when first seen have no time of "
    "death. Survival is the Kaplan-Meier estimate of each well, averaged on the scale "
    "log(-log S). Median times are geometric means over wells where half of the cells die in every "
    "well; else they are read off the mean curve and its band. Hazard ratios come from one "
    "proportional-hazards model of all wells with a free baseline for each plate; p compares "
    "observed with expected deaths of wells, as in the log-rank test. Dose responses have four "
    "parameters and are refused where no plateau is reached."
)


def write_survival(
    out: Path,
    tables: Mapping[str, Table],
    *,
    record: Mapping[str, Any],
    findings: Sequence[Mapping[str, Any]],
    seen: Section | None = None,
    followed: str = "",
    caution: str = "",
) -> Path:
    """Write ``report.html`` of survival on a plate, and return its path.

    Parameters
    ----------
    out : Path
    tables : mapping of str to Table
        ``treatments``, ``curves``, ``viability``, ``doses``, ``dose_wells``, ``dose_curves``,
        ``controls`` as the command writes them; those of doses and controls may be empty.
    record : mapping
        With the settings, and what else ``run.json`` holds.
    findings : sequence of mapping
        Rows of findings.csv.
    seen : Section, optional
        Wells as they were seen.
    followed : str
        How cells were found and followed.
    caution : str
        What makes all of it doubtful.
    """
    treatments, curves = tables["treatments"], tables["curves"]
    doses = [tables[n] for n in ("doses", "dose_wells", "dose_curves")]
    controls = tables["controls"]
    page = result_page(
        Head(
            title="Survival on the plate",
            kind="survival",
            answer=_answer(treatments)
            if len(treatments)
            else _answer_unmapped(tables["viability"]),
            caution=caution,
        ),
        figures=(
            _curves(curves, "survival", "Survival of cells that were alive at the start"),
            _treatments(treatments) if len(treatments) else None,
        ),
        findings=findings_sections(findings, images="places"),
        details=(
            seen,
            _curves(curves, "viability", "Viability: cells alive of all seen"),
            Section(title="Wells", blocks=chart_wells(tables["viability"])),
            _wells_over_time(tables["viability"]),
            dose_section(*doses) if len(doses[0]) else None,
            _plain(controls, "Controls") if len(controls) else None,
        ),
        methods=f"{followed} {_METHOD}".strip(),
        record=record,
    )
    return write_page(out / "report.html", page)


def _answer_unmapped(viability: Table) -> str:
    wells = zip(viability["plate"].tolist(), viability["well"].tolist(), strict=True)
    last = viability.rows(np.array([*{w: i for i, w in enumerate(wells)}.values()], dtype=int))
    n, alive = int(last["n"].sum()), int(last["alive"].sum())
    where = f"in the last frame of {counted(len(last), 'well')}"
    if not n:
        return f"No cell was seen {where}."
    shares = 100 * last["viability"].astype(float)
    return (
        f"{number(alive)} of {counted(n, 'cell')} ({alive / n:.0%}) are alive {where}, "
        f"{np.nanmin(shares):.0f} to {np.nanmax(shares):.0f} % from well to well."
    )


def _answer(treatments: Table) -> str:
    p = treatments["p_logrank"]
    known = np.flatnonzero(np.isfinite(p) & np.isfinite(treatments["hr_low"])).tolist()
    if not known:
        wells = counted(int(treatments["n_wells"].sum()), "well")
        return (
            "No treatment could be compared with negative controls with an interval over wells: "
            f"there are {wells} of {counted(len(treatments), 'treatment')}, controls among them."
        )
    sure = [i for i in known if not treatments["hr_low"][i] <= 1 <= treatments["hr_high"][i]]
    if not sure:
        return (
            f"None of {len(known)} treatments differs from the negative controls by more than "
            "wells differ among themselves."
        )
    i = int(min(sure, key=lambda k: float(p[k])))
    return (
        f"{len(sure)} of {len(known)} treatments differ from the negative controls. Surest: "
        f"{_name(treatments, i)}, hazard ratio {number(treatments['hazard_ratio'][i])} "
        f"[{number(treatments['hr_low'][i])}, {number(treatments['hr_high'][i])}]."
    )


def _name(table: Table, i: int) -> str:
    dose = float(table["dose"][i])
    words = str(table["treatment"][i]) or "unnamed"
    unit = str(table["dose_unit"][i] or "") if "dose_unit" in table else ""  # of older results
    return words if np.isnan(dose) else f"{words} {number(dose)} {unit}".rstrip()


def _curves(curves: Table, what: str, title: str) -> Section:
    names = np.array([_name(curves, i) for i in range(len(curves))], dtype=object)
    groups = list(dict.fromkeys(names.tolist()))
    shown = groups[:_MOST_CURVES]
    in_hours = bool(np.isfinite(curves["time_h"]).any())
    marks: list[Band | Line | Guide] = []
    for name, colour in category_colours(shown).items():
        mine = curves.rows(names == name)
        x = mine["time_h"] if in_hours else mine["frame"]
        n = int(mine["n_wells"][0])
        label = f"{name} ({n} well{'' if n == 1 else 's'})"
        low, high = mine[f"{what}_low"], mine[f"{what}_high"]
        marks.append(Band(name=label, x=x, low=low, high=high, colour=colour, shape="steps"))
        marks.append(Line(name=label, x=x, y=mine[what], colour=colour, shape="steps"))
    if what == "survival":
        marks.append(Guide(words="half", axis="y", at=0.5))
    more = f" The first {_MOST_CURVES} of {len(groups)} groups." if len(groups) > len(shown) else ""
    chart = Chart(
        title=title,
        x=Axis(title="time", unit="h") if in_hours else Axis(title="frame"),
        y=Axis(title="share of cells", ends=(0, 1)),
        marks=marks,
        caption=f"Bands: 95 % intervals over wells; none with fewer than two wells.{more}",
    )
    return Section(title=what.capitalize(), blocks=(chart,))


def _treatments(table: Table) -> Section:
    in_hours = bool(np.isfinite(table["median_death_h"]).any())
    rows = []
    for i in range(len(table)):
        if in_hours:
            median = _interval(table, i, ("median_death_h", "low", "high"))
        else:
            median = number(table["median_death_frames"][i])
        rows.append(
            (
                _name(table, i),
                str(table["n_wells"][i]),
                str(table["n_cells"][i]),
                str(table["n_deaths"][i]),
                "not reached" if median == "–" or "nan" in median else median,
                _interval(table, i, ("hazard_ratio", "hr_low", "hr_high")),
                number(table["p_logrank"][i], digits=2),
            )
        )
    columns = (
        "treatment and dose", "wells", "cells", "deaths",
        f"median time of death ({'h' if in_hours else 'frames'})", "hazard ratio", "p (log-rank)",
    )  # fmt: skip
    return Section(title="Treatments", blocks=(PageTable(columns=columns, rows=rows),))


def _interval(table: Table, i: int, columns: tuple[str, str, str]) -> str:
    value, low, high = (float(table[c][i]) for c in columns)
    if np.isnan(value):
        return "–"
    if np.isnan(low) and np.isnan(high):
        return number(value)
    return f"{number(value)} [{number(low)}, {'…' if np.isnan(high) else number(high)}]"


def _wells_over_time(viability: Table) -> Section:
    """Draw what became of the cells of each well: alive of all seen, and survival."""
    names = np.array(
        [f"{p} {w}".strip() for p, w in zip(viability["plate"], viability["well"], strict=True)],
        dtype=object,
    )
    if len(set(viability["plate"].tolist())) == 1:
        names = viability["well"].astype(str)
    wells = list(dict.fromkeys(names.tolist()))
    shown = wells[:_MOST_CURVES]
    more = f" The first {_MOST_CURVES} of {len(wells)} wells." if len(wells) > len(shown) else ""
    charts = []
    for column, title, caption in (
        ("viability", "Viability of each well", "Cells alive of all seen; intervals within a well "
         "are in viability.csv."),
        ("survival", "Survival in each well", "Kaplan-Meier estimate of cells that were alive at "
         "first."),
    ):  # fmt: skip
        marks = [
            Line(name=well, x=mine["frame"], y=mine[column], colour=colour, shape="steps")
            for well, colour in category_colours(shown).items()
            for mine in [viability.rows(names == well)]
        ]
        charts.append(
            Chart(
                title=title,
                x=Axis(title="frame"),
                y=Axis(title="share of cells", ends=(0, 1)),
                marks=marks,
                caption=f"{caption}{more}",
            )
        )
    return Section(title="Wells over time", blocks=(Beside(blocks=charts),))


def chart_wells(viability: Table) -> list[Chart]:
    """Chart the viability of each well at the last frame, as wells lie on each plate."""
    last = viability.rows(viability["frame"] == viability["frame"].max())
    charts = []
    for plate in dict.fromkeys(last["plate"].tolist()):
        mine = last.rows(last["plate"] == plate)
        names = [str(w) for w in mine["well"]]
        rows = sorted({n.rstrip("0123456789") for n in names}, key=lambda r: (len(r), r))
        columns = sorted({n.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for n in names}, key=int)
        values = np.full((len(rows), len(columns)), np.nan)
        for name, value in zip(names, mine["viability"], strict=True):
            letters = name.rstrip("0123456789")
            values[rows.index(letters), columns.index(name[len(letters) :])] = value
        charts.append(
            Chart(
                title=f"Viability at the last frame{f', plate {plate}' if plate else ''}",
                x=Axis(title="column", labels=columns),
                y=Axis(title="row", labels=rows),
                marks=(HeatMap(name="viability", values=values, unit="share alive", ends=(0, 1)),),
                caption="Wells without cells are blank.",
            )
        )
    return charts


def chart_well(well: str, viability: Table, survival: FloatArray, group: Table | None) -> Chart:
    """Chart what became of the cells of one well, beside the wells of its treatment.

    Parameters
    ----------
    well : str
    viability : Table
        Of this well: ``frame, viability, low, high``.
    survival : ndarray of float, shape (f,)
        Kaplan-Meier estimate of the well, from frame 0; empty where nobody was followed.
    group : Table, optional
        The rows of its treatment in ``curves``.
    """
    frame, seen = viability["frame"], "alive of all seen"
    low, high = viability["low"].astype(float), viability["high"].astype(float)
    marks: list[Mark] = [
        Band(name=seen, x=frame, low=low, high=high, colour=_SEEN, shape="steps"),
        Line(name=seen, x=frame, y=viability["viability"], colour=_SEEN, shape="steps"),
    ]
    if np.isfinite(survival).any():
        x, words = np.arange(len(survival)), "survival of those followed"
        marks.append(Line(name=words, x=x, y=survival, colour=_FOLLOWED, shape="steps"))
    if group is not None and len(group):
        n = int(group["n_wells"][0])
        words = f"survival, {_name(group, 0)} ({n} well{'' if n == 1 else 's'})"
        x, y = group["frame"], group["survival"]
        marks.append(Line(name=words, x=x, y=y, colour=_MEAN, stroke="dashed", shape="steps"))
    return Chart(
        title=f"Well {well}",
        x=Axis(title="frame"),
        y=Axis(title="share of cells", ends=(0, 1)),
        marks=marks,
        caption="Band: 95 % interval of the share within this well.",
    )


def _plain(table: Table, title: str) -> Section:
    rows = []
    for i in range(len(table)):
        cells = []
        for values in table.columns.values():
            value = values[i]
            is_text = isinstance(value, str)
            cells.append(_WORDS.get(value, value) if is_text else _or_dash(float(value)))
        rows.append(cells)
    return Section(title=title, blocks=(PageTable(columns=tuple(table), rows=rows),))


def _or_dash(value: float) -> str:
    return "–" if np.isnan(value) else number(value)
