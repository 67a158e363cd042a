"""What can be measured of each named cell of one embryo, on the embryo's own clock and place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import is_cell_name, sister_of, sort_key
from fatescope.base.table import Table
from fatescope.lineage.layout import cells_of, mean_per_cell
from fatescope.numeric import Tracks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray

SETTLED_MIN = 6.0  # a new cell's place is its mean over these first minutes
_APART_FRAME = 1  # sisters stand well apart in their second frame (Notes of `embryo_traits`)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbryoTraits:
    """Traits of the named cells of one embryo; all arrays have one entry per cell.

    Parameters
    ----------
    table : str
        Which embryo.
    cell : ndarray of str (object), shape (k,)
        Sulston names, each once, in file order.
    birth_min, division_min : ndarray of float, shape (k,)
        NaN where birth or division was not seen.
    cycle_min : ndarray of float, shape (k,)
        From birth to division; NaN unless both were seen.
    place_um : ndarray of float, shape (k, 3)
        Mean z, y, x (or aligned axes) over the first minutes of life; NaN for cells whose birth
        was not seen.
    axis : ndarray of float, shape (k, 3)
        Unit vector from the first daughter to the second; NaN where the division was not seen.
    asymmetry : ndarray of float, shape (k,)
        log2 of the cell's cycle over its sister's; NaN unless both are known.
    expression : mapping of str to ndarray, shape (k,)
        Mean of each extra column over the cell's life.
    """

    table: str
    cell: np.ndarray
    birth_min: FloatArray
    division_min: FloatArray
    cycle_min: FloatArray
    place_um: FloatArray
    axis: FloatArray
    asymmetry: FloatArray
    expression: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(self.cell)

    def on_clock(self, pace: float, offset: float) -> EmbryoTraits:
        """Return the traits with time turned to ``pace * t + offset``."""
        return replace(
            self,
            birth_min=self.birth_min * pace + offset,
            division_min=self.division_min * pace + offset,
            cycle_min=self.cycle_min * pace,
        )

    def in_place(self, linear: FloatArray, shift: FloatArray) -> EmbryoTraits:
        """Return the traits with places turned to ``place @ linear.T + shift``, axes likewise."""
        axis = self.axis @ linear.T
        length = np.linalg.norm(axis, axis=1, keepdims=True)
        return replace(self, place_um=self.place_um @ linear.T + shift, axis=axis / length)


def embryo_traits(lineage: Lineage, *, table: str) -> EmbryoTraits:
    """Measure every named cell of a lineage whose spacing and interval are known.

    Parameters
    ----------
    lineage : Lineage
    table : str
        What the embryo is called in results.

    Raises
    ------
    InputError
        If spacing or interval is unknown.

    Notes
    -----
    The division axis is taken in the second frame of the daughters' life: in the first they still
    lie in the mother's place. Where a name occurs twice, the first track counts.
    """
    from fatescope.base.errors import InputError

    interval = lineage.spacing.interval_min
    if interval is None:
        raise InputError(f"{table}: the frame interval is unknown. Give it with --interval-min.")
    cells = cells_of(lineage)
    chosen = _named_once(cells)
    order = np.array(
        sorted(chosen.values(), key=lambda c: sort_key(str(cells.name[c]))), dtype=np.int64
    )
    position = lineage.position_um()
    birth = np.where(cells.born, cells.first * interval, np.nan)
    division = np.where(cells.divides, (cells.last + 1) * interval, np.nan)
    cycle = division - birth
    names = cells.name[order]
    place = _first_places(cells, lineage.frame, position, interval)
    place[~cells.born] = np.nan
    return EmbryoTraits(
        table=table,
        cell=names,
        birth_min=birth[order],
        division_min=division[order],
        cycle_min=cycle[order],
        place_um=place[order],
        axis=_axes(cells, lineage.frame, position)[order],
        asymmetry=_asymmetry(names, cycle[order]),
        expression={
            column: mean_per_cell(cells, lineage.extra[column].astype(float))[order]
            for column in lineage.extra
            if lineage.extra[column].dtype.kind in "iuf"
        },
    )


def _named_once(cells: Tracks) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for c, name in enumerate(cells.name):
        if is_cell_name(name):
            chosen.setdefault(name, c)
    return chosen


def _first_places(
    cells: Tracks, frame: IntArray, position: FloatArray, interval: float
) -> FloatArray:
    age = (frame - cells.first[cells.of_row]) * interval
    young = age < max(SETTLED_MIN, interval * 2)
    out = np.empty((len(cells), 3))
    for axis in range(3):
        out[:, axis] = mean_per_cell(cells, np.where(young, position[:, axis], np.nan))
    return out


def _axes(cells: Tracks, frame: IntArray, position: FloatArray) -> FloatArray:
    """Return the unit vector from the first daughter to the second, in their second frame."""
    apart = np.full((len(cells), 3), np.nan)
    second = frame == cells.first[cells.of_row] + _APART_FRAME
    apart[cells.of_row[second]] = position[second]
    axis = np.full((len(cells), 3), np.nan)
    seen: dict[int, int] = {}
    for c, mother in enumerate(cells.mother):  # sisters come in the order of their names
        if mother < 0 or not cells.divides[mother]:
            continue
        if mother in seen:
            away = apart[c] - apart[seen[mother]]
            length = float(np.linalg.norm(away))
            axis[mother] = away / length if length > 0 else np.nan
        else:
            seen[int(mother)] = c
    return axis


def _asymmetry(names: np.ndarray, cycle: FloatArray) -> FloatArray:
    place = {str(n): i for i, n in enumerate(names)}
    out = np.full(len(names), np.nan)
    for i, name in enumerate(names):
        sister = sister_of(str(name))
        j = place.get(sister) if sister else None
        if j is not None and np.isfinite(cycle[i]) and np.isfinite(cycle[j]):
            out[i] = np.log2(cycle[i] / cycle[j])
    return out


_ONE = ("birth_min", "division_min", "cycle_min", "asymmetry")
_PLACE, _AXIS = ("z_um", "y_um", "x_um"), ("axis_z", "axis_y", "axis_x")


def traits_table(traits: EmbryoTraits, *, role: str, expression: str | None) -> Table:
    """Return the traits of one embryo; unknown values are missing.

    Parameters
    ----------
    traits : EmbryoTraits
    role : str
        Of the embryo in the comparison.
    expression : str, optional
        The column of expression that goes along, as ``expression``.
    """
    k = len(traits)
    columns = {
        "table": np.array([traits.table] * k, dtype=object),
        "role": np.array([role] * k, dtype=object),
        "cell": traits.cell,
        **{name: getattr(traits, name) for name in _ONE},
        **{name: traits.place_um[:, a] for a, name in enumerate(_PLACE)},
        **{name: traits.axis[:, a] for a, name in enumerate(_AXIS)},
    }
    if expression is not None:
        columns["expression"] = traits.expression[expression]
    return Table(columns)


def embryos_of_table(table: Table, *, role: str, expression: str | None) -> Sequence[EmbryoTraits]:
    """Return the embryos of one role, in the order of the table."""
    mine = table.rows(table["role"] == role)
    found = []
    for name in dict.fromkeys(mine["table"].tolist()):
        rows = mine.rows(mine["table"] == name)
        found.append(
            EmbryoTraits(
                table=name,
                cell=np.array(rows["cell"], dtype=object),
                place_um=np.stack([rows[c].astype(float) for c in _PLACE], axis=1),
                axis=np.stack([rows[c].astype(float) for c in _AXIS], axis=1),
                expression=(
                    {} if expression is None else {expression: rows["expression"].astype(float)}
                ),
                **{c: rows[c].astype(float) for c in _ONE},
            )
        )
    return found
