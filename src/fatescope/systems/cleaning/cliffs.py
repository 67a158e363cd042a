"""Beside a cliff of a table, the cells that the model counts in the movie's frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import FatescopeError, Table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Image

COLUMNS = ("file", "frame", "before", "at", "counted", "low", "high")
"""Of ``cliffs.csv``: what the table says before the cliff and at it, and what the model counts."""


def count_at_cliffs(movie: Image, frames: Sequence[int], series: Table) -> Table | None:
    """Return the numbers of cells of the table and of the model at each cliff.

    Parameters
    ----------
    movie : Image
        The movie of the table.
    frames : sequence of int
        At which the table falls.
    series : Table
        ``file, frame, total`` of the table.

    Returns
    -------
    Table or None
        Rows of `COLUMNS`; ``None`` where the movie cannot be counted, or is unlike those that the
        model knows. Frames that it abstains from are left out.
    """
    from fatescope.systems.populations.find import count_populations

    try:
        counted = count_populations(movie).populations
    except FatescopeError:
        return None  # no movie of nuclei, or too short: a cliff is a finding all the same
    total = counted.rows(np.array([g == "total" for g in counted["founder"].tolist()]))
    said = dict(zip(series["frame"].tolist(), series["total"].tolist(), strict=True))
    rows: list[dict[str, Any]] = []
    for frame in frames:
        if frame not in said or frame >= len(total) or total["count"][frame] is None:
            continue
        earlier = [f for f in said if f < frame]
        cells = {k: int(total[k][frame]) for k in ("count", "low", "high")}
        rows.append(
            {
                "file": str(series["file"][0]),
                "frame": frame,
                "before": int(said[max(earlier)]) if earlier else None,
                "at": int(said[frame]),
                "counted": cells["count"],
                "low": cells["low"],
                "high": cells["high"],
            }
        )
    return Table.from_rows(rows, COLUMNS) if rows else None


def cliff_words(out: Path) -> dict[tuple[str, int], str]:
    """Return a sentence for each cliff, by file and frame, from ``cliffs.csv`` of a folder."""
    if not (out / "cliffs.parquet").is_file():
        return {}
    table = read_table(out / "cliffs.parquet")
    rows = zip(*(table[name].tolist() for name in COLUMNS), strict=True)
    return {
        (str(file), int(frame)): f"The table says {at} cells here; the model counts {counted} in "
        f"this frame of the movie (90 %: {low} to {high})."
        for file, frame, _, at, counted, low, high in rows
    }
