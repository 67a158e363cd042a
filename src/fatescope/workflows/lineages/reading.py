"""How every lineage story finds its inputs, reads them, describes them and works through them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.acquire.lineages import LineageFile, find_lineages, read_lineage_checked
from fatescope.base import FatescopeError, Finding, Spacing, Table, sha256_of
from fatescope.workflows.execute import map_units

if TYPE_CHECKING:
    from fatescope.acquire.lineages import LineageReading, ReadLineage
    from fatescope.base import Execution
    from fatescope.run import Run
    from fatescope.workflows.execute import Progress

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a worker hands to the driver about one lineage: all that the ledger keeps."""

    input: Mapping[str, Any]
    tables: Mapping[str, Table] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    files: Sequence[Path] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def find(inputs: Iterable[Path | str]) -> dict[str, LineageFile]:
    """Return the lineages in files and folders by key; see `find_lineages`."""
    return {f.key: f for f in find_lineages(inputs)}


def read(file: LineageFile, reading: LineageReading) -> ReadLineage:
    """Read one lineage as the user wants it read.

    Its findings name the input by its key, and one of them says which steps are a guess.

    Raises
    ------
    FileFormatError, InputError
        If it is no lineage.
    """
    got = read_lineage_checked(
        file.path,
        format=reading.format,
        spacing_um=reading.spacing_um,
        interval_min=reading.interval_min,
    )
    findings = [replace(f, file=file.key) for f in got.findings]
    return replace(got, findings=findings + assumed_scale(got.lineage.spacing, file=file.key))


def assumed_scale(spacing: Spacing, *, file: str) -> list[Finding]:
    """Say in one finding which steps nobody stated; nothing where all were."""
    guessed = _guesses(spacing)
    if not guessed:
        return []
    reason = f"{'; '.join(guessed)}. Give --spacing-um and --interval-min if you know them."
    return [Finding(file=file, rule="assumed-scale", severity="info", reason=reason)]


def _guesses(spacing: Spacing) -> list[str]:
    steps, found = spacing.steps, []
    if any(a in steps and steps[a].source in ("assumed", "estimated") for a in "ZYX"):
        values = ", ".join(f"{steps[a].value:g}" for a in "ZYX" if a in steps)
        source = next(steps[a].source for a in "XYZ" if a in steps)
        found.append(f"the spacing {values} µm (z, y, x) is {source}")
    if "T" in steps and steps["T"].source in ("assumed", "estimated"):
        found.append(f"the interval of {steps['T'].value:g} min is {steps['T'].source}")
    return found


def describe_files(file: LineageFile) -> dict[str, Any]:
    """Return path, hash, size and time of each file of an input."""
    status = [(p, p.stat()) for p in file.files]
    columns: dict[str, list[Any]] = {
        "path": [str(p) for p, _ in status],
        "sha256": [sha256_of(p) for p, _ in status],
        "bytes": [s.st_size for _, s in status],
        "modified_ns": [s.st_mtime_ns for _, s in status],
    }
    return {n: c[0] if len(status) == 1 else c for n, c in columns.items()}


def describe(file: LineageFile, got: ReadLineage) -> dict[str, Any]:
    """Return what `describe_files` does, and format, rows, spacing and what is guessed."""
    lineage = got.lineage
    known = ("species", "pose", "scope")
    return {
        **describe_files(file),
        "format": got.format,
        "rows": len(lineage),
        "spacing": lineage.spacing.as_record(),
        **{k: lineage.metadata[k] for k in known if k in lineage.metadata},
    }


def work_through(
    run: Run,
    files: Mapping[str, LineageFile],
    job: Callable[[LineageFile], Outcome],
    *,
    execution: Execution,
    progress: Progress | None = None,
) -> None:
    """Do what is still to do, and store every outcome; an error costs its file one finding."""
    todo = run.pending(files, paths={k: f.files for k, f in files.items()})
    units = [files[k] for k in todo]
    if execution.cluster:  # workers may stand in another folder
        units = [replace(f, path=f.path.absolute()) for f in units]
    outcomes = map_units(
        job,
        units,
        workers=execution.workers,
        progress=progress,
        cluster=execution.cluster,
    )
    for file, outcome in outcomes:
        if isinstance(outcome, Exception):
            run.fail(file.key, unreadable(file, outcome))
            continue
        run.record(
            file.key,
            input=outcome.input,
            tables=outcome.tables,
            findings=outcome.findings,
            files=outcome.files,
            seconds=outcome.seconds,
        )


def unreadable(file: LineageFile, error: Exception) -> Finding:
    """Return the finding for a lineage that gave no result; what is our fault says so."""
    _log.debug("%s failed", file.key, exc_info=error)
    reason = str(error)
    if not isinstance(error, FatescopeError | OSError | MemoryError):
        reason = f"this is a bug of fatescope ({type(error).__name__}: {error}). Report it."
    return Finding(
        file=file.key, rule="unreadable", severity="error", reason=" ".join(reason.split())
    )
