"""Fates of cells to counts by well and frame: who was at risk, who died, who was seen alive."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError, Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray, IntArray

FATE_COLUMNS = ("well", "cell", "first_frame", "last_frame", "death_frame", "censored")


@dataclass(frozen=True, slots=True, kw_only=True)
class WellFates:
    """Counts of ``w`` wells at ``f`` frames; column ``i`` of deaths is the time (i - 1, i]."""

    plate: NDArray[Any]  # (w,) of str; "" where there is one plate
    well: NDArray[Any]  # (w,) of str
    at_risk: IntArray  # (w, f) alive at frame i - 1 and followed to frame i
    deaths: IntArray  # (w, f) of these, dead at frame i
    n: IntArray  # (w, f) followed or dead: a dead cell stays dead to the end
    alive: IntArray  # (w, f) of these, alive
    dead_at_start: IntArray  # (w,) dead when first seen: no time of death, never at risk

    def rows(self, which: NDArray[Any]) -> WellFates:
        """Return some of the wells."""
        return WellFates(**{name: getattr(self, name)[which] for name in self.__slots__})


def tabulate_fates(table: Table) -> WellFates:
    """Count fates by well and frame.

    Parameters
    ----------
    table : Table
        Columns ``well, cell, first_frame, last_frame, death_frame, censored``, optionally
        ``plate``; one row per cell. ``death_frame`` is the first frame at which the cell is dead,
        empty where no death was seen: such a cell is censored after ``last_frame``.

    Returns
    -------
    WellFates
        Wells in the order of their names, frames from 0 to the last one of the table.

    Raises
    ------
    InputError
        If a column or a value is missing, a cell dies before it is seen, occurs twice, or dies
        and is called censored.

    Notes
    -----
    A death is known to lie between two frames. All such intervals are the same for all cells of a
    plate, so the counts hold all there is to know (a life table), and the estimate at frames is
    that of Kaplan and Meier. A cell that enters late is at risk from then on (left truncation).
    """
    first, last, death = _times(table)
    plates = table["plate"] if "plate" in table else np.full(len(table), "", dtype=object)
    names = np.array([(str(p or ""), str(w)) for p, w in zip(plates, table["well"], strict=True)])
    keys, row = np.unique(names, axis=0, return_inverse=True)
    row = row.reshape(-1)
    died = np.isfinite(death)
    frame_of_death = np.where(died, death, 0).astype(np.int64)
    n_frames = int(max(last.max(), frame_of_death.max())) + 1
    shape = (len(keys), n_frames)
    late = died & (frame_of_death <= first)
    end = np.where(died, frame_of_death, last)
    followed = ~late
    alive_until = np.where(died, frame_of_death - 1, last)
    alive = _spans(row[followed], first[followed], alive_until[followed], shape)
    dead = _spans(row[died], frame_of_death[died], np.full(died.sum(), n_frames - 1), shape)
    deaths = np.zeros(shape, dtype=np.int64)
    np.add.at(deaths, (row[died & ~late], frame_of_death[died & ~late]), 1)
    return WellFates(
        plate=keys[:, 0].astype(object),
        well=keys[:, 1].astype(object),
        at_risk=_spans(row[followed], first[followed] + 1, end[followed], shape),
        deaths=deaths,
        n=alive + dead,
        alive=alive,
        dead_at_start=np.bincount(row[late], minlength=len(keys)),
    )


def _spans(row: IntArray, first: IntArray, last: IntArray, shape: tuple[int, int]) -> IntArray:
    """Count, for each row and frame, the spans from ``first`` to ``last`` that hold the frame."""
    steps = np.zeros((shape[0], shape[1] + 1), dtype=np.int64)
    some = last >= first
    np.add.at(steps, (row[some], first[some]), 1)
    np.add.at(steps, (row[some], last[some] + 1), -1)
    return np.cumsum(steps, axis=1)[:, :-1]


def _times(table: Table) -> tuple[IntArray, IntArray, FloatArray]:
    missing = [c for c in FATE_COLUMNS if c not in table]
    if missing or not len(table):
        what = f"lacks the column {missing[0]!r}" if missing else "has no rows"
        raise InputError(f"the table of fates {what}. It needs {', '.join(FATE_COLUMNS)}.")
    first, last, death = (_numbers(table, c) for c in ("first_frame", "last_frame", "death_frame"))
    censored = _numbers(table, "censored")
    died = np.isfinite(death)
    plates = table["plate"] if "plate" in table else np.full(len(table), "", dtype=object)
    cells = list(zip(plates, table["well"], table["cell"], strict=True))
    times = Counter(cells)
    wrong = {
        "has no first or last frame of 0 or more": ~(np.minimum(first, last) >= 0),
        "ends before it begins": last < first,
        "has a death before frame 0": death < 0,
        "has a death and is censored": died & (censored == 1),
        "has no death and is not censored": ~died & (censored == 0),
        "occurs twice": np.array([times[c] > 1 for c in cells]),
    }
    for words, rows in wrong.items():
        if rows.any():
            i = int(np.flatnonzero(rows)[0])
            raise InputError(
                f"row {i + 1} of the fates (well {table['well'][i]}, cell {table['cell'][i]}) "
                f"{words}. Correct the table."
            )
    return first.astype(np.int64), last.astype(np.int64), death


def _numbers(table: Table, name: str) -> FloatArray:
    try:
        values = [np.nan if v in (None, "") else float(v) for v in table[name].tolist()]
    except (TypeError, ValueError) as error:
        raise InputError(f"the column {name!r} of the fates must hold whole numbers.") from error
    return np.array(values)
