"""Tables that say how many nuclei there are in a frame, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages.headers import columns_of, time_of
from fatescope.acquire.lineages.text import Kinds, read_header, read_table_text
from fatescope.acquire.lineages.times import as_float, frames_of_times
from fatescope.base.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COUNTS = ("count", "counts", "total", "cells", "n_cells", "nuclei", "n_nuclei", "n")
"""Names of the column with the number, the preferred one first."""


def is_count_table(path: Path) -> bool:
    """Tell whether a text table has a frame or time and a count, but no positions."""
    if not path.is_file():
        return False
    header = read_header(path)
    used = columns_of(header)
    return bool(time_of(used) and _count(header) and not {"x", "y"} & set(used))


def _count(header: tuple[str, ...]) -> str:
    lower = {h.lower(): h for h in header}
    return next((lower[n] for n in COUNTS if n in lower), "")


def read_counts(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read frames (from 0) and numbers of nuclei; a column ``time`` counts from 1.

    Where a column ``founder`` splits the counts, only the rows ``total`` count if there are any.

    Raises
    ------
    FileFormatError
        If a count is missing, not whole or negative.
    """
    table = read_table_text(path, _kinds)
    time = time_of(columns_of(table.header))
    assert time is not None
    frame, _, _ = frames_of_times(table.columns[time.header], time, file=path.name)
    count = as_float(table.columns[_count(table.header)])
    by_lower = {h.lower(): table.columns[h] for h in table.header}
    if "founder" in by_lower and (by_lower["founder"] == "total").any():
        total = np.asarray(by_lower["founder"] == "total", dtype=bool)
        frame, count = frame[total], count[total]
    if not len(count) or (count < 0).any() or not (count == np.round(count)).all():
        raise FileFormatError(
            f"{path}: counts of nuclei must be whole numbers that are not negative."
        )
    return frame, count.astype(np.int64)


def _kinds(header: tuple[str, ...]) -> Kinds:
    time = time_of(columns_of(header))
    assert time is not None
    return Kinds(required=frozenset([time.header, _count(header)]))
