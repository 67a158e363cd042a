"""The plate map: a table that says what was done to each well."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fatescope.acquire.plates.map_doubts import map_doubts
from fatescope.acquire.tables import read_table
from fatescope.base import (
    FileFormatError,
    Finding,
    InputError,
    PlateLayout,
    Table,
    Treatment,
    escape,
    name_well,
    parse_well,
    untreated_wells,
    well_order,
)

COLUMNS = ("well", "treatment", "dose", "dose_unit", "stain", "light", "control")
"""Only the first must be there."""
_NAMES = {
    "compound": "treatment",
    "drug": "treatment",
    "condition": "treatment",
    "concentration": "dose",
    "conc": "dose",
    "unit": "dose_unit",
    "concentrationunit": "dose_unit",
    "concunit": "dose_unit",
    "stains": "stain",
    "dye": "stain",
    "dyes": "stain",
    "col": "column",
    "wellid": "well",
    "wellname": "well",
    "controltype": "control",
}
"""Columns under other names than ours, in small letters without what is no letter."""
_CONTROLS = {
    **dict.fromkeys(("", "no", "none", "na", "n/a"), ""),
    **dict.fromkeys(("negative", "negative control", "neg", "neg control"), "negative"),
    **dict.fromkeys(("positive", "positive control", "pos", "pos control"), "positive"),
}
_LIGHT = {"yes": 1.0, "true": 1.0, "on": 1.0, "no": 0.0, "false": 0.0, "off": 0.0}
_MEANT = {
    "treatment": "treat|compound|drug|substance|agent|condition",
    "dose": "dos[ei]|conc|konz",
    "control": "control|ctrl|kontrolle",
}
_KNOWN = ("set",)
"""What `simulate plate` writes beside, which no command needs."""
_NO_STAIN = ("none", "no", "-", "unstained")
_THOUSANDS = re.compile(r"[1-9]\d{0,2},\d{3}")
"""Reads 1,250 as well as 1.250."""
_NAMED = 3  # rows that a sentence names


class PlateMap(dict[str, Treatment]):
    """Treatments by well, and what of the table is doubtful or not read."""

    findings: tuple[Finding, ...] = ()


def read_plate_map(path: Path | str) -> PlateMap:
    """Read a plate map from CSV or Parquet.

    Names stay as they are written, also those that look like numbers. Rows and columns without
    any value are passed by.

    Returns
    -------
    PlateMap
        A dict of treatments by well, in the order of the plate, with findings.

    Raises
    ------
    FileFormatError
        If there is no column ``well`` (or ``row`` and ``column``), or a row cannot be true: the
        first rows are named, each with its fault. A map with a wrong row is refused as a whole,
        since it decides what is compared with what. So is one that lacks a column of ours and has
        another that may be meant for it.
    """
    table = read_table(path, text=True)
    where = escape(path)
    columns, unit = _columns(table, where)
    rows = [{c: _text(table[n][row]) for c, n in columns.items()} for row in range(len(table))]
    comma = {c: _has_decimal_comma([r.get(c, "") for r in rows]) for c in ("dose", "light")}
    wells: dict[str, Treatment] = {}
    faults: list[str] = []
    for number, cells in enumerate(rows, start=2):
        if not any(cells.values()):
            continue
        try:
            well = parse_well(cells.get("well") or _placed(cells))
            if well in wells:
                raise InputError(f"well {well} is there twice.")
            if unit and cells.get("dose"):
                cells["dose_unit"] = cells.get("dose_unit") or unit
            wells[well] = _treatment(cells, comma)
        except InputError as error:
            faults.append(f"row {number}: {str(error).rstrip('.')}")
    if faults:
        more = f"; {len(faults) - _NAMED} more rows" if len(faults) > _NAMED else ""
        raise FileFormatError(f"{where}: {'; '.join(faults[:_NAMED])}{more}. Correct these rows.")
    if not wells:
        raise FileFormatError(f"{where}: names no well. Write one row for each well.")
    plate_map = PlateMap(sorted(wells.items(), key=lambda item: well_order(item[0])))
    read = {*columns.values(), *_KNOWN}
    unread = [n for n in table.columns if n not in read and any(map(_text, table[n].tolist()))]
    plate_map.findings = tuple(map_doubts(plate_map, unread, file=str(path)))
    return plate_map


def _columns(table: Table, where: str) -> tuple[dict[str, str], str]:
    """Return our columns and what they are called here, and the unit that ``dose (nM)`` says."""
    found: dict[str, str] = {}
    unit, unknown = "", []
    for name in table.columns:
        words, _, bracket = name.replace("[", "(").partition("(")
        key = re.sub(r"[^a-z]", "", words.casefold())
        known = _NAMES.get(key, key.replace("doseunit", "dose_unit"))
        if known not in (*COLUMNS, "row", "column") or (bracket and known != "dose"):
            unknown.append(name)
        elif known in found:
            raise FileFormatError(
                f"{where}: the columns {escape(found[known])!r} and {escape(name)!r} both say the "
                f"{known}. Leave one of them."
            )
        else:
            found[known] = name
            unit = bracket.strip(" )]") if known == "dose" else unit
    if "well" not in found and not {"row", "column"} <= set(found):
        raise FileFormatError(
            f"{where}: has no column well. A plate map has the columns {', '.join(COLUMNS)}."
        )
    for column, words in _MEANT.items():
        meant = next((n for n in unknown if re.search(words, n, re.IGNORECASE)), None)
        if meant is not None and column not in found and any(map(_text, table[meant])):
            raise FileFormatError(
                f"{where}: has no column {column}, and a column {escape(meant)!r} that is not "
                f"read. Call it {column} if it says so, else something else."
            )
    return found, unit


def _placed(cells: Mapping[str, str]) -> str:
    row, column = cells.get("row", ""), cells.get("column", "")
    if row.isdecimal() and column.isdecimal():
        return name_well(int(row), int(column))
    return row + column


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return " ".join(str(value).split())


def _treatment(cells: Mapping[str, str], comma: Mapping[str, bool]) -> Treatment:
    control = re.sub(r"[^a-z/]+", " ", cells.get("control", "").casefold()).strip()
    if control not in _CONTROLS or (cells.get("control") and not control):
        raise InputError(
            f"control is {cells['control'].casefold()!r}; write negative, positive or nothing"
        )
    stains = [s.strip() for s in re.split(r"[+;,/&|]", cells.get("stain", ""))]
    light = cells.get("light", "")
    return Treatment(
        treatment=cells.get("treatment", ""),
        dose=_amount("dose", cells.get("dose", ""), comma["dose"]),
        dose_unit=cells.get("dose_unit", ""),
        stains=tuple(s for s in stains if s and s.casefold() not in _NO_STAIN),
        light=_amount("light", str(_LIGHT.get(light.casefold(), light)), comma["light"]),
        control=_CONTROLS[control],
    )


def _has_decimal_comma(texts: Sequence[str]) -> bool:
    """Tell whether a number of a column can only be meant with a comma before its decimals."""
    return any(
        re.fullmatch(r"\d+,\d+", t) is not None and not _THOUSANDS.fullmatch(t) for t in texts
    )


def _amount(column: str, text: str, comma: bool) -> float | None:
    """Return a number that is not negative, or ``None`` for an empty cell."""
    if not text:
        return None
    if _THOUSANDS.fullmatch(text) and not comma:
        raise InputError(
            f"{column} is {text!r}, which may be {text.replace(',', '')} or "
            f"{text.replace(',', '.')}; write it without a comma"
        )
    try:
        value = float(text.replace(",", ".") if "." not in text else text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        known = "yes, no or a dose" if column == "light" else "a number of 0 or more, or nothing"
        raise InputError(f"{column} is {text!r}; write {known}")
    return value


def untreated_findings(treatments: Mapping[str, Treatment], *, file: str) -> list[Finding]:
    """Return what is doubtful in a map, and where it does not say what was done to its wells."""
    wells = untreated_wells(treatments)
    said = list(treatments.findings) if isinstance(treatments, PlateMap) else []
    if not wells:
        return said
    return [
        *said,
        Finding(
            file=file,
            rule="no-treatment",
            severity="warning",
            value=float(len(wells)),
            limit=0.0,
            reason=f"{len(wells)} wells of the plate map ({_few(wells)}) have no treatment and no "
            "control, so they are compared with nothing. If cells of the spreadsheet were merged, "
            "repeat the treatment in each row.",
        ),
    ]


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
    findings += untreated_findings(treatments, file=layout.name)
    return layout.treated(dict(treatments), tuple(findings))


def _unmapped(layout: PlateLayout, wells: set[str], reason: str) -> Finding:
    names = sorted(wells, key=well_order)
    return Finding(
        file=layout.name,
        rule="unmapped-wells",
        severity="warning",
        value=float(len(names)),
        limit=0.0,
        reason=f"{len(names)} wells ({_few(names)}) {reason}.",
    )


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return f"{', '.join(names[:6])}{more}"
