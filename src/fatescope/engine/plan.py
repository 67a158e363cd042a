"""What a run would cost, said before the first byte is computed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from fatescope.base import PROCESS_MB, SettingsError
from fatescope.engine.execute import available_workers

if TYPE_CHECKING:
    from fatescope.base import Execution


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What units cost by their size, in millions of pixels or thousands of rows.

    Parameters
    ----------
    cpu_seconds, output_mb : float
        For each of them; ``unit_seconds`` and ``unit_mb`` come on top for each unit, however
        small it is.
    memory_mb : float
        Of a worker, for each of them in the largest part that it holds at a time; ``start_mb``
        comes on top, and ``most_mb`` is the end, because larger parts are divided.
    start_seconds : float
        CPU time until a process works.
    """

    cpu_seconds: float
    memory_mb: float
    output_mb: float
    unit_seconds: float = 0.0
    unit_mb: float = 0.0
    start_mb: float = PROCESS_MB
    most_mb: float = math.inf
    start_seconds: float = 1.0

    def of_worker_mb(self, largest: float) -> float:
        """Return the memory that one worker needs for parts of that size."""
        return min(self.start_mb + self.memory_mb * largest, self.most_mb)

    def refuse_less(self, memory_bytes: int | None) -> None:
        """Raise where a limit that the user gave is less than one process needs to begin.

        Raises
        ------
        SettingsError
        """
        if memory_bytes is not None and memory_bytes / 1e6 < self.start_mb:
            raise SettingsError(
                f"--memory: {memory_bytes / 1e6:.0f} MB are less than the {self.start_mb:.0f} MB "
                f"that one process needs. Give --memory {self.start_mb:.0f}MB or more."
            )

    def workers_that_fit(self, workers: int, largest: float, memory_bytes: int) -> int:
        """Return how many workers a memory limit allows; at least one, which works in parts."""
        fitting = int(memory_bytes / 1e6 // self.of_worker_mb(largest))
        return max(1, min(workers, fitting))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Estimates for a run: the answer of ``--plan``.

    Parameters
    ----------
    units : int
        How many would be worked on.
    cpu_seconds, wall_seconds : float
    peak_memory_mb : float
        Of all processes together, in 10^6 bytes.
    output_mb : float
    workers : int
    what : str
        The plural of what a unit is.
    errors : tuple of str
        A sentence for each input that cannot be read.
    """

    command: str
    units: int
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
    output_mb: float
    workers: int
    what: str
    errors: tuple[str, ...] = ()

    def and_also(self, other: RunPlan, *, seconds: float = 0.0, units: int = 0) -> RunPlan:
        """Return this plan after another one, and after work in one process."""
        return replace(
            self,
            units=self.units + other.units + units,
            cpu_seconds=round(self.cpu_seconds + other.cpu_seconds + seconds, 1),
            wall_seconds=round(self.wall_seconds + other.wall_seconds + seconds, 1),
            peak_memory_mb=max(self.peak_memory_mb, other.peak_memory_mb),
            output_mb=round(self.output_mb + other.output_mb, 1),
        )

    @property
    def exit_code(self) -> int:
        """0, or what the run would end with: 1 if some inputs cannot be read, 2 if none can."""
        return (1 if self.units else 2) if self.errors else 0

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--plan --json``."""
        return {k: v for k, v in asdict(self).items() if k not in ("errors", "what")}

    def as_lines(self) -> list[str]:
        """Return what a person reads."""
        what = self.what.removesuffix("s") if self.units == 1 else self.what
        processes = "1 process" if self.workers == 1 else f"{self.workers} processes"
        return [
            f"{self.command} would work on {self.units} {what} with {processes}:",
            f"  about {_time(self.wall_seconds)} ({_time(self.cpu_seconds)} of processor time)",
            f"  about {self.peak_memory_mb:,.0f} MB of memory, {self.output_mb:,.0f} MB of results",
            "Nothing was computed or written. Leave out --plan to begin.",
        ]


def estimate(
    command: str,
    sizes: Iterable[tuple[float, float]],
    *,
    cost: Cost,
    what: str,
    execution: Execution,
    memory_bytes: int | None = None,
    n_parts: int = 0,
) -> RunPlan:
    """Estimate a run.

    Parameters
    ----------
    command : str
    sizes : iterable of (float, float)
        For each unit its size in all, and that of the largest part which a worker holds.
    cost : Cost
    what : str
        The plural of what a unit is.
    execution : Execution
    memory_bytes : int, optional
        A limit that the command obeys by using fewer workers.
    n_parts : int
        Parts in which units can be worked on at a time, such as frames, where there are more.
    """
    units, total, largest = 0, 0.0, 0.0
    for whole, part in sizes:
        units, total, largest = units + 1, total + whole, max(largest, part)
    workers = available_workers(execution.workers, max(units, n_parts), execution.memory_bytes)
    if memory_bytes is not None:
        workers = cost.workers_that_fit(workers, largest, memory_bytes)
    cpu = cost.start_seconds * (workers + 1) + cost.cpu_seconds * total + cost.unit_seconds * units
    return RunPlan(
        command=command,
        units=units,
        cpu_seconds=round(cpu, 1),
        wall_seconds=round(cpu / workers, 1),
        peak_memory_mb=round(PROCESS_MB + workers * cost.of_worker_mb(largest)),
        output_mb=round(cost.output_mb * total + cost.unit_mb * units, 1),
        workers=workers,
        what=what,
    )


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
