"""Tables that say how many nuclei there are in a frame, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages.epic import as_float, whole_frames
from fatescope.acquire.lineages.plain import MEANINGS
from fatescope.acquire.lineages.text import read_table_text, text_lines
from fatescope.base.errors import FatescopeError, FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

COUNTS = ("count", "counts", "total", "cells", "n_cells", "nuclei", "n_nuclei", "n")
"""Names of the column with the number, the preferred one first."""


def is_count_table(path: Path) -> bool:
    """Tell whether a text table has a frame or time and a count, but no positions."""
    if not path.is_file():
        return False
    lines = text_lines(path)
    try:
        head = next((line for line in lines if line.strip()), "")
    except FatescopeError:
        return False
    finally:
        lines.close()
    header = {h.strip().strip('"').lower() for h in re.split("[,;\t]", head)}
    timed = header & set(MEANINGS["frame"])
    return bool(timed and header & set(COUNTS) and not header & {"x", "y", "x_um", "y_um"})


def read_counts(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read frames (from 0) and numbers of nuclei; a column ``time`` counts from 1.

    Where a column ``founder`` splits the counts, only the rows ``total`` count if there are any.

    Raises
    ------
    FileFormatError
        If a count is missing, not whole or negative.
    """
    table = read_table_text(path, required=frozenset([*MEANINGS["frame"], *COUNTS]))
    by_lower = {h.lower(): table.columns[h] for h in table.header}
    time = next(n for n in MEANINGS["frame"] if n in by_lower)
    frame = whole_frames(by_lower[time], file=path.name) - (0 if time == "frame" else 1)
    count = as_float(by_lower[next(n for n in COUNTS if n in by_lower)])
    if "founder" in by_lower and (by_lower["founder"] == "total").any():
        total = np.asarray(by_lower["founder"] == "total", dtype=bool)
        frame, count = frame[total], count[total]
    if not len(count) or (count < 0).any() or not (count == np.round(count)).all():
        raise FileFormatError(
            f"{path}: counts of nuclei must be whole numbers that are not negative."
        )
    return frame, count.astype(np.int64)
