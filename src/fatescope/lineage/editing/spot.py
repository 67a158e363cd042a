"""One row of a lineage as plain values, and the two ways it enters or leaves the arrays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.table import Table

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage

Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Spot:
    """Everything a lineage knows of one nucleus in one frame.

    ``parent`` is a row number of the lineage that the spot is (or was) part of; ``extra`` holds
    one (column, value) pair for each column beside the fixed ones, in their order.
    """

    frame: int
    position: tuple[float, float, float]
    parent: int
    name: str
    radius_px: float
    extra: tuple[tuple[str, Plain], ...] = ()


def editable(lineage: Lineage) -> Lineage:
    """Return the lineage in the form that actions work on: every column can say "unknown".

    Names become Python strings, positions and radii float64, and columns of whole numbers,
    booleans or fixed-width text become object columns, so that an added spot may leave them
    empty and a long name is never cut. Values do not change.
    """

    def open_up(column: np.ndarray) -> np.ndarray:
        return column if column.dtype.kind in "fO" else column.astype(object)

    return replace(
        lineage,
        frame=lineage.frame.astype(np.int64),
        position=lineage.position.astype(np.float64),
        parent=lineage.parent.astype(np.int64),
        name=lineage.name.astype(object),
        radius_px=lineage.radius_px.astype(np.float64),
        extra=Table({c: open_up(lineage.extra[c]) for c in lineage.extra}),
    )


def spot_at(lineage: Lineage, row: int) -> Spot:
    """Return the values of one row."""
    z, y, x = (float(v) for v in lineage.position[row])
    return Spot(
        frame=int(lineage.frame[row]),
        position=(z, y, x),
        parent=int(lineage.parent[row]),
        name=str(lineage.name[row]),
        radius_px=float(lineage.radius_px[row]),
        extra=tuple((c, _plain(lineage.extra[c][row])) for c in lineage.extra),
    )


def insert_spot(lineage: Lineage, row: int, spot: Spot) -> Lineage:
    """Return the lineage with ``spot`` as row ``row``; links to later rows move along.

    Raises
    ------
    InputError
        If the row is beyond the end, or the spot's columns are not the lineage's.
    """
    if not 0 <= row <= len(lineage):
        raise InputError(f"row {row} cannot be added to a lineage of {len(lineage)} rows.")
    if tuple(c for c, _ in spot.extra) != tuple(lineage.extra):
        raise InputError(
            f"the spot to add has the columns {[c for c, _ in spot.extra]}, the lineage has "
            f"{list(lineage.extra)}. Give one value (or nothing) for each."
        )
    shifted = np.where(lineage.parent >= row, lineage.parent + 1, lineage.parent)
    columns = {c: _insert(lineage.extra[c], row, value, c) for c, value in spot.extra}
    return replace(
        lineage,
        frame=np.insert(lineage.frame, row, spot.frame),
        position=np.insert(lineage.position, row, spot.position, axis=0),
        parent=np.insert(shifted, row, spot.parent),
        name=_insert(lineage.name, row, spot.name, "name"),
        radius_px=np.insert(lineage.radius_px, row, spot.radius_px),
        extra=Table(columns),
    )


def delete_spot(lineage: Lineage, row: int) -> Lineage:
    """Return the lineage without row ``row``, to which no other row may be linked."""
    parent = np.delete(lineage.parent, row)
    return replace(
        lineage,
        frame=np.delete(lineage.frame, row),
        position=np.delete(lineage.position, row, axis=0),
        parent=np.where(parent > row, parent - 1, parent),
        name=np.delete(lineage.name, row),
        radius_px=np.delete(lineage.radius_px, row),
        extra=Table({c: np.delete(lineage.extra[c], row) for c in lineage.extra}),
    )


def fingerprint(lineage: Lineage) -> str:
    """Return a hash of every row: two lineages with one fingerprint hold the same rows.

    Numbers enter as their bits (every NaN as one NaN), text and objects by their printed form.
    """
    digest = hashlib.sha256()
    fixed = [lineage.frame, lineage.position, lineage.parent, lineage.name, lineage.radius_px]
    for column in [*fixed, *lineage.extra.columns.values()]:
        digest.update(f"{column.dtype.kind}{column.shape}".encode())
        if column.dtype.kind == "f":
            values = column.astype("<f8")
            values[np.isnan(values)] = np.nan
            digest.update(values.tobytes())
        else:
            digest.update(repr(column.tolist()).encode())
    digest.update(repr(list(lineage.extra)).encode())
    return digest.hexdigest()


def _plain(value: Any) -> Plain:
    plain: Plain = value.item() if isinstance(value, np.generic) else value
    return plain


def _insert(column: np.ndarray, row: int, value: Plain, name: str) -> np.ndarray:
    if column.dtype.kind == "f" and not isinstance(value, int | float):
        raise InputError(f"column {name!r} holds numbers; a spot cannot have {value!r} there.")
    out = np.empty(len(column) + 1, dtype=column.dtype)
    out[:row], out[row], out[row + 1 :] = column[:row], value, column[row:]
    return out
