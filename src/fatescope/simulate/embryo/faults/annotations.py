"""Tables with faults: what editing, joining and eight bits have done to annotations.

All act on a table of positions; tables of counts are made from it, so both tell the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.base.types import BoolArray

    FaultyTable = tuple[Table, list[int]]

_LEAST_FRAMES = 20  # for all faults to find room
_GHOSTS = "Nuc"


def add_table_faults(
    table: Table, rules: Sequence[str], *, frames: int, strength: float, seed: int
) -> tuple[Table, Table]:
    """Put annotation faults into a CD table, one of each rule, in the given order.

    Parameters
    ----------
    table : Table
        With ``cell, time, x, y``; time counts from 1.
    rules : sequence of str
        Out of ``cliff vanished rise fall stretched after-end duplicate-row wrapped``.
    frames : int
        Of the movie.
    strength : float
        Share of what a plain fault of the kind changes.
    seed : int

    Returns
    -------
    Table
        The table with its faults.
    Table
        ``frame, rule``: every frame with wrong rows; of ``cliff``, ``stretched`` and ``after-end``
        the first.

    Raises
    ------
    InputError
        If the table has fewer than 20 frames.
    """
    if rules and len(np.unique(table["time"])) < _LEAST_FRAMES:
        raise InputError(
            f"a table of fewer than {_LEAST_FRAMES} frames has no room for faults. Render more."
        )
    found: list[tuple[int, str]] = []
    for number, rule in enumerate(rules):
        rng = np.random.default_rng([seed, 42, number])
        table, at = _KINDS[rule](table, frames, strength, rng)
        found += [(frame, rule) for frame in at]
    return table, Table(
        {
            "frame": np.array([f for f, _ in found], dtype=np.int64),
            "rule": np.array([r for _, r in found], dtype=object),
        }
    )


def _cliff(table: Table, frames: int, strength: float, rng: np.random.Generator) -> FaultyTable:
    """Follow most cells no longer from some frame on."""
    first = _time(table, rng, 0.6, 0.9)
    cells = np.unique(table["cell"][table["time"] >= first].astype(str))
    lost = rng.random(len(cells)) < 0.75 * min(strength, 1.3)
    gone = np.isin(table["cell"].astype(str), cells[lost]) & (table["time"] >= first)
    return table.rows(~gone), [first - 1]


def _vanished(table: Table, frames: int, strength: float, rng: np.random.Generator) -> FaultyTable:
    """Leave out all cells of a letter for a while."""
    first = _time(table, rng, 0.4, 0.8)
    there = sorted(
        {str(c)[0] for c in table["cell"][table["time"] == first] if str(c)[0] in "AMECD"}
    )
    letter = str(rng.choice(there)) if there else "A"
    last = first + max(round(strength * int(rng.integers(3, 10))), 1) - 1
    own = np.array([str(c).startswith(letter) for c in table["cell"].tolist()])
    return table.rows(~(own & _within(table, first, last))), _frames(table, first, last)


def _rise(table: Table, frames: int, strength: float, rng: np.random.Generator) -> FaultyTable:
    """Add, for a while, cells that no cell gave birth to."""
    first = _time(table, rng, 0.3, 0.9)
    last = first + int(rng.integers(1, 4)) - 1
    copied = np.flatnonzero(_within(table, first, last))
    copied = copied[rng.random(len(copied)) < 0.6 * min(strength, 1.6)]
    ghosts = dict(table.rows(copied).columns)
    ghosts["cell"] = np.array([f"{_GHOSTS}{i:04d}" for i in range(len(copied))], dtype=object)
    for axis in "xy":
        ghosts[axis] = ghosts[axis] + rng.integers(8, 24, len(copied))
    both = Table.concatenate([table, Table(ghosts)])
    return both.rows(np.argsort(both["time"], kind="stable")), _frames(table, first, last)


def _fall(table: Table, frames: int, strength: float, rng: np.random.Generator) -> FaultyTable:
    """Leave out some cells for a while."""
    first = _time(table, rng, 0.3, 0.9)
    last = first + int(rng.integers(1, 4)) - 1
    lost = _within(table, first, last) & (rng.random(len(table)) < 0.4 * min(strength, 2.4))
    return table.rows(~lost), _frames(table, first, last)


def _stretched(table: Table, frames: int, strength: float, rng: np.random.Generator) -> FaultyTable:
    """Multiply times, so that the table covers another length of the movie."""
    factor = 1 + strength * rng.uniform(0.2, 0.6)
    time = np.rint(1 + (table["time"] - 1) * factor).astype(np.int64)
    return table.with_columns({"time": time}), [int(time.min()) - 1]


def _after_end(table: Table, frames: int, strength: float, rng: np.random.Generator) -> FaultyTable:
    """Repeat the last rows for times that the movie does not have."""
    more = max(round(strength * int(rng.integers(5, 20))), 1)
    last = int(table["time"].max())
    end = table.rows(table["time"] == last)
    begin = max(frames, last)
    added = [end.with_columns({"time": np.full(len(end), begin + k)}) for k in range(1, more + 1)]
    return Table.concatenate([table, *added]), [begin]


def _duplicate_row(
    table: Table, frames: int, strength: float, rng: np.random.Generator
) -> FaultyTable:
    """Write the rows of a few frames twice."""
    first = _time(table, rng, 0.3, 0.9)
    last = first + max(round(3 * strength), 1) - 1
    twice = np.where(_within(table, first, last), 2, 1)
    return table.rows(np.repeat(np.arange(len(table)), twice)), _frames(table, first, last)


def _wrapped(table: Table, frames: int, strength: float, rng: np.random.Generator) -> FaultyTable:
    """Send the positions of a few frames through eight bits."""
    first = _time(table, rng, 0.3, 0.9)
    last = first + max(round(4 * strength), 1) - 1
    here = _within(table, first, last)
    wrapped = {a: np.where(here, table[a] % 256, table[a]) for a in "xy"}
    return table.with_columns(wrapped), _frames(table, first, last)


_KINDS: dict[str, Callable[[Table, int, float, np.random.Generator], FaultyTable]] = {
    "cliff": _cliff,
    "vanished": _vanished,
    "rise": _rise,
    "fall": _fall,
    "stretched": _stretched,
    "after-end": _after_end,
    "duplicate-row": _duplicate_row,
    "wrapped": _wrapped,
}


def _time(table: Table, rng: np.random.Generator, low: float, high: float) -> int:
    """Return a time between two shares of the table's length."""
    begin, end = int(table["time"].min()), int(table["time"].max())
    return begin + round(rng.uniform(low, high) * (end - begin))


def _within(table: Table, first: int, last: int) -> BoolArray:
    return np.asarray((table["time"] >= first) & (table["time"] <= last))


def _frames(table: Table, first: int, last: int) -> list[int]:
    times = np.unique(table["time"][_within(table, first, last)])
    return [int(t) - 1 for t in times]
