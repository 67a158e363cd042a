"""From the ledger to tables and record: always from scratch, in order, each whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

from fatescope.base import Finding, FindingGroups, Table
from fatescope.engine.environment import environment
from fatescope.engine.ledger import Ledger, Unit
from fatescope.storage import PART_SUFFIX, connection, copy_table, stack_parquet, write_beside

FINDING_COLUMNS = tuple(Finding(file="", rule="empty", reason="", severity="info").as_row())

_AT_ONCE = 100_000
"""Rows of a part of a table on its way to the whole."""

_ERRORS = 1000
"""So many units that failed are named in the summary; ``findings.csv`` names all."""


@dataclass(slots=True)
class Total:
    """Sums over the units of a folder."""

    done: int = 0
    failed: int = 0
    objects: int | None = None
    findings: FindingGroups = field(default_factory=FindingGroups)
    errors: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, unit: Unit) -> None:
        """Count a unit, its time and its findings."""
        self.done += unit.state == "done"
        self.failed += unit.state == "failed"
        if "n_objects" in unit.input:
            self.objects = (self.objects or 0) + unit.input["n_objects"]
        for stage, value in unit.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + value
        for finding in unit.findings:
            self.findings.add(finding)
        if unit.state == "failed" and len(self.errors) < _ERRORS:
            self.errors += [_sentence(f) for f in unit.findings[:1]]


def compose(
    out: Path,
    ledger: Ledger,
    *,
    extra: Sequence[Mapping[str, Any]],
    head: Mapping[str, Any],
    peak_memory_mb: float,
) -> tuple[list[str], Total]:
    """Write all tables and ``run.json``, some units at a time.

    Parameters
    ----------
    extra : sequence of mapping
        Findings about the run as a whole; they come last.
    head : mapping
        How the record begins.

    Returns
    -------
    list of str
        The files written, relative to ``out``; ``run.json`` is the last one.
    Total
        Over all units.
    """
    total = Total()
    for unit in ledger.units():
        total.add(unit)
    for finding in extra:
        total.findings.add(finding)
    written = [file for name in ledger.table_names() for file in _write_table(out, name, ledger)]
    rows = chain((f for u in ledger.units() for f in u.findings), extra)
    stream_rows(out / "findings.csv", rows, FINDING_COLUMNS)
    record = {
        **head,
        "units_done": total.done,
        "units_failed": total.failed,
        "findings": total.findings.n,
        "peak_memory_mb": round(peak_memory_mb, 1),
        "seconds": {stage: round(value, 3) for stage, value in total.seconds.items()},
        **environment(),
    }
    with write_beside(out / "run.json") as part, part.open("w", encoding="utf-8") as stream:
        stream.write(_json(record, indent=1).removesuffix("\n}") + ',\n "inputs": [')
        for i, u in enumerate(ledger.units()):
            said = {"image": u.key, "state": u.state, **u.input}
            stream.write(f"{',' if i else ''}\n  {_json(said)}")
        stream.write("\n ]\n}\n")
    return [*written, "findings.csv", "run.json"], total


def _json(value: Mapping[str, Any], *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _sentence(finding: Mapping[str, Any]) -> str:
    named = finding["file"] in finding["reason"]
    return str(finding["reason"] if named else f"{finding['file']}: {finding['reason']}")


def stream_rows(path: Path, rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Path:
    """Write rows as CSV, whole or not at all, some at a time; return the path."""
    with write_beside(path) as part:
        _write_csv(part, (Table.from_rows(r, columns) for r in _batches(rows)))
    return path


def _write_csv(path: Path, tables: Iterator[Table]) -> None:
    """Write one table as it is; of several, columns get the type that fits all of them."""
    first, second = next(tables), next(tables, None)
    if second is None:
        copy_table(first, path, kind="csv")
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".", suffix=PART_SUFFIX) as folder:
        parts = _write_parts(chain([first, second], tables), Path(folder))
        stack_parquet(parts, path, kind="csv")


def _write_parts(tables: Iterable[Table], folder: Path) -> list[Path]:
    parts: list[Path] = []
    with connection() as db:
        for table in tables:
            parts.append(folder / f"{len(parts)}.parquet")
            copy_table(table, parts[-1], kind="parquet", db=db)
    return parts


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Pass rows by `_AT_ONCE`; at least one batch, which may be empty."""
    remaining = iter(rows)
    yield list(islice(remaining, _AT_ONCE))
    while batch := list(islice(remaining, _AT_ONCE)):
        yield batch


def _write_table(out: Path, name: str, ledger: Ledger) -> list[str]:
    """Stack the rows of all units, in their order, as Parquet and CSV."""
    whole = out / f"{name}.parquet"
    with tempfile.TemporaryDirectory(dir=out, prefix=".", suffix=PART_SUFFIX) as folder:
        parts = _write_parts(_joined(ledger.rows_of(name)), Path(folder))
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
