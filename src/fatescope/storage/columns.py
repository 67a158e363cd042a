"""Tables to and from the columns of DuckDB: one way of writing for all.

These functions write to a path that the caller has opened for them (`write_beside`); they
choose no names and no places.
"""

from __future__ import annotations

import atexit
import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.table import Table
from fatescope.base.table_columns import pick_columns, plain_columns
from fatescope.storage.files import PART_SUFFIX

if TYPE_CHECKING:
    from numpy.typing import NDArray

_AT_ONCE = 500
FORMAT = {
    "csv": "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''",
    "parquet": "FORMAT parquet, COMPRESSION zstd",
}
"""How each kind of table is written, in the words of COPY."""
NAMES = frozenset(
    ("image", "movie", "file", "path", "labels", "unit", "table", "name", "plate", "well")
)
"""Columns of CSV tables that hold text even where it looks like a number, such as ``1``."""


@contextlib.contextmanager
def connection() -> Iterator[Any]:
    """Open a connection to DuckDB, which uses one thread and keeps the order of rows.

    All connections of a process share one database in memory, since making one costs 20 ms; none
    sees the tables that another has registered.
    """
    with interrupts(), _database().cursor() as db:
        yield db


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Raise `KeyboardInterrupt` for what DuckDB, which sees Ctrl-C first, makes of it."""
    import duckdb

    try:
        yield
    except (RuntimeError, SystemError, duckdb.InterruptException) as error:
        if "interrupt" not in str(error).casefold():
            raise
        raise KeyboardInterrupt from error


@cache
def _database() -> Any:
    import duckdb

    # No extension is looked for on the network; the files we use need none.
    settings = {
        "threads": 1,
        "preserve_insertion_order": True,
        "autoinstall_known_extensions": False,
    }
    made = duckdb.connect(":memory:", config=settings)
    atexit.register(_database.cache_clear)  # one that outlives Python is a page of leaks in words
    return made


def copy_table(table: Table, path: Path, *, kind: str, db: Any = None) -> None:
    """Write a table to ``path`` as ``"csv"`` or ``"parquet"``; NaN and ``None`` are missing.

    ``db`` is an open `connection`, where several tables are written.
    """
    if db is None:
        with connection() as db:
            return copy_table(table, path, kind=kind, db=db)
    db.register("rows", plain_columns(table.columns))
    picked = pick_columns(table.columns)
    try:
        db.execute(f"COPY (SELECT {picked} FROM rows) TO {quoted(str(path))} ({FORMAT[kind]})")
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
    names = ", ".join(quoted(str(p)) for p in parts)
    source = f"SELECT * FROM read_parquet([{names}], union_by_name = true)"
    with connection() as db:
        db.execute(f"COPY ({source}) TO {quoted(str(path))} ({FORMAT[kind]})")


def fetch_table(answer: Any) -> Table:
    """Return what DuckDB answers; missing values are NaN or ``None``."""
    return Table({name: _unmasked(values) for name, values in answer.fetchnumpy().items()})


def _unmasked(values: Any) -> NDArray[Any]:
    mask = np.ma.getmaskarray(values) if np.ma.isMaskedArray(values) else None
    data = np.asarray(np.ma.getdata(values))
    if mask is None or not mask.any():
        return data
    if data.dtype.kind in "fiu":
        data = data.astype(np.float64)
        data[mask] = np.nan
        return data
    data = data.astype(object)
    data[mask] = None
    return data


def quoted(text: str) -> str:
    """Return a text as it stands in SQL."""
    return "'" + text.replace("'", "''") + "'"
