"""`Run`: one output folder, from the first file to the record."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from fatescope._version import __version__
from fatescope.base import Finding, InputError, RunError, Table, escape, group_findings
from fatescope.run.compose import compose
from fatescope.run.images import images_table
from fatescope.run.inputs import files_of, is_unchanged
from fatescope.run.ledger import LEDGER_NAME, SCHEMA, Ledger, Unit, WrittenFile
from fatescope.run.lock import locked
from fatescope.run.memory import peak_memory_mb
from fatescope.run.opening import (
    agree,
    cleared,
    holds_nothing,
    made,
    refuse_strangers,
    remove_leftovers,
    utc_now,
)
from fatescope.run.summary import Summary
from fatescope.storage import copy_table, hash_path, list_files, write_beside

_log = logging.getLogger(__name__)
_NAMED = 3
"""So many of the units that are done again are named."""


class Run:
    """An output folder that one command is working in; use it in a ``with`` statement.

    Examples
    --------
    >>> with Run.open("results", command="count", settings={}) as run:  # doctest: +SKIP
    ...     for key in run.pending(["a", "b"]):
    ...         run.record(key, table=count(key))
    ...     summary = run.finish()
    """

    def __init__(self, out: Path, ledger: Ledger, lock: IO[bytes]) -> None:
        self.out = out.absolute()
        self._named = out
        self.redone: list[tuple[str, str]] = []
        self._ledger = ledger
        self._lock = lock
        self._begun = time.monotonic()
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
            Remove what an earlier run left here, as far as its ledger lists it, and begin anew.
        keeps : sequence of str
            Names of files that may lie in the folder before its first run, such as a journal.

        Raises
        ------
        RunError
            If another process works there, the folder holds other files, something was done in it
            with other settings, or it cannot be written.
        """
        folder = made(Path(out))
        lock = locked(folder)
        try:
            refuse_strangers(folder, keeps)
            ledger = Ledger(folder / LEDGER_NAME)
            try:
                if fresh or holds_nothing(folder, ledger):
                    ledger = cleared(folder, ledger)
                agree(folder, ledger, command, settings, model)
                remove_leftovers(folder)
            except BaseException:
                ledger.close()
                raise
        except BaseException:
            lock.close()
            raise
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
        self._lock.close()

    def pending(
        self, keys: Iterable[str], *, paths: Mapping[str, Sequence[Path]] | None = None
    ) -> list[str]:
        """Return the units that are still to do, in the given order.

        A unit is done if the ledger says so, every file that it left is as it was left, and its
        input has not changed. What is to be redone for such a reason is listed in `redone`.

        Parameters
        ----------
        keys : iterable of str
            All units of this call; results are composed in this order, and units of earlier
            calls follow.
        paths : mapping of str to sequence of Path, optional
            The input files by unit; a unit whose files have moved is compared by content.
        """
        wanted = list(keys)
        if len(set(wanted)) != len(wanted):
            raise InputError("two units have the same key. Give each unit a key of its own.")
        self._ledger.order(wanted)
        units = {u.key: u for u in self._ledger.units()}
        files = self._ledger.files()
        todo = []
        for key in wanted:
            reason = self._why_again(units[key], files.get(key, []), (paths or {}).get(key))
            if reason is None:
                continue
            todo.append(key)
            if units[key].state == "done":
                self.redone.append((key, reason))
        for key, reason in self.redone[:_NAMED]:
            _log.warning("%s is done again: %s", escape(key), reason)
        if len(self.redone) > _NAMED:
            _log.warning("%d more are done again, for such reasons", len(self.redone) - _NAMED)
        return todo

    def _why_again(
        self, unit: Unit, files: Sequence[WrittenFile], paths: Sequence[Path] | None
    ) -> str | None:
        if unit.state != "done":
            return "it was not done"
        for f in files:
            path = self.out / f.path
            if not is_unchanged(path, sha256=f.sha256, size=f.size, modified_ns=f.modified_ns):
                what = "has changed" if path.exists() else "is missing"
                return f"its result {escape(f.path)} {what}"
        known = files_of(unit.input)
        now = list(paths) if paths is not None else [p for p, *_ in known]
        if len(now) != len(known):
            return "its input has other files" if known else None
        for path, (_, sha256, size, modified_ns) in zip(now, known, strict=True):
            if not is_unchanged(path, sha256=sha256, size=size, modified_ns=modified_ns):
                return f"its input {escape(path)} has changed"
        return None

    def record(
        self,
        key: str,
        *,
        input: Mapping[str, Any] | None = None,
        table: Table | None = None,
        tables: Mapping[str, Table] | None = None,
        findings: Sequence[Finding] = (),
        files: Sequence[Path | str] = (),
        seconds: Mapping[str, float] | None = None,
    ) -> None:
        """Store a unit as done: from here on it is not computed again.

        Parameters
        ----------
        key : str
        input : mapping, optional
            See `describe_input`.
        table : Table, optional
            Its rows of ``objects``; may have no rows, must have columns.
        tables : mapping of str to Table, optional
            Rows of further tables by name; ``"contacts"`` ends in ``contacts.parquet`` and
            ``contacts.csv``.
        findings : sequence of Finding
        files : sequence of Path or str
            What the unit wrote into the folder, complete; relative to the folder, or absolute.
            Of a folder (OME-Zarr), every file in it is listed.
        seconds : mapping of str to float, optional
            Time by stage.
        """
        written = [self._seen(p, "file") for path in files for p in self._files_of(path)]
        named = {**({} if table is None else {"objects": table}), **(tables or {})}
        counted = {"n_objects": len(named["objects"])} if "objects" in named else {}
        unit = _unit(key, "done", {**(input or {}), **counted}, findings, seconds or {})
        self._ledger.put(unit, written, tables=named, finished=utc_now())

    def fail(self, key: str, finding: Finding, *, input: Mapping[str, Any] | None = None) -> None:
        """Store that a unit gave no result; the same command tries it again."""
        self._ledger.put(_unit(key, "failed", input or {}, [finding], {}), [], finished=utc_now())

    def _files_of(self, path: Path | str) -> list[Path]:
        full = self.out / path
        return list_files(full) if full.is_dir() else [full]

    def _seen(self, path: Path | str, kind: str) -> WrittenFile:
        """Note size, time and hash of a file in the folder."""
        full = self.out / path
        try:
            relative = full.relative_to(self.out)
            status = full.stat()
            digest = hash_path(full)
        except (OSError, ValueError) as error:
            raise RunError(
                f"{escape(path)}: was reported as written into {escape(self.out)} and is gone. "
                "On a cluster, all workers must see this folder under the same name."
            ) from error
        return WrittenFile(
            path=relative.as_posix(),
            sha256=digest,
            size=status.st_size,
            modified_ns=status.st_mtime_ns,
            kind=kind,
        )

    def wrote(self, *paths: Path | str) -> None:
        """List files of the folder as a whole, such as a report; ``--fresh`` removes them."""
        self._ledger.put_outputs([self._seen(path, "output") for path in paths])

    def decided(self) -> dict[str, Any]:
        """Return what was decided for the run as a whole, by name; see `decide`."""
        return dict(json.loads(self._ledger.meta("decided") or "{}"))

    def decide(self, name: str, value: Any) -> None:
        """Keep a plain value that all units depend on: calls that continue find it in `decided`."""
        kept = {**self.decided(), name: value}
        self._ledger.set_meta({"decided": json.dumps(kept, sort_keys=True, ensure_ascii=False)})

    def list_images(self) -> None:
        """Write ``images.csv``, where the units are images: one row each, failed ones too."""
        path = self.out / "images.csv"
        with write_beside(path) as part:
            copy_table(images_table(list(self._ledger.units())), part, kind="csv")
        self.wrote(path)

    def finish(
        self,
        *,
        findings: Sequence[Finding] = (),
        workers: int = 1,
        seconds: Mapping[str, float] | None = None,
    ) -> Summary:
        """Compose the tables and the record from all units of the folder, in input order.

        Parameters
        ----------
        findings : sequence of Finding
            About the run as a whole; they come last.
        workers : int
            How many worker processes there were, for the peak memory.
        seconds : mapping, optional
            Time of stages that belong to no unit.
        """
        units = list(self._ledger.units())
        peak = peak_memory_mb(workers=workers)
        outputs, found = compose(
            self.out,
            units,
            self._ledger,
            extra=[asdict(f) for f in findings],
            head=self._head(),
            seconds=dict(seconds or {}),
            peak_memory_mb=self._highest(peak),
        )
        self.wrote(*outputs)
        states = [u.state for u in units]
        counted = [u.input["n_objects"] for u in units if "n_objects" in u.input]
        return Summary(
            command=self._command,
            out=self._named,
            units_done=states.count("done"),
            units_failed=states.count("failed"),
            findings=len(found),
            seconds=time.monotonic() - self._begun,
            peak_memory_mb=peak,
            errors=tuple(
                f"{f['file']}: {f['reason']}" if f["file"] not in f["reason"] else f["reason"]
                for u in units
                if u.state == "failed"
                for f in u.findings[:1]
            ),
            groups=tuple(group_findings(found)),
            objects=sum(counted) if counted else None,
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


def _unit(
    key: str,
    state: str,
    given: Mapping[str, Any],
    findings: Sequence[Finding],
    seconds: Mapping[str, float],
) -> Unit:
    return Unit(
        key=key,
        state=state,
        input=dict(given),
        findings=[asdict(f) for f in findings],
        seconds=dict(seconds),
    )
