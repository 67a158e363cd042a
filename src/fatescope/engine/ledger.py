"""The ledger: one SQLite file that says what is done. A unit is done or not; nothing between.

SQLite writes ahead, and others can read while a run writes. A commit is there after ``kill -9``;
what was committed in the last moments before the power failed may be lost with it, and is done
again. One host at a time: the lock of the folder sees to it (decision records 0012, 0340).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fatescope.base import (
    InputError,
    RunError,
    Table,
    escape,
    pack_table,
    unpack_table,
    writable,
)

SCHEMA = 1
LAYOUT = "3"
"""Of the ledger: since 2 it holds the rows of tables, since 3 units have a stage."""

_AT_ONCE = 100_000
"""Rows of a table in one row of the ledger: some megabytes, far from the limit of SQLite."""

LEDGER_NAME = "ledger.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS units (
    key TEXT PRIMARY KEY, stage INTEGER NOT NULL, position INTEGER NOT NULL, state TEXT NOT NULL,
    finished TEXT, input TEXT NOT NULL, findings TEXT NOT NULL, seconds TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS units_in_order ON units (stage, position);
CREATE TABLE IF NOT EXISTS stages (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, key TEXT, kind TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, modified_ns INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS files_of_unit ON files (key);
CREATE TABLE IF NOT EXISTS rows (
    key TEXT NOT NULL, name TEXT NOT NULL, first INTEGER NOT NULL, packed BLOB NOT NULL,
    PRIMARY KEY (key, name, first));
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """A file in the output folder that the ledger answers for."""

    path: str
    sha256: str
    size: int
    modified_ns: int
    kind: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One row of the ledger; ``state`` is ``waiting``, ``done`` or ``failed``."""

    key: str
    state: str
    input: dict[str, Any]
    findings: list[dict[str, Any]]
    seconds: dict[str, float]


