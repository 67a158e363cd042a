"""Where fields lie if the stage is right: a grid with a nominal overlap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from fatescope.base import FloatArray, IntArray

Order = Literal["rows", "snake", "columns", "snake-columns"]


def grid_size(n_fields: int, *, rows: int | None, columns: int | None) -> tuple[int, int]:
    """Return rows and columns of a grid of fields; a square where neither is given.

    Raises
    ------
    InputError
        If the fields do not fill the grid.
    """
    if rows is None and columns is None:
        rows = columns = math.isqrt(n_fields)
    if rows is None:
        rows = n_fields // (columns or 1)
    columns = n_fields // rows if columns is None else columns
    if rows * columns != n_fields or n_fields == 0:
        raise InputError(
            f"{n_fields} fields do not fill a grid of {rows} x {columns}. Give --rows and "
            "--columns, or the stage positions with --positions."
        )
    return rows, columns


def grid_places(rows: int, columns: int, *, order: Order) -> IntArray:
    """Return row and column of each field, in the order of their numbers; shape (n, 2)."""
    by_column = order in ("columns", "snake-columns")
    outer, inner = (columns, rows) if by_column else (rows, columns)
    places = []
    for i in range(outer):
        back = order.startswith("snake") and i % 2
        for j in reversed(range(inner)) if back else range(inner):
            places.append((j, i) if by_column else (i, j))
    return np.array(places, dtype=np.int64)


def nominal_positions(places: IntArray, *, shape: tuple[int, int], overlap: float) -> FloatArray:
    """Return where the upper left pixel of each field lies if the stage is right, in px.

    Parameters
    ----------
    places : ndarray of int, shape (n, 2)
        Row and column of each field.
    shape : (int, int)
        Of one field.
    overlap : float
        Of neighbours, as a share of a field.
    """
    return np.asarray((places - places.min(axis=0)) * (np.array(shape) * (1 - overlap)))
