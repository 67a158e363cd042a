"""Columns of a table as DuckDB and Arrow take them: NaN and ``None`` are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping


def pick_columns(columns: Mapping[str, np.ndarray[Any, Any]]) -> str:
    """Write the columns in SQL, each of the type of its values, with NaN as missing."""
    return ", ".join(_pick(name, values) for name, values in columns.items())


def plain_columns(
    columns: Mapping[str, np.ndarray[Any, Any]],
) -> dict[str, np.ndarray[Any, Any]]:
    """Return the columns in types that DuckDB takes; objects become text, numbers or ``None``.

    Raises
    ------
    InputError
        If a column holds what no table holds, for instance complex numbers.
    """
    return {name: _plain(name, values) for name, values in columns.items()}


def _pick(name: str, values: np.ndarray[Any, Any]) -> str:
    """Write a column in SQL: of the type of its values, with NaN as missing."""
    column = '"' + name.replace('"', '""') + '"'
    sql_type = _sql_type(values)
    if sql_type in ("DOUBLE", "FLOAT"):
        return f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END AS {column}"
    return f"CAST({column} AS {sql_type}) AS {column}"


def _sql_type(values: np.ndarray[Any, Any]) -> str:
    if values.dtype.kind == "f":
        return "DOUBLE" if values.dtype.itemsize == 8 else "FLOAT"
    if values.dtype.kind not in "USO":
        return {"b": "BOOLEAN", "u": "UBIGINT", "i": "BIGINT"}.get(values.dtype.kind, "VARCHAR")
    kinds = {type(v) for v in values if v is not None}
    if not kinds:
        return "INTEGER"  # stacks with a column of any type
    if all(issubclass(k, bool | np.bool_) for k in kinds):
        return "BOOLEAN"
    if all(issubclass(k, int | np.integer) for k in kinds):
        return "BIGINT"
    return "DOUBLE" if all(issubclass(k, float | int | np.number) for k in kinds) else "VARCHAR"


def _plain(name: str, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a column of a type that DuckDB takes as it is; objects become text or ``None``."""
    if values.dtype.kind in "USO":
        if _sql_type(values) == "DOUBLE":
            return np.array([np.nan if v is None else float(v) for v in values])
        return np.array([None if v is None else str(v) for v in values], dtype=object)
    if values.dtype == np.float16:
        return values.astype(np.float32)
    if values.dtype.kind not in "buif":
        raise InputError(f"column {name!r} has type {values.dtype}, which no table holds.")
    return values
