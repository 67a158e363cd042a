"""The plate map: a table that says what was done to each well."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fatescope.acquire.tables import read_table
from fatescope.base import (
    FileFormatError,
    Finding,
    InputError,
    PlateLayout,
    Treatment,
    escape,
    parse_well,
    well_order,
)

COLUMNS = ("well", "treatment", "dose", "dose_unit", "stain", "light", "control")
"""Only the first must be there; others are kept by the reader's user and ignored here."""
CONTROLS = ("", "negative", "positive")
_LIGHT = {"yes": 1.0, "true": 1.0, "on": 1.0, "no": 0.0, "false": 0.0, "off": 0.0}
_NAMED = 3


def read_plate_map(path: Path | str) -> dict[str, Treatment]:
    """Read a plate map from CSV or Parquet.

    Returns
    -------
    dict of str to Treatment
        By well, in the order of the plate.

    Raises
    ------
    FileFormatError
        If there is no column ``well``, or a row cannot be true: the first rows are named, each
        with its fault. A map with a wrong row is refused as a whole, since it decides what is
        compared with what.
    """
    table = read_table(path)
    where = escape(path)
    columns = {name.strip().casefold(): name for name in table.columns}
    if "well" not in columns:
        raise FileFormatError(
            f"{where}: has no column well. A plate map has the columns {', '.join(COLUMNS)}."
        )
    wells: dict[str, Treatment] = {}
    faults: list[str] = []
    for row in range(len(table)):
        cells = {c: _text(table[columns[c]][row]) for c in COLUMNS if c in columns}
        try:
            well = parse_well(cells["well"])
            if well in wells:
                raise InputError(f"well {well} is there twice.")
            wells[well] = _treatment(cells)
        except InputError as error:
            faults.append(f"row {row + 2}: {str(error).rstrip('.')}")
    if faults:
        more = f"; {len(faults) - _NAMED} more rows" if len(faults) > _NAMED else ""
        raise FileFormatError(f"{where}: {'; '.join(faults[:_NAMED])}{more}. Correct these rows.")
    if not wells:
        raise FileFormatError(f"{where}: names no well. Write one row for each well.")
    return dict(sorted(wells.items(), key=lambda item: well_order(item[0])))


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value).strip()


def _treatment(cells: Mapping[str, str]) -> Treatment:
    control = cells.get("control", "").casefold()
    if control not in CONTROLS:
        raise InputError(f"control is {control!r}; write negative, positive or nothing")
    stains = [s.strip() for s in re.split(r"[+;,/&|]", cells.get("stain", ""))]
    return Treatment(
        treatment=cells.get("treatment", ""),
        dose=_amount(cells, "dose"),
        dose_unit=cells.get("dose_unit", ""),
        stains=tuple(s for s in stains if s and s.casefold() not in ("none", "no", "-")),
        light=_amount({**cells, "light": _switched(cells.get("light", ""))}, "light"),
        control=control,
    )


def _switched(text: str) -> str:
    return str(_LIGHT.get(text.casefold(), text))


def _amount(cells: Mapping[str, str], column: str) -> float | None:
    """Return a number that is not negative, or ``None`` for an empty cell."""
    text = cells.get(column, "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        known = "yes, no or a dose" if column == "light" else "a number of 0 or more, or nothing"
        raise InputError(f"{column} is {text!r}; write {known}")
    return value


def apply_plate_map(layout: PlateLayout, treatments: Mapping[str, Treatment]) -> PlateLayout:
    """Return the layout with the treatments of its wells; say where map and plate differ."""
    here, mapped = set(layout.wells), set(treatments)
    findings = [
        _unmapped(layout, wells, reason)
        for wells, reason in (
            (here - mapped, "have images and no row in the plate map: nothing is known of them"),
            (mapped - here, "are in the plate map and have no images"),
        )
        if wells
    ]
    return layout.treated(dict(treatments), tuple(findings))


def _unmapped(layout: PlateLayout, wells: set[str], reason: str) -> Finding:
    names = sorted(wells, key=well_order)
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return Finding(
        file=layout.name,
        rule="unmapped-wells",
        severity="warning",
        value=float(len(names)),
        limit=0.0,
        reason=f"{len(names)} wells ({', '.join(names[:6])}{more}) {reason}.",
    )
