"""The tables that come with a movie: positions as EPIC writes them, counts by first letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.table import Table

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray

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
    time = spots["frame"] + 1
    named = [f"{c}:{t}" for c, t in zip(spots["name"].tolist(), time.tolist(), strict=True)]
    return Table(
        {
            "cellTime": np.array(named, dtype=object),
            "cell": spots["name"],
            "time": time,
            "blot": np.round(100 * reporter).astype(np.int64),
            "z": np.round(spots["z"] + 1, 1),
            "x": np.round(spots["x"] + 1).astype(np.int64),
            "y": np.round(spots["y"] + 1).astype(np.int64),
            "size": np.round(2 * spots["radius_um"] / pixel_um).astype(np.int64),
        }
    )


def letter_counts(spots: Table, *, frames: int) -> Table:
    """Return cells by first letter in every frame, as published population tables have them.

    Returns
    -------
    Table
        ``frame, time``, one column for each of `LETTERS`, ``total``; frames without any cell are
        left out, because they were not annotated.
    """
    letter = np.array([str(n)[:1] for n in spots["name"].tolist()], dtype=object)
    columns = {x: np.bincount(spots["frame"][letter == x], minlength=frames) for x in LETTERS}
    total = np.bincount(spots["frame"], minlength=frames)
    kept = total > 0
    frame = np.flatnonzero(kept)
    return Table(
        {
            "frame": frame,
            "time": frame + 1,
            **{x: c[kept] for x, c in columns.items()},
            "total": total[kept],
        }
    )
