"""The tables that come with a movie: positions as EPIC writes them, counts by first letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray

LETTERS = ("A", "E", "M", "P", "C", "D", "Z")
"""Groups of the published population tables: first letters, so E has EMS and E's descendants."""


def epic_table(spots: Table, *, pixel_um: float, reporter: FloatArray) -> Table:
    """Return a CD table as the EPIC collection has them.

    Parameters
    ----------
    spots : Table
        From `spots_of`; frame 0 becomes time 1.
    pixel_um : float
    reporter : ndarray of float, shape (rows,)
        Brightness of the reporter in grey values; the column ``blot``.

    Returns
    -------
    Table
        ``cellTime, cell, time, blot, z, x, y, size``: pixels whole, planes with one decimal,
        both counted from 1; ``size`` is the diameter in pixels.
    """
    return Table(
        {
            "cellTime": cell_times(spots["name"], spots["frame"] + 1),
            "cell": spots["name"],
            "time": spots["frame"] + 1,
            "blot": np.round(100 * reporter).astype(np.int64),
            "z": np.round(spots["z"] + 1, 1),
            "x": np.round(spots["x"] + 1).astype(np.int64),
            "y": np.round(spots["y"] + 1).astype(np.int64),
            "size": np.round(2 * spots["radius_um"] / pixel_um).astype(np.int64),
        }
    )


def cell_times(cell: NDArray[Any], time: IntArray) -> NDArray[Any]:
    """Return the first column of a CD table, such as ``ABa:12``."""
    pairs = zip(cell.tolist(), time.tolist(), strict=True)
    return np.array([f"{c}:{t}" for c, t in pairs], dtype=object)


def letter_counts(table: Table) -> Table:
    """Return rows of a CD table by first letter and frame, as population tables have them.

    Returns
    -------
    Table
        ``frame, time``, one column for each of `LETTERS`, ``total``; frames without any row are
        left out, because they were not annotated. Cells of other letters are in the total only.
    """
    letter = np.array([str(n)[:1] for n in table["cell"].tolist()], dtype=object)
    time = table["time"]
    frames = int(time.max()) + 1 if len(time) else 0
    columns = {x: np.bincount(time[letter == x], minlength=frames) for x in LETTERS}
    total = np.bincount(time, minlength=frames)
    kept = np.flatnonzero(total)
    return Table(
        {
            "frame": kept - 1,
            "time": kept,
            **{x: c[kept] for x, c in columns.items()},
            "total": total[kept],
        }
    )
