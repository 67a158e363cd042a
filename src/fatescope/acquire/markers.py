"""Tables of nuclei as markers: one row for each cell that is to be found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.tables import read_table
from fatescope.base import FileFormatError, Table, escape

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COLUMNS = ("frame", "z", "y", "x")
CARRIED = ("name", "image", "embryo", "time")
"""What else is read."""


def read_markers(path: Path | str) -> Table:
    """Read the starting points of cells.

    Parameters
    ----------
    path : Path
        CSV or Parquet with ``frame, z, y, x``, 0-based on the grid of the image (a flat image needs
        no ``z``), optionally ``name``, ``image`` where several images have one table, and what is
        carried on into tables of results: ``embryo``, and ``time`` as the source counts it.

    Returns
    -------
    Table
        ``frame`` (int64), ``z, y, x`` (float64; ``z`` is NaN where the file has none), ``name``
        (text, ``""`` if none), and ``image``, ``embryo`` and ``time`` where the file has them.

    Raises
    ------
    FileFormatError
        If a column is missing, or holds what is no number.
    """
    return as_markers(read_table(path), where=escape(path))


def as_markers(table: Table, *, where: str) -> Table:
    """Check a table of markers and complete its columns; see `read_markers`.

    Raises
    ------
    FileFormatError
        The sentence begins with ``where``.
    """
    _need(table, [c for c in COLUMNS if c != "z"], where)
    z = table["z"] if "z" in table else np.full(len(table), np.nan)
    columns = {"frame": table["frame"], "z": z, "y": table["y"], "x": table["x"]}
    numbers = {
        name: _numbers(values, name, where) if name in table else values
        for name, values in columns.items()
    }
    if (numbers["frame"] % 1 != 0).any() or (numbers["frame"] < 0).any():
        raise FileFormatError(f"{where}: column frame holds what is no frame. Count from 0.")
    markers = Table({**numbers, "frame": numbers["frame"].astype(np.int64)})
    markers = markers.with_columns({"name": _texts(table, "name", len(table))})
    for column in ("image", "embryo"):
        if column in table:
            markers = markers.with_columns({column: _texts(table, column, len(table))})
    if "time" in table:
        markers = markers.with_columns({"time": _numbers(table["time"], "time", where)})
    return markers


def read_recorded_nuclei(path: Path | str, *, pixels_per_recorded: float) -> Table:
    """Read nuclei as programs of microscopes count them, as markers.

    Parameters
    ----------
    path : Path
        CSV with ``cell, time, z, y, x``: rows and columns in pixels as recorded, planes as stored,
        all counted from 1, as StarryNite and the 3DMMS volumes have it.
    pixels_per_recorded : float
        Pixels of the stored volume for each recorded one: 0.5 where it was halved.

    Returns
    -------
    Table
        As `read_markers`, and ``time`` as the file counts it; ``frame`` is 0.

    Raises
    ------
    FileFormatError
        If a column is missing, or holds what is no number.
    """
    table, where = read_table(path), escape(path)
    _need(table, ["cell", "time", "z", "y", "x"], where)
    number = {name: _numbers(table[name], name, where) for name in ("time", "z", "y", "x")}
    return Table(
        {
            "frame": np.zeros(len(table), dtype=np.int64),
            "z": number["z"] - 1,
            "y": number["y"] * pixels_per_recorded - 1,
            "x": number["x"] * pixels_per_recorded - 1,
            "name": _texts(table, "cell", len(table)),
            "time": number["time"].astype(np.int64),
        }
    )


def _need(table: Table, columns: Sequence[str], where: str) -> None:
    missing = [c for c in columns if c not in table]
    if missing:
        raise FileFormatError(
            f"{where}: lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}. "
            f"Name the columns {', '.join(columns)} in the first line."
        )


def _numbers(values: NDArray[Any], name: str, where: str) -> NDArray[np.float64]:
    if values.dtype.kind in "iuf" and np.isfinite(values).all():
        return values.astype(np.float64)
    if len(values) == 0:
        return np.zeros(0)
    raise FileFormatError(f"{where}: column {name} holds what is no number. Fill in each row.")


def _texts(table: Table, name: str, n: int) -> NDArray[Any]:
    if name not in table:
        return np.full(n, "", dtype=object)
    return np.array([("" if v is None else str(v)) for v in table[name].tolist()], dtype=object)
