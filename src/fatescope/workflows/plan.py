"""What a run would cost, said before the first pixel is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

CPU_SECONDS_START = 1.0
CPU_SECONDS_PER_MEGAPIXEL = 0.25
"""Of a picture whose nuclei have the model's size; measured by ``benchmarks/nuclei_speed.py``."""
MEMORY_START_MB = 300.0
MEMORY_PER_MEGAPIXEL_MB = 25.0
MEMORY_MOST_MB = 950.0
"""A plane is worked through in parts, so memory stops growing with its size."""
LABEL_BYTES_PER_PIXEL = 0.15
"""Compressed label images; tables and the report come on top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Estimates for a run: the answer of ``--plan``.

    Parameters
    ----------
    units : int
        Images that would be worked on.
    cpu_seconds, wall_seconds : float
    peak_memory_mb : float
        Of all processes together, in 10^6 bytes.
    output_mb : float
    workers : int
    what : str
        The plural of what a unit is.
    """

    command: str
    units: int
    cpu_seconds: float
    wall_seconds: float
    peak_memory_mb: float
    output_mb: float
    workers: int
    what: str = "images"
    errors: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0: planning is done when it is said."""
        return 0

    def as_json(self) -> dict[str, Any]:
        """Return the document of ``--plan --json``."""
        return {k: v for k, v in asdict(self).items() if k not in ("errors", "what")}

    def as_lines(self) -> list[str]:
        """Return what a person reads."""
        return [
            f"{self.command} would work on {self.units} {self.what} with {self.workers} processes:",
            f"  about {_time(self.wall_seconds)} ({_time(self.cpu_seconds)} of processor time)",
            f"  about {self.peak_memory_mb:,.0f} MB of memory, {self.output_mb:,.0f} MB of results",
            "Nothing was computed or written. Leave out --plan to begin.",
        ]


def memory_of_worker_mb(plane_px: int) -> float:
    """Return the memory that one worker needs for planes of ``plane_px`` pixels."""
    grown = MEMORY_START_MB + MEMORY_PER_MEGAPIXEL_MB * plane_px / 1e6
    return min(grown, MEMORY_MOST_MB)


def estimate(
    command: str, sizes: Iterable[tuple[int, int]], *, workers: int, memory_bytes: int
) -> RunPlan:
    """Estimate a run.

    Parameters
    ----------
    command : str
    sizes : iterable of (int, int)
        For each unit its pixels in all, and those of one plane.
    workers : int
        Processes that are wanted; fewer where memory allows no more.
    memory_bytes : int
        The limit.
    """
    units = pixels = largest = 0
    for all_px, plane_px in sizes:
        units, pixels, largest = units + 1, pixels + all_px, max(largest, plane_px)
    workers = workers_that_fit(workers, largest, memory_bytes)
    cpu = CPU_SECONDS_START * (workers + 1) + CPU_SECONDS_PER_MEGAPIXEL * pixels / 1e6
    return RunPlan(
        command=command,
        units=units,
        cpu_seconds=round(cpu, 1),
        wall_seconds=round(cpu / workers, 1),
        peak_memory_mb=round(MEMORY_START_MB / 2 + workers * memory_of_worker_mb(largest)),
        output_mb=round(LABEL_BYTES_PER_PIXEL * pixels / 1e6 + 0.02 * units, 1),
        workers=workers,
    )


def workers_that_fit(workers: int, plane_px: int, memory_bytes: int) -> int:
    """Return how many workers a memory limit allows; at least one, which works in parts."""
    fitting = int(memory_bytes / 1e6 // memory_of_worker_mb(plane_px))
    return max(1, min(workers, fitting))


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
