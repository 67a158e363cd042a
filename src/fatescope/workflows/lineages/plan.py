"""What a lineage command would cost, said from the sizes of its files alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fatescope.acquire.lineages import find_lineages
from fatescope.workflows.execute import available_workers
from fatescope.workflows.plan import RunPlan

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Execution

_ROW_BYTES, _PACKED_ROW_BYTES = 75.0, 22.0
"""Of a CD table, as it is and compressed; other formats are within a factor of three."""
_PACKED = (".gz", ".zip")
_START_SECONDS, _START_MB = 1.0, 150.0


@dataclass(frozen=True, slots=True)
class _Cost:
    """For a table of a thousand rows: processor time, memory, results."""

    cpu_seconds: float
    memory_mb: float
    output_mb: float


_COSTS = {
    "lineage lint": _Cost(0.009, 1.5, 0.001),
    "lineage convert": _Cost(0.02, 2.0, 0.05),
    "lineage name": _Cost(0.4, 10.0, 0.1),
    "lineage draw": _Cost(0.12, 5.0, 0.25),
    "lineage compare": _Cost(0.008, 1.5, 0.03),
}
"""Measured on tables of the EPIC collection; `name` without tracks, the dearest case."""


def plan_lineages(command: str, inputs: Sequence[Path | str], *, execution: Execution) -> RunPlan:
    """Estimate a run of a lineage command; nothing is read but headers.

    Raises
    ------
    InputError
        If there is no lineage.
    """
    rows = [_rows(f.paths) for f in find_lineages(inputs)]
    cost = _COSTS[command]
    workers = available_workers(execution.workers, len(rows))
    cpu = _START_SECONDS * (workers + 1) + cost.cpu_seconds * sum(rows) / 1000
    return RunPlan(
        command=command,
        units=len(rows),
        cpu_seconds=round(cpu, 1),
        wall_seconds=round(cpu / workers, 1),
        peak_memory_mb=round(
            _START_MB * (1 + workers) + workers * cost.memory_mb * max(rows) / 1000
        ),
        output_mb=round(cost.output_mb * sum(rows) / 1000, 1),
        workers=workers,
        what="lineages",
    )


def _rows(files: Sequence[Path]) -> float:
    """Guess the rows of a lineage from the bytes of its files; a missing file has none."""
    return sum(
        p.stat().st_size / (_PACKED_ROW_BYTES if p.suffix in _PACKED else _ROW_BYTES)
        for p in files
        if p.is_file()
    )
