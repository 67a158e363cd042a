"""What a lineage command would cost, said from the sizes of its files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.acquire.lineages import find_lineages
from fatescope.engine.plan import Cost, RunPlan, estimate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Execution

_ROW_BYTES, _PACKED_ROW_BYTES = 75.0, 22.0
"""Of a CD table, as it is and compressed; other formats are within a factor of three."""
_PACKED = (".gz", ".zip")

_COSTS = {
    "lineage lint": Cost(cpu_seconds=0.03, memory_mb=1.5, output_mb=0.001),
    "lineage convert": Cost(cpu_seconds=0.02, memory_mb=2.0, output_mb=0.05),
    "lineage link": Cost(cpu_seconds=0.12, memory_mb=3.0, output_mb=0.2),
    "lineage name": Cost(cpu_seconds=0.4, memory_mb=10.0, output_mb=0.1),
    "lineage draw": Cost(cpu_seconds=0.12, memory_mb=5.0, output_mb=0.25),
    "lineage compare": Cost(cpu_seconds=0.008, memory_mb=1.5, output_mb=0.03),
}
"""Measured on tables of the EPIC collection; `name` without tracks, the dearest case."""


def plan_lineages(command: str, inputs: Sequence[Path | str], *, execution: Execution) -> RunPlan:
    """Estimate a run of a lineage command; nothing is read but headers.

    Raises
    ------
    InputError
        If there is no lineage.
    """
    rows = [_rows(f.paths) / 1000 for f in find_lineages(inputs)]
    sizes = zip(rows, rows, strict=True)
    return estimate(command, sizes, cost=_COSTS[command], what="lineages", execution=execution)


def _rows(files: Sequence[Path]) -> float:
    """Guess the rows of a lineage from the bytes of its files; a missing file has none."""
    return sum(
        p.stat().st_size / (_PACKED_ROW_BYTES if p.suffix in _PACKED else _ROW_BYTES)
        for p in files
        if p.is_file()
    )
