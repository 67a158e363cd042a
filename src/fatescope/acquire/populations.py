"""Tables of numbers of cells by group: ours, and those with a column for each first letter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.tables import read_table
from fatescope.base import InputError, Table, escape

if TYPE_CHECKING:
    from pathlib import Path

LETTERS = ("A", "E", "M", "P", "C", "D", "Z")
_NUMBER = re.compile(r"(\d+)\D*$")


def is_population_table(path: Path) -> bool:
    """Say whether a CSV file has numbers of cells by letter, or by founder, and no positions."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as stream:
        header = {h.strip().strip('"') for h in stream.readline().split(",")}
    by_letter = set(LETTERS) <= header and bool(header & {"frame", "filenames"})
    return by_letter or {"frame", "founder", "count"} <= header


def read_populations(path: Path) -> Table:
    """Read ``movie, frame``, one column of float for each group, and ``total``, in file order.

    Frames count from 0. A table that names frames by file (``frames/movie/12.jpg``) counts them as
    they are numbered there. NaN is unknown.

    Raises
    ------
    FileFormatError, InputError
        If it cannot be read, or has no such columns.
    """
    table = read_table(path)
    if {"frame", "founder", "count"} <= set(table.columns):
        return _by_founder(table)
    groups = [c for c in LETTERS if c in table]
    if not groups or not {"frame", "filenames"} & set(table.columns):
        raise InputError(
            f"{escape(path)}: needs a column frame or filenames, and columns of cells "
            f"({', '.join(LETTERS)}), or frame, founder and count."
        )
    movie, frame = _places(table)
    counts = {c: table[c].astype(np.float64) for c in groups}
    total = table["total"].astype(np.float64) if "total" in table else sum(counts.values())
    return Table({"movie": movie, "frame": frame, **counts, "total": np.asarray(total)})


def _places(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return movie and frame of each row."""
    if "frame" in table:
        nameless = np.full(len(table), "", dtype=object)
        return table.columns.get("movie", nameless), table["frame"].astype(np.int64)
    names = [str(n) for n in table["filenames"].tolist()]
    numbers = [_NUMBER.search(n) for n in names]
    frame = np.array([int(n.group(1)) if n else -1 for n in numbers], dtype=np.int64)
    return np.array([n.rpartition("/")[0] for n in names], dtype=object), frame


def _by_founder(table: Table) -> Table:
    """Turn one row per founder into one column per founder."""
    nameless = np.full(len(table), "", dtype=object)
    movie = table.columns.get("movie", nameless)
    keys = list(zip(movie.tolist(), table["frame"].tolist(), strict=True))
    rows = {key: i for i, key in enumerate(dict.fromkeys(keys))}
    columns: dict[str, np.ndarray] = {}
    for key, founder, count in zip(
        keys, table["founder"].tolist(), table["count"].tolist(), strict=True
    ):
        column = columns.setdefault(str(founder), np.full(len(rows), np.nan))
        column[rows[key]] = np.nan if count is None else float(count)
    total = columns.pop("total", None)
    if total is None:
        total = np.sum(list(columns.values()), axis=0)
    return Table(
        {
            "movie": np.array([m for m, _ in rows], dtype=object),
            "frame": np.array([f for _, f in rows], dtype=np.int64),
            **columns,
            "total": total,
        }
    )
