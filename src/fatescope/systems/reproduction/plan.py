"""The plan of a reproduction: trainings beside each other, one thread each."""

from __future__ import annotations

from collections.abc import Sequence

from fatescope.engine.plan import RunPlan

_PROCESS_MB, _OUTPUT_MB = 1500.0, 20.0


def plan_trainings(
    command: str, cpu_seconds: Sequence[float], *, what: str, workers: int
) -> RunPlan:
    """Return the plan of trainings from what each costs, the longest first to wait for."""
    workers = min(workers, len(cpu_seconds))
    total = sum(cpu_seconds)
    return RunPlan(
        command=command,
        units=len(cpu_seconds),
        cpu_seconds=round(total),
        wall_seconds=round(max(total / workers, *cpu_seconds, 0.0)),
        peak_memory_mb=_PROCESS_MB * workers,
        output_mb=_OUTPUT_MB,
        workers=workers,
        what=what,
    )
