"""A stage of a run: units of one kind, what of them is still to do, and what became of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from fatescope.base import Finding, InputError, RunError, Table, escape
from fatescope.engine.inputs import files_of, is_unchanged
from fatescope.engine.ledger import Ledger, Unit, WrittenFile
from fatescope.engine.opening import utc_now
from fatescope.storage import hash_path, list_files, remove_files

_log = logging.getLogger(__name__)
_NAMED = 3
"""So many of the units that are done again are named."""


class Stage:
    """Units that are worked through together; a `Run` makes it.

    ``processes`` says how many worked on them at a time beside the caller, for the peak memory.
    """

    def __init__(self, out: Path, ledger: Ledger, name: str) -> None:
        self.out = out
        self.processes = 0
        self.redone: list[tuple[str, str]] = []
        self.done_before = 0  # units of this call that an earlier one did
        self._ledger = ledger
        self._number = ledger.stage(name)

    def pending(
        self, keys: Iterable[str], *, paths: Mapping[str, Sequence[Path]] | None = None
    ) -> list[str]:
        """Return the units that are still to do, in the given order.

        A unit is done if the ledger says so, every file that it left is as it was left, and its
        input has not changed. What is to be redone for such a reason is listed in `redone`.

        Parameters
        ----------
        keys : iterable of str
            All units of this call and stage; results are composed in this order, and units of
            earlier calls follow.
        paths : mapping of str to sequence of Path, optional
            The input files by unit; a unit whose files have moved is compared by content.
        """
        wanted = list(keys)
        if len(set(wanted)) != len(wanted):
            raise InputError("two units have the same key. Give each unit a key of its own.")
        self._ledger.order(wanted, stage=self._number)
        todo = []
        units = islice(self._ledger.units(stage=self._number), len(wanted))
        for unit in units:
            reason = self._why_again(unit, (paths or {}).get(unit.key))
            if reason is None:
                continue
            todo.append(unit.key)
            if unit.state == "done":
                self.redone.append((unit.key, reason))
        for key, reason in self.redone[:_NAMED]:
            _log.warning("%s is done again: %s", escape(key), reason)
        if len(self.redone) > _NAMED:
            _log.warning("%d more are done again, for such reasons", len(self.redone) - _NAMED)
        self.done_before = len(wanted) - len(todo)
        return todo

    def _why_again(self, unit: Unit, paths: Sequence[Path] | None) -> str | None:
        if unit.state != "done":
            return "it was not done"
        for f in self._ledger.files_of(unit.key):
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
        written = [self.seen(p, "file") for path in files for p in self._files_of(path)]
        named = {**({} if table is None else {"objects": table}), **(tables or {})}
        counted: dict[str, int] = {}
        if (objects := named.get("objects")) is not None:
            counted["n_objects"] = len(objects)
            if "touches_border" in objects:
                counted["n_at_border"] = int(objects["touches_border"].sum())
        unit = _unit(key, "done", {**(input or {}), **counted}, findings, seconds or {})
        self._put(unit, written, named)

    def fail(self, key: str, finding: Finding) -> None:
        """Store that a unit gave no result; the same command tries it again."""
        self._put(_unit(key, "failed", {}, [finding], {}), [], {})

    def forget(self) -> None:
        """Take all units of the stage out of the run, with what they left: they were on the way."""
        remove_files(self.out, self._ledger.forget(self._number))

    def _put(self, unit: Unit, files: Sequence[WrittenFile], tables: Mapping[str, Table]) -> None:
        self._ledger.put(unit, files, stage=self._number, tables=tables, finished=utc_now())

    def _files_of(self, path: Path | str) -> list[Path]:
        full = self.out / path
        return list_files(full) if full.is_dir() else [full]

    def seen(self, path: Path | str, kind: str) -> WrittenFile:
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
