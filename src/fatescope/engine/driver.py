"""The one loop of every workflow: units still to do -> an engine -> the ledger.

A workflow finds its units, opens its `Run` and says what a worker does with a unit; the rest is
here. Workers do units, and the driver alone writes the ledger. The engines are in `execute`.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from fatescope.base import FatescopeError, Finding, Table, escape, missing_extra
from fatescope.engine.execute import available_workers, map_units
from fatescope.storage import hash_once

if TYPE_CHECKING:
    from fatescope.base import Execution, Progress
    from fatescope.engine import Stage

_log = logging.getLogger(__name__)


class Keyed(Protocol):
    """What is done or not done as a whole: an image, a lineage, a pair of files, a fold."""

    @property
    def key(self) -> str:
        """Its name in the ledger, unique in its run."""

    @property
    def paths(self) -> Sequence[Path]:
        """The files that decide what comes out; where one has changed, the unit is done again."""

    def absolute(self) -> Self:
        """Return the same unit for a worker that stands in another folder."""

    def __str__(self) -> str:
        """Return what findings and the line of progress call it."""


U = TypeVar("U", bound=Keyed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a worker hands to the driver about one unit: all that the ledger keeps."""

    input: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    files: Sequence[Path | str] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


def describe_files(paths: Sequence[Path]) -> dict[str, Any]:
    """Return path, hash, size and time of each input file: what `pending` compares."""
    status = [(p, p.stat()) for p in paths]
    columns: dict[str, list[Any]] = {
        "path": [str(p) for p, _ in status],
        "sha256": [hash_once(p) for p, _ in status],
        "bytes": [s.st_size for _, s in status],
        "modified_ns": [s.st_mtime_ns for _, s in status],
    }
    return {n: c[0] if len(status) == 1 else c for n, c in columns.items()}


def pending(run: Stage, units: Sequence[U]) -> list[U]:
    """Return the units that are still to do, in the given order; see `Run.pending`.

    Raises
    ------
    InputError
        If two units have the same key.
    """
    todo = set(run.pending([u.key for u in units], paths={u.key: u.paths for u in units}))
    return [u for u in units if u.key in todo]


def work_through(
    run: Stage,
    units: Sequence[U],
    job: Callable[[U], Outcome],
    *,
    execution: Execution,
    progress: Progress | None = None,
) -> None:
    """Do units and store every outcome; an error costs its unit one finding, and nothing else.

    Parameters
    ----------
    run : Run or Stage
    units : sequence
        Those that `pending` returned.
    job : callable
        Of one unit; as `map_units` wants it.
    execution : Execution
        Its workers, its cluster and, in the number of processes, its memory are obeyed; a job that
        uses a device is informed.
    progress : callable, optional

    Raises
    ------
    RunError
        If workers cannot be started, a cluster cannot be reached, or the folder be written.
    KeyboardInterrupt
        When the user interrupts; units that were done stay done.
    """
    if execution.cluster:  # workers may stand in another folder
        units = [u.absolute() for u in units]
    workers = available_workers(execution.workers, len(units), execution.memory_bytes)
    if workers > 1 and execution.cluster is None:
        run.processes = max(run.processes, workers)
    outcomes = map_units(
        job,
        units,
        workers=workers,
        progress=progress,
        cluster=execution.cluster,
        done_before=run.done_before,
    )
    for unit, outcome in outcomes:
        if isinstance(outcome, Exception):
            run.fail(unit.key, unreadable(unit, outcome))
            continue
        run.record(
            unit.key,
            input=outcome.input,
            tables=outcome.tables,
            findings=outcome.findings,
            files=outcome.files,
            seconds=outcome.seconds,
        )


def unreadable(unit: Keyed, error: Exception) -> Finding:
    """Return the finding for a unit that gave no result; what is our fault says so."""
    _log.debug("%s failed", escape(unit.key), exc_info=error)
    error = missing_extra(error) or error
    reason = str(error)
    if isinstance(error, UnicodeEncodeError) and error.encoding == sys.getfilesystemencoding():
        reason = (
            f"its name cannot be written here, where names of files are {error.encoding}. Set "
            "PYTHONUTF8=1, or use plain letters."
        )
    elif not isinstance(error, FatescopeError | OSError | MemoryError):
        reason = f"this is a bug of fatescope ({type(error).__name__}: {error}). Report it."
    return Finding(
        file=str(unit), rule="unreadable", severity="error", reason=" ".join(reason.split())
    )
