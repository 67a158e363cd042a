"""Check lineages: read -> findings of the reader -> rules -> ranked table, page -> exclusion.

The unit of work is a lineage. Decisions of a person come back as an edited ``findings.csv``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from fatescope.acquire import exclusions_table, read_table
from fatescope.acquire.lineages import (
    LineageFile,
    LineageReading,
    find_lineages,
    is_count_table,
    read_counts,
    write_lineage,
)
from fatescope.base import (
    Exclusion,
    Execution,
    Finding,
    InputError,
    Lineage,
    Progress,
    Spacing,
    Table,
    escape,
    excluded_rows,
)
from fatescope.base.finding import Severity, Status
from fatescope.engine import Run
from fatescope.engine.compose import FINDING_COLUMNS
from fatescope.engine.driver import Outcome, describe_files, pending, work_through
from fatescope.lineage import make_exclusions, with_decisions, without_rows
from fatescope.lineage.lint import LintSettings, drops_in_counts, lint_one_lineage
from fatescope.systems.lineages.lint_report import CheckSummary, FailOn, write_check
from fatescope.systems.lineages.reading import describe, open_atlas, read_to_scale, record_reading


def lint_lineages(
    inputs: Sequence[Path | str],
    *,
    out: Path | str,
    settings: LintSettings | None = None,
    reading: LineageReading | None = None,
    decisions: Path | None = None,
    fail_on: FailOn | None = None,
    execution: Execution | None = None,
    fresh: bool = False,
    progress: Progress | None = None,
) -> CheckSummary:
    """Check lineages and write one ranked list of findings; the workflow behind ``lineage lint``.

    Parameters
    ----------
    inputs : sequence of paths
        Files of any lineage format, or folders of them.
    out : path
        Gets ``report.html``, ``findings.csv``, ``lineages.csv`` (one row per input),
        ``run.json``; with ``decisions`` also ``clean/``, the tables without what was accepted as
        a fault, and ``exclusion.csv``, the same for ``--exclude``.
    settings : LintSettings, optional
    reading : LineageReading, optional
        Scale and format, where the files do not say them.
    decisions : path, optional
        A ``findings.csv`` of an earlier check in which a person set ``status`` to accepted or
        rejected. The originals are never touched; another list gives the rows back.
    fail_on : str, optional
        ``error`` or ``warning``: open findings of that severity, or a worse one, make the exit
        code of the summary 1.
    execution : Execution, optional
    fresh : bool
        Remove what an earlier run left in ``out`` first.
    progress : callable, optional

    Returns
    -------
    CheckSummary
        With all findings.

    Raises
    ------
    InputError, FileFormatError, RunError
        When nothing can be done. A file that cannot be read costs a finding instead.
    """
    settings, reading = settings or LintSettings(), reading or LineageReading()
    files = find_lineages(inputs)
    decided = read_decisions(decisions) if decisions is not None else None
    asked = {**settings.model_dump(mode="json"), **record_reading(reading)}
    asked["decisions"] = _fingerprint(decided)
    with Run.open(out, command="lineage lint", settings=asked, fresh=fresh) as run:
        job = partial(
            lint_file, settings=settings, reading=reading, decided=decided, out=run.out.absolute()
        )
        todo = pending(run, files)
        work_through(run, todo, job, execution=execution or Execution(), progress=progress)
        summary = run.finish()
        findings = _errors_first(read_findings(run.out / "findings.csv"))
        lineages = run.out / "lineages.csv"
        page = write_check(run.out, findings, read_table(lineages) if lineages.exists() else None)
        run.wrote(page)
        return CheckSummary.of(summary, findings, fail_on)


def lint_file(
    file: LineageFile,
    *,
    settings: LintSettings,
    reading: LineageReading,
    decided: list[Finding] | None,
    out: Path,
) -> Outcome:
    """Read and check one lineage; with decisions, write it without the accepted faults."""
    begun = time.perf_counter()
    if is_count_table(file.path):
        return _lint_counts(file, settings=settings, decided=decided)
    got = read_to_scale(file, reading)
    middle = time.perf_counter()
    findings = lint_one_lineage(got.lineage, file=file.key, settings=settings, atlas=open_atlas())
    findings = [*got.findings, *findings]
    tables, written = {}, []
    if decided is not None:
        findings = with_decisions(findings, decided)
        exclusions = make_exclusions(got.lineage, findings)
        tables = {"exclusion": exclusions_table(exclusions)}
        written = _write_clean(got.lineage, exclusions, file, out)
    row = _summary_row(got.lineage, file.key, got.format, findings)
    return Outcome(
        input=describe(file, got),
        tables={"lineages": row, **tables},
        findings=findings,
        files=written,
        seconds={"read": middle - begun, "lint": time.perf_counter() - middle},
    )


def _lint_counts(
    file: LineageFile, *, settings: LintSettings, decided: list[Finding] | None
) -> Outcome:
    """Check a table that holds numbers of nuclei only."""
    begun = time.perf_counter()
    frame, count = read_counts(file.path)
    middle = time.perf_counter()
    findings = drops_in_counts(frame, count, file=file.key, settings=settings)
    findings = findings if decided is None else with_decisions(findings, decided)
    scope = {"cells": 0, "first_frame": int(frame.min()), "last_frame": int(frame.max())}
    row = _row(
        file.key,
        "counts",
        findings,
        scope={**scope, "most_at_once": int(count.max())},
        rows=len(frame),
    )
    return Outcome(
        input={**describe_files(file.paths), "format": "counts", "rows": len(frame)},
        tables={"lineages": row},
        findings=findings,
        seconds={"read": middle - begun, "lint": time.perf_counter() - middle},
    )


def _write_clean(
    lineage: Lineage, exclusions: list[Exclusion], file: LineageFile, out: Path
) -> list[Path]:
    """Write the lineage without excluded rows, if there are any; return what was written."""
    excluded = excluded_rows(exclusions, file.key, lineage.frame, lineage.name)
    if not excluded.any():
        return []
    epic = lineage.metadata.get("format") == "epic"
    path = out / "clean" / f"{file.key}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_lineage(without_rows(lineage, excluded), path, format="epic" if epic else "csv")
    return [path.relative_to(out)]


def _summary_row(lineage: Lineage, key: str, format: str, findings: list[Finding]) -> Table:
    scope = lineage.metadata["scope"]
    species = lineage.metadata["species"]
    assert isinstance(scope, dict)
    assert isinstance(species, dict)
    return _row(
        key,
        format,
        findings,
        scope=scope,
        rows=len(lineage),
        species=species["value"],
        spacing=lineage.spacing,
    )


def _row(
    key: str,
    format: str,
    findings: list[Finding],
    *,
    scope: dict[str, int],
    rows: int,
    species: str | None = None,
    spacing: Spacing | None = None,
) -> Table:
    """Return one row of ``lineages.csv``."""
    spacing = spacing or Spacing()
    steps, interval = spacing.um("ZYX"), spacing.interval_min
    counts = [sum(f.severity == s for f in findings) for s in ("error", "warning", "info")]
    text = {
        "table": key,
        "format": format,
        "species": species,
        "spacing_um": None if steps is None else ",".join(f"{s:g}" for s in steps),
    }
    numbers = {
        "rows": rows,
        **{k: int(scope[k]) for k in ("cells", "first_frame", "last_frame", "most_at_once")},
        **dict(zip(("errors", "warnings", "notes"), counts, strict=True)),
    }
    return Table(
        {
            **{k: np.array([v], dtype=object) for k, v in text.items()},
            "interval_min": np.array([np.nan if interval is None else interval]),
            **{k: np.array([v], dtype=np.int64) for k, v in numbers.items()},
        }
    )


def read_decisions(path: Path) -> list[Finding]:
    """Read a ``findings.csv`` in which a person changed the column ``status``.

    Raises `InputError` if a needed column is missing or a status is none of open, accepted and
    rejected.
    """
    return _findings_in(path, needed=("file", "frame", "object", "rule", "status"))


def read_findings(path: Path) -> list[Finding]:
    """Read a ``findings.csv`` as it was written."""
    return _findings_in(path, needed=FINDING_COLUMNS)


def _findings_in(path: Path, *, needed: Sequence[str]) -> list[Finding]:
    table = read_table(path)
    missing = [c for c in needed if c not in table]
    if missing:
        raise InputError(f"{escape(path)}: lacks the columns {', '.join(missing)} of findings.csv.")
    found = []
    for row in range(len(table)):
        value = {c: _plain(table[c][row]) for c in needed}
        status = str(value["status"])
        if status not in get_args(Status):
            raise InputError(
                f"{escape(path)}: row {row + 2} has the status {status!r}; give open, accepted or "
                "rejected."
            )
        frame, number, limit = value["frame"], value.get("value"), value.get("limit")
        found.append(
            Finding(
                file=str(value["file"]),
                rule=str(value["rule"]),
                reason=str(value.get("reason") or ""),
                severity=cast("Severity", str(value.get("severity") or "info")),
                frame=None if frame is None else int(float(str(frame))),
                object=None if value["object"] is None else str(value["object"]),
                value=None if number is None else float(str(number)),
                limit=None if limit is None else float(str(limit)),
                status=cast("Status", status),
            )
        )
    return found


def _errors_first(findings: list[Finding]) -> list[Finding]:
    order = ("error", "warning", "info")
    return sorted(findings, key=lambda f: order.index(f.severity))


def _plain(value: Any) -> Any:
    """Return ``None`` for what a table has instead of an empty value."""
    if value is None or value == "" or value != value:
        return None
    return value


def _fingerprint(decided: list[Finding] | None) -> list[str] | None:
    """Return what decides the result, in plain values, for the record."""
    if decided is None:
        return None
    return sorted(
        f"{f.file} {f.rule} {f.object} {f.frame} {f.status}" for f in decided if f.status != "open"
    )
