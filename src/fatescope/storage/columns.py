"""Tables to and from the columns of DuckDB: one way of writing for all.

These functions write to a path that the caller has opened for them (`write_beside`); they
choose no names and no places.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.table import Table
from fatescope.storage.files import PART_SUFFIX

_AT_ONCE = 500
_FORMAT = {
    "csv": "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}


def connection() -> Any:
    """Open a connection to DuckDB, which uses one thread and keeps the order of rows.

    All connections of a process share one database in memory, since making one costs 20 ms; none
    sees the tables that another has registered.
    """
    return _database().cursor()


@cache
def _database() -> Any:
    import duckdb

    # No extension is looked for on the network; the files we use need none.
    settings = {
        "threads": 1,
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
    }
    return duckdb.connect(":memory:", config=settings)


def copy_table(table: Table, path: Path, *, kind: str, db: Any = None) -> None:
    """Write a table to ``path`` as ``"csv"`` or ``"parquet"``; NaN and ``None`` are missing.

    ``db`` is an open `connection`, where several tables are written.
    """
    if db is None:
        with connection() as db:
            return copy_table(table, path, kind=kind, db=db)
    picks = ", ".join(_pick(name, values) for name, values in table.columns.items())
    db.register("rows", {n: _plain(n, values) for n, values in table.columns.items()})
    try:
        db.execute(f"COPY (SELECT {picks} FROM rows) TO {_quoted(str(path))} ({_FORMAT[kind]})")
    finally:
        db.unregister("rows")
    return None


def stack_parquet(parts: Sequence[Path], path: Path, *, kind: str) -> None:
    """Write the rows of Parquet files, in the given order, as ``"csv"`` or ``"parquet"``.

    A column that a part lacks is missing there. Many parts are stacked by hundreds first, since
    the reader holds what it knows of every file: 470 MB for 10,000 of them at once.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".", suffix=PART_SUFFIX) as folder:
        while len(parts) > _AT_ONCE:
            groups = [parts[i : i + _AT_ONCE] for i in range(0, len(parts), _AT_ONCE)]
            joined = [Path(folder) / f"{len(parts)}-{i}.parquet" for i in range(len(groups))]
            for group, whole in zip(groups, joined, strict=True):
                _stack(group, whole, kind="parquet")
            parts = joined
        _stack(parts, path, kind=kind)


def _stack(parts: Sequence[Path], path: Path, *, kind: str) -> None:
    names = ", ".join(_quoted(str(p)) for p in parts)
    source = f"SELECT * FROM read_parquet([{names}], union_by_name = true)"
    with connection() as db:
        db.execute(f"COPY ({source}) TO {_quoted(str(path))} ({_FORMAT[kind]})")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


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
