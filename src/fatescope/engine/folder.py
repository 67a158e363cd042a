"""`Run`: one output folder, from the first file to the record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fatescope._version import __version__
from fatescope.base import Finding, Table
from fatescope.engine.compose import compose, stream_rows
from fatescope.engine.images import IMAGE_COLUMNS, image_rows
from fatescope.engine.ledger import LEDGER_NAME, SCHEMA, Ledger
from fatescope.engine.lock import FolderLock, locked
from fatescope.engine.memory import peak_memory_mb
from fatescope.engine.opening import (
    agree,
    clear_folder,
    holds_nothing,
    make_folder,
    refuse_strangers,
    remove_leftovers,
    utc_now,
)
from fatescope.engine.stage import Stage
from fatescope.engine.summary import Summary


class Run(Stage):
    """An output folder that one command is working in; use it in a ``with`` statement.

    It is its own first stage; `stage` gives more.

    Examples
    --------
    >>> with Run.open("results", command="count", settings={}) as run:  # doctest: +SKIP
    ...     for key in run.pending(["a", "b"]):
    ...         run.record(key, table=count(key))
    ...     summary = run.finish()
    """

    def __init__(self, out: Path, ledger: Ledger, lock: FolderLock) -> None:
        super().__init__(out.absolute(), ledger, "")
        self._named = out
        self._lock = lock
        self._begun = time.monotonic()
        self._stages: list[Stage] = [self]
        self._command = ledger.meta("command") or ""

    @classmethod
    def open(
        cls,
        out: Path | str,
        *,
        command: str,
        settings: Mapping[str, Any],
        model: Mapping[str, str] | None = None,
        fresh: bool = False,
        keeps: Sequence[str] = (),
    ) -> Self:
        """Make or continue an output folder, and lock it.

        Parameters
        ----------
        out : Path
            A new or empty folder, or one that the same command has begun.
        command : str
            For instance ``"predict nuclei"``.
        settings : mapping
            After defaults, plain values; only what can change a result (no workers, no memory).
        model : mapping, optional
            At least ``name`` and ``sha256``.
        fresh : bool
            Remove what an earlier run left here, as far as its ledger lists it, and begin again.
        keeps : sequence of str
            Names of files that may lie in the folder before its first run, such as a journal.

        Raises
        ------
        RunError
            If another process works there, the folder holds other files, something was done in it
            with other settings, or it cannot be written.
        """
        folder = make_folder(Path(out))
        with ExitStack() as undo:
            lock = locked(folder)
            undo.callback(lock.free)
            refuse_strangers(folder, keeps)
            ledger = Ledger(folder / LEDGER_NAME)
            undo.callback(lambda: ledger.close())
            if fresh or holds_nothing(folder, ledger):
                ledger = clear_folder(folder, ledger)
            agree(folder, ledger, command, settings, model)
            remove_leftovers(folder)
            undo.pop_all()
        return cls(folder, ledger, lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the folder; what is recorded stays, and the same command continues."""
        self._ledger.close()
        self._lock.free()

    def stage(self, name: str) -> Stage:
        """Return a further stage: units that are found out while earlier ones are worked through.

        Stages follow each other in the tables in the order in which they are first asked for; the
        run itself is the first. So a plate yields wells, and each well its fields::

            wells, fields = run, run.stage("fields")
            for well in wells.pending(names): ...
            for field in fields.pending(found_in(wells)): ...
        """
        stage = Stage(self.out, self._ledger, name)
        self._stages.append(stage)
        return stage

    def wrote(self, *paths: Path | str) -> None:
        """List files of the folder as a whole, such as a report; ``--fresh`` removes them."""
        self._ledger.put_outputs([self.seen(path, "output") for path in paths])

    def decided(self) -> dict[str, Any]:
        """Return what was decided for the run as a whole, by name; see `decide`."""
        return dict(json.loads(self._ledger.meta("decided") or "{}"))

    def decide(self, name: str, value: Any) -> None:
        """Keep a plain value that all units depend on: calls that continue find it in `decided`."""
        kept = {**self.decided(), name: value}
        self._ledger.set_meta({"decided": json.dumps(kept, sort_keys=True, ensure_ascii=False)})

    def rows(self, name: str) -> Table:
        """Return the rows of a table as far as units have given them, before `finish` writes it."""
        found = list(self._ledger.rows_of(name))
        return Table.concatenate(found) if found else Table({})

    def list_images(self) -> None:
        """Write ``images.csv``, where the units are images: one row each, failed ones too."""
        rows = image_rows(self._ledger.units())
        self.wrote(stream_rows(self.out / "images.csv", rows, IMAGE_COLUMNS))

    def finish(self, *, findings: Sequence[Finding] = ()) -> Summary:
        """Compose the tables and the record from all units of the folder, in input order.

        Parameters
        ----------
        findings : sequence of Finding
            About the run as a whole; they come last.
        """
        peak = peak_memory_mb(processes=max(s.processes for s in self._stages))
        outputs, total = compose(
            self.out,
            self._ledger,
            extra=[asdict(f) for f in findings],
            head=self._head(),
            peak_memory_mb=self._highest(peak),
        )
        self.wrote(*outputs)
        return Summary(
            command=self._command,
            out=self._named,
            units_done=total.done,
            units_failed=total.failed,
            findings=total.findings.n,
            seconds=time.monotonic() - self._begun,
            peak_memory_mb=peak,
            errors=tuple(total.errors),
            groups=tuple(total.findings.groups()),
            objects=total.objects,
        )

    def _highest(self, peak: float) -> float:
        """Return the highest memory of all calls that came to their end, for the record."""
        highest = max(peak, float(self._ledger.meta("peak_memory_mb") or 0))
        self._ledger.set_meta({"peak_memory_mb": str(highest)})
        return highest

    def _head(self) -> dict[str, Any]:
        meta = {n: self._ledger.meta(n) for n in ("settings", "model", "started")}
        return {
            "schema": SCHEMA,
            "command": self._command,
            "fatescope": __version__,
            "settings": json.loads(meta["settings"] or "{}"),
            "model": json.loads(meta["model"] or "null"),
            **({"decided": decided} if (decided := self.decided()) else {}),
            "started": meta["started"],
            "finished": utc_now(),
            "wall_seconds": round(time.monotonic() - self._begun, 3),
        }
