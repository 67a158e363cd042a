"""Traits of cells as a table, one row per embryo and cell, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.table import Table
from fatescope.lineage.traits import EmbryoTraits

if TYPE_CHECKING:
    from collections.abc import Sequence

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
