"""From the ledger to tables and record: always from scratch, in order, each whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fatescope.base import Finding, Table
from fatescope.run.environment import environment
from fatescope.run.ledger import Unit, WrittenFile
from fatescope.storage import copy_table, stack_parquet, write_beside

FINDING_COLUMNS = tuple(Finding(file="", rule="empty", reason="", severity="info").as_row())


def compose(
    out: Path,
    units: Sequence[Unit],
    files: Mapping[str | None, Sequence[WrittenFile]],
    *,
    extra: Sequence[Mapping[str, Any]],
    head: Mapping[str, Any],
    seconds: Mapping[str, float],
    peak_memory_mb: float,
) -> tuple[list[str], list[Mapping[str, Any]]]:
    """Write all tables and ``run.json``.

    Returns
    -------
    list of str
        The files written, relative to ``out``; ``run.json`` is the last one.
    list of mapping
        All findings, of units and of the run.
    """
    done = [u for u in units if u.state == "done"]
    written = _tables(out, done, files)
    findings = [*(f for u in units for f in u.findings), *extra]
    with write_beside(out / "findings.csv") as part:
        copy_table(Table.from_rows(findings, FINDING_COLUMNS), part, kind="csv")
    record = {
        **head,
        "units_done": len(done),
        "units_failed": sum(u.state == "failed" for u in units),
        "findings": len(findings),
        "peak_memory_mb": round(peak_memory_mb, 1),
        "seconds": _total(units, seconds),
        **environment(),
        "inputs": [{"image": u.key, "state": u.state, **u.input} for u in units],
    }
    with write_beside(out / "run.json") as part:
        part.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return [*written, "findings.csv", "run.json"], findings


def _tables(
    out: Path, done: Sequence[Unit], files: Mapping[str | None, Sequence[WrittenFile]]
) -> list[str]:
    """Stack the parts of every table, in the order of the units."""
    parts: dict[str, list[Path]] = {}
    for unit in done:
        for file in files.get(unit.key, ()):
            if file.kind.startswith("table "):
                parts.setdefault(file.kind.removeprefix("table "), []).append(out / file.path)
    written = []
    for name, paths in parts.items():
        whole = out / f"{name}.parquet"
        with write_beside(whole) as part:
            stack_parquet(paths, part, kind="parquet")
        with write_beside(out / f"{name}.csv") as part:
            stack_parquet([whole], part, kind="csv")
        written += [f"{name}.parquet", f"{name}.csv"]
    return written


def _total(units: Sequence[Unit], extra: Mapping[str, float]) -> dict[str, float]:
    """Sum the time of each stage over the units."""
    total: dict[str, float] = {}
    for seconds in [*(u.seconds for u in units), extra]:
        for stage, value in seconds.items():
            total[stage] = total.get(stage, 0.0) + value
    return {stage: round(value, 3) for stage, value in total.items()}