class Ledger:
    """The open ledger of one output folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            with self._transaction():
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._db.execute(statement)
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _trouble(self, error: sqlite3.Error) -> RunError:
        if "full" in str(error):
            return RunError(
                f"{escape(self.path)}: no space is left on the disk. Free some space and run the "
                "command again; it continues."
            )
        return RunError(
            f"{escape(self.path)}: cannot be used as a ledger ({error}). Choose another --out, or "
            "remove the folder."
        )

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db, self._trouble)

    def meta(self, name: str) -> str | None:
        """Return a value of the folder as a whole, or ``None``."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", [name]).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, values: Mapping[str, str]) -> None:
        """Store values of the folder as a whole."""
        with self._transaction():
            self._db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", values.items())

    def stage(self, name: str) -> int:
        """Return the number of a stage; a new one comes after those that there are."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO stages VALUES (?)", [name])
        row = self._db.execute("SELECT rowid FROM stages WHERE name = ?", [name]).fetchone()
        return int(row[0])

    def order(self, keys: Sequence[str], *, stage: int) -> None:
        """Give ``keys`` the first positions of a stage in this order; others follow as they were.

        A unit that left no result and is no longer asked for is forgotten.

        Raises
        ------
        InputError
            If a key is that of a unit of another stage.
        """
        rows = self._db.execute(
            "SELECT key, state FROM units WHERE stage = ? ORDER BY position", [stage]
        ).fetchall()
        wanted = set(keys)
        rest = [key for key, state in rows if state == "done" and key not in wanted]
        forgotten = [[key] for key, state in rows if state != "done" and key not in wanted]
        with self._transaction():
            self._db.executemany("DELETE FROM units WHERE key = ?", forgotten)
            self._db.executemany(
                "INSERT INTO units VALUES (?, ?, ?, 'waiting', NULL, '{}', '[]', '{}') "
                "ON CONFLICT (key) DO UPDATE SET position = excluded.position "
                "WHERE stage = excluded.stage",
                ((k, stage, i) for i, k in enumerate([*keys, *rest])),
            )
            held = self._db.execute("SELECT count(*) FROM units WHERE stage = ?", [stage])
            if held.fetchone()[0] != len(keys) + len(rest):
                raise InputError("units of two stages have the same key. Give each one its own.")

    def put(
        self,
        unit: Unit,
        files: Iterable[WrittenFile],
        *,
        stage: int,
        finished: str,
        tables: Mapping[str, Table] | None = None,
    ) -> None:
        """Store what became of a unit, its rows and the files that it left, in one transaction."""
        texts = [
            writable(json.dumps(v, ensure_ascii=False))
            for v in (unit.input, unit.findings, unit.seconds)
        ]
        packed = [
            (unit.key, name, first, pack_table(table.rows(slice(first, first + _AT_ONCE))))
            for name, table in (tables or {}).items()
            for first in range(0, max(1, len(table)), _AT_ONCE)
        ]
        with self._transaction():
            self._db.execute(
                "INSERT INTO units VALUES (?, ?, (SELECT count(*) FROM units), ?, ?, ?, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET state = excluded.state, "
                "finished = excluded.finished, input = excluded.input, "
                "findings = excluded.findings, seconds = excluded.seconds",
                [unit.key, stage, unit.state, finished, *texts],
            )
            self._db.execute("DELETE FROM files WHERE key = ?", [unit.key])
            self._put_files(files, unit.key)
            self._db.execute("DELETE FROM rows WHERE key = ?", [unit.key])
            self._db.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", packed)

    def put_outputs(self, files: Iterable[WrittenFile]) -> None:
        """Store files that belong to the folder as a whole."""
        with self._transaction():
            self._put_files(files, None)

    def _put_files(self, files: Iterable[WrittenFile], key: str | None) -> None:
        rows = [(f.path, key, f.kind, f.sha256, f.size, f.modified_ns) for f in files]
        self._db.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", rows)

    def units(self, *, stage: int | None = None) -> Iterator[Unit]:
        """Pass all units, in order: stage by stage, or those of one stage."""
        rows = self._db.execute(
            "SELECT key, state, input, findings, seconds FROM units "
            "WHERE stage = coalesce(?, stage) ORDER BY stage, position, key",
            [stage],
        )
        for key, state, *texts in rows:
            given, findings, seconds = map(json.loads, texts)
            yield Unit(key=key, state=state, input=given, findings=findings, seconds=seconds)

    def table_names(self) -> list[str]:
        """Return the names of the tables that units left rows of, in the order of the units."""
        found = self._db.execute(
            "SELECT name FROM rows JOIN units USING (key) WHERE state = 'done' "
            "GROUP BY name ORDER BY min(stage), min(position), name"
        )
        return [name for (name,) in found]

    def rows_of(self, name: str) -> Iterator[Table]:
        """Pass the rows of a table, some at a time, in the order of the units."""
        done = self._db.execute(
            "SELECT key FROM units WHERE state = 'done' ORDER BY stage, position, key"
        )
        for (key,) in done:
            found = self._db.execute(
                "SELECT packed FROM rows WHERE key = ? AND name = ? ORDER BY first", [key, name]
            )
            for (packed,) in found:
                yield unpack_table(packed)

    def forget(self, stage: int) -> list[str]:
        """Take the units of a stage out, with their rows; return the paths of their files."""
        keys = self._db.execute("SELECT key FROM units WHERE stage = ?", [stage]).fetchall()
        paths = [f.path for (key,) in keys for f in self.files_of(key)]
        with self._transaction():
            for table in ("rows", "files", "units"):
                self._db.executemany(f"DELETE FROM {table} WHERE key = ?", keys)
        return paths

    def files_of(self, key: str) -> list[WrittenFile]:
        """Return the files that a unit left."""
        rows = self._db.execute(
            "SELECT path, sha256, bytes, modified_ns, kind FROM files WHERE key = ? ORDER BY path",
            [key],
        )
        return [
            WrittenFile(path=path, sha256=sha256, size=size, modified_ns=modified_ns, kind=kind)
            for path, sha256, size, modified_ns, kind in rows
        ]

    def paths(self) -> list[str]:
        """Return the path of every file that a unit or the run left."""
        return [path for (path,) in self._db.execute("SELECT path FROM files ORDER BY path")]


class _Transaction:
    """All or nothing; an SQLite error becomes a sentence."""

    def __init__(self, db: sqlite3.Connection, trouble: Any) -> None:
        self._db = db
        self._trouble = trouble

    def __enter__(self) -> None:
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise self._trouble(error) from error

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        try:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as late:
            raise self._trouble(late) from late
        if isinstance(error, sqlite3.Error):
            raise self._trouble(error) from error
