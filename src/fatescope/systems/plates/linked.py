"""Charts of wells that a result page links: viability as wells lie, and what became of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.plates import read_plate_map
from fatescope.base import FatescopeError, InputError, Treatment
from fatescope.pages.page import Text
from fatescope.pages.result import ResultFolder
from fatescope.plate.survival import survival_of_wells
from fatescope.systems.plates.survival import read_fates
from fatescope.systems.plates.survival_page import chart_well, chart_wells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import FloatArray, Table
    from fatescope.pages.page import Block
    from fatescope.systems.description import ShownResult


def linked_wells(shown: ShownResult) -> Sequence[Block]:
    """Chart the viability of the wells, as they lie on each plate."""
    return chart_wells(ResultFolder(shown.out).table("viability"))


def linked_well(shown: ShownResult) -> Sequence[Block]:
    """Chart what became of the cells of one well; plates count from 0, as `linked_wells` has them.

    Raises
    ------
    InputError
        If there is no such plate.
    """
    viability = ResultFolder(shown.out).table("viability")
    plates = list(dict.fromkeys(viability["plate"].tolist()))
    number, name = shown.chosen.get("plate", "0"), shown.chosen.get("well", "")
    if not (number.isdecimal() and int(number) < len(plates)):
        raise InputError("there is no such plate in this result.")
    plate = plates[int(number)]
    mine = viability.rows((viability["plate"] == plate) & (viability["well"].astype(str) == name))
    if not len(mine):
        return [Text(paragraphs=(f"Well {name[:8]}: no cells were seen here.",))]
    return [chart_well(name, mine, _survival(shown, plate, name), _group(shown, name))]


def _survival(shown: ShownResult, plate: object, name: str) -> FloatArray:
    """Return the survival of one well; nothing where no fates are left."""
    paths = [p for p in (shown.out / "fates.csv", *shown.inputs) if p.is_file()]
    try:
        fates = read_fates(paths[:1] if paths and paths[0].parent == shown.out else paths)
    except FatescopeError:
        return np.zeros(0)
    own = [p == plate and w == name for p, w in zip(fates.plate, fates.well, strict=True)]
    found = survival_of_wells(fates)[np.array(own, dtype=bool)]
    return found[0] if len(found) else np.zeros(0)


def _group(shown: ShownResult, name: str) -> Table | None:
    """Return the curve of the treatment of a well, where the plate map is still there."""
    path = Path(str(shown.settings.get("map") or ""))
    result = ResultFolder(shown.out)
    if not path.is_file() or not result.has("curves"):
        return None
    done = read_plate_map(path).get(name)
    if done is None:
        return None
    curves = result.table("curves")
    units = curves["dose_unit"] if "dose_unit" in curves else np.full(len(curves), done.dose_unit)
    same = [
        Treatment(
            treatment=str(name), dose=None if np.isnan(dose) else dose, dose_unit=str(unit or "")
        ).identity
        == done.identity
        for name, dose, unit in zip(
            curves["treatment"], curves["dose"].astype(float).tolist(), units, strict=True
        )
    ]
    return curves.rows(np.array(same, dtype=bool))
