"""From the ledger to tables and record: always from scratch, in order, each whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fatescope.base import Finding, Table
from fatescope.run.environment import environment
from fatescope.run.ledger import Ledger, Unit
from fatescope.storage import PART_SUFFIX, connection, copy_table, stack_parquet, write_beside

FINDING_COLUMNS = tuple(Finding(file="", rule="empty", reason="", severity="info").as_row())

_AT_ONCE = 100_000
"""Rows of a part of a table on its way to the whole."""


def compose(
    out: Path,
    units: Sequence[Unit],
    ledger: Ledger,
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
    written = [file for name in ledger.table_names() for file in _write_table(out, name, ledger)]
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


def _write_table(out: Path, name: str, ledger: Ledger) -> list[str]:
    """Stack the rows of all units, in their order, as Parquet and CSV."""
    whole = out / f"{name}.parquet"
    with tempfile.TemporaryDirectory(dir=out, prefix=".", suffix=PART_SUFFIX) as folder:
        parts: list[Path] = []
        with connection() as db:
            for table in _joined(ledger.rows_of(name)):
                parts.append(Path(folder) / f"{len(parts)}.parquet")
                copy_table(table, parts[-1], kind="parquet", db=db)
        with write_beside(whole) as part:
            stack_parquet(parts, part, kind="parquet")
    with write_beside(out / f"{name}.csv") as part:
        stack_parquet([whole], part, kind="csv")
    return [f"{name}.parquet", f"{name}.csv"]


def _joined(tables: Iterable[Table]) -> Iterator[Table]:
    """Join neighbouring tables of the same columns, up to about `_AT_ONCE` rows."""
    held: list[Table] = []
    columns, n = None, 0
    for table in tables:
        kinds = [(name, c.dtype.kind, c.dtype.itemsize) for name, c in table.columns.items()]
        if held and (kinds != columns or n + len(table) > _AT_ONCE):
            yield Table.concatenate(held)
            held, n = [], 0
        held.append(table)
        columns, n = kinds, n + len(table)
    if held:
        yield Table.concatenate(held)


def _total(units: Sequence[Unit], extra: Mapping[str, float]) -> dict[str, float]:
    """Sum the time of each stage over the units."""
    total: dict[str, float] = {}
    for seconds in [*(u.seconds for u in units), extra]:
        for stage, value in seconds.items():
            total[stage] = total.get(stage, 0.0) + value
    return {stage: round(value, 3) for stage, value in total.items()}
