"""The truth beside the pixels: where each nucleus is, and how many cells each founder has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import founder_of, is_cell_name
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import IntArray
    from fatescope.simulate.embryo.grid import Grid
    from fatescope.simulate.embryo.moments import Lives

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
