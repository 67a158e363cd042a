"""The truth beside the pixels, and the tables that come with a movie as EPIC writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.sulston import founder_of, is_cell_name
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.simulate.embryo.moments import Lives
    from fatescope.simulate.embryo.shell import Grid

FOUNDERS = ("AB", "MS", "E", "C", "D", "P4", "EMS", "P1", "P2", "P3", "P0")


def count_founders(lives: Lives, frames: Sequence[float], *, movie: str) -> Table:
    """Return the number of living cells of each founder at some moments of a lineage.

    Returns
    -------
    Table
        ``movie, frame, founder, count, low, high``: ``frame`` counts the given moments from 0;
        ``founder`` is ``total`` and then each of `FOUNDERS` (Z2 and Z3 count as P4); the truth has
        no width, so ``low`` and ``high`` are ``count``. Cells without a Sulston name are in the
        total only. Moments outside the lineage have no rows: unknown is not 0.
    """
    group = np.array(
        [founder_of(n) if is_cell_name(n) else "" for n in lives.name.tolist()], dtype=object
    )
    names = ("total", *FOUNDERS)
    known = [i for i, frame in enumerate(frames) if lives.knows(frame)]
    count = np.zeros((len(known), len(names)), dtype=np.int64)
    for row, i in zip(count, known, strict=True):
        alive = lives.alive(frames[i])
        row[0] = len(alive)
        row[1:] = [int((group[alive] == f).sum()) for f in FOUNDERS]
    flat = count.ravel()
    return Table(
        {
            "movie": np.full(len(flat), movie, dtype=object),
            "frame": np.repeat(np.array(known, dtype=np.int64), len(names)),
            "founder": np.array(list(names) * len(known), dtype=object),
            "count": flat,
            "low": flat,
            "high": flat,
        }
    )


def spots_of(lives: Lives, frames: Sequence[float], *, grid: Grid) -> Table:
    """Return where nuclei are in some frames; see `EmbryoScene.spots`."""
    columns: dict[str, list[float]] = {k: [] for k in ("frame", "z", "y", "x", "radius", "label")}
    parent: list[int | None] = []
    names: list[str] = []
    last: dict[int, int] = {}
    for number, frame in enumerate(frames):
        moment = lives.at(frame)
        at = grid.to_voxels(moment.centre_um)
        seen: dict[int, int] = {}
        for i, cell in enumerate(moment.cell.tolist()):
            values = (number, *at[i], moment.radius_um[i], cell + 1)
            for column, value in zip(columns.values(), values, strict=True):
                column.append(float(value))
            seen[cell] = len(names) + 1
            names.append(str(moment.name[i]))
            parent.append(_nearest(cell, last, lives.mother))
        last = seen
    return Table(
        {
            "id": np.arange(1, len(names) + 1),
            "frame": np.array(columns["frame"], dtype=np.int64),
            "z": np.array(columns["z"]),
            "y": np.array(columns["y"]),
            "x": np.array(columns["x"]),
            "radius_um": np.array(columns["radius"]),
            "parent": np.array(parent, dtype=object),
            "label": np.array(columns["label"], dtype=np.int64),
            "name": np.array(names, dtype=object),
        }
    )


def _nearest(cell: int, last: dict[int, int], mother: IntArray) -> int | None:
    while cell >= 0:
        if cell in last:
            return last[cell]
        cell = int(mother[cell])
    return None


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
