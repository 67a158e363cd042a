"""What the app remembers: people, their links and cookies, files and jobs, in one SQLite file.

Every person has a folder of their own, and every query names the person: what belongs to somebody
else does not exist.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fatescope.base import InputError, RunError, escape
from fatescope.engine.opening import make_folder
from fatescope.storage import PART_SUFFIX, list_files, remove

State = Literal["waiting", "running", "done", "failed", "stopped"]
OWNER = "owner"
A_MONTH = 30 * 24 * 3600
"""Seconds for which a browser is remembered."""
_NAME, _FOLDER = "app.sqlite", "people"
_TABLES = """
CREATE TABLE IF NOT EXISTS doors (
    hash TEXT PRIMARY KEY, person TEXT NOT NULL, kind TEXT NOT NULL, used INTEGER NOT NULL,
    made REAL NOT NULL);
CREATE TABLE IF NOT EXISTS data (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, title TEXT NOT NULL, made REAL NOT NULL);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE NOT NULL, person TEXT NOT NULL,
    data TEXT NOT NULL, question TEXT NOT NULL, inputs TEXT NOT NULL, settings TEXT NOT NULL,
    state TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
    what TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
    summary TEXT NOT NULL DEFAULT '{}', made REAL NOT NULL, begun REAL, ended REAL);
CREATE INDEX IF NOT EXISTS jobs_by_person ON jobs (person, number);
"""


class NotHereError(InputError):
    """What was asked for by its address does not exist, or is somebody else's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Files that one person brought together."""

    id: str
    person: str
    title: str
    made: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One question asked of files, and how far the answer is."""

    number: int
    id: str
    person: str
    data: str
    question: str
    inputs: tuple[Path, ...]
    settings: Mapping[str, Any]
    state: State
    done: int
    total: int
    what: str
    message: str
    summary: Mapping[str, Any]
    made: float
    begun: float | None
    ended: float | None

    @property
    def is_open(self) -> bool:
        """Whether something is still to come."""
        return self.state in ("waiting", "running")


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogateescape")).hexdigest()


@dataclass(slots=True)
class Store:
    """The app's folder: the database, and ``people/<person>/{data,results}/<id>/``."""

    folder: Path
    _db: sqlite3.Connection = field(init=False, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.folder = make_folder(Path(self.folder)).resolve()
        known = self.folder / _NAME
        if not known.exists() and any(self.folder.iterdir()):
            raise RunError(
                f"{escape(self.folder)}: holds files that the app did not write. Choose a new or "
                "empty folder with --folder."
            )
        self._db = sqlite3.connect(known, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")  # as the ledger of a run
        self._db.executescript(_TABLES)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._db.close()

    def _run(self, sql: str, *values: Any) -> sqlite3.Cursor:
        with self._lock:
            try:
                return self._db.execute(sql, values)
            except sqlite3.OperationalError as error:
                raise RunError(
                    f"the list of files and results cannot be written ({error}); nothing was "
                    "changed. Free some space on the disk and do it again."
                ) from error

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._run(sql, *values).fetchall()

    # People, their links and cookies

    def make_link(self, person: str) -> str:
        """Return a secret that opens the app once, for a person."""
        secret = secrets.token_urlsafe(32)
        self._add_door(secret, person, "link")
        return secret

    def enter(self, link: str) -> str | None:
        """Spend a link: return the secret of a cookie, or ``None`` if the link opens nothing."""
        with self._lock:
            spent = self._run(
                "UPDATE doors SET used = 1 WHERE hash = ? AND kind = 'link' AND used = 0",
                _hashed(link),
            )
            if spent.rowcount != 1:
                return None
            (row,) = self._rows("SELECT person FROM doors WHERE hash = ?", _hashed(link))
        secret = secrets.token_urlsafe(32)
        self._add_door(secret, row["person"], "cookie")
        return secret

    def person_of(self, cookie: str) -> str | None:
        """Return whose cookie this is, until a month after it was given."""
        rows = self._rows(
            "SELECT person FROM doors WHERE hash = ? AND kind = 'cookie' AND made > ?",
            _hashed(cookie),
            time.time() - A_MONTH,
        )
        return str(rows[0]["person"]) if rows else None

    def forget_links(self) -> None:
        """Close all links that were not used, those of an earlier start, and old sessions."""
        self._run("UPDATE doors SET used = 1 WHERE kind = 'link'")
        self._run("DELETE FROM doors WHERE made <= ?", time.time() - A_MONTH)

    def _add_door(self, secret: str, person: str, kind: str) -> None:
        self._run(
            "INSERT INTO doors VALUES (?, ?, ?, 0, ?)", _hashed(secret), person, kind, time.time()
        )

    # Files

    def folder_of(self, person: str, kind: Literal["data", "results"], name: str) -> Path:
        """Return the folder of some files or of a result, by ids that we made."""
        return self.folder / _FOLDER / person / kind / name

    def add_data(self, person: str, title: str) -> Data:
        """Make an empty folder for files."""
        data = Data(id=secrets.token_hex(6), person=person, title=title, made=time.time())
        make_folder(self.folder_of(person, "data", data.id))
        self._run(
            "INSERT INTO data VALUES (?, ?, ?, ?)", data.id, data.person, data.title, data.made
        )
        return data

    def data(self, person: str, name: str) -> Data:
        """Return files by id.

        Raises
        ------
        InputError
            If this person has none of that id.
        """
        rows = self._rows("SELECT * FROM data WHERE id = ? AND person = ?", name, person)
        if not rows:
            raise NotHereError("these files are not here. Begin on the first page.")
        return Data(**dict(rows[0]))

    def all_data(self, person: str) -> list[Data]:
        """Return all files of a person, the newest first."""
        rows = self._rows("SELECT * FROM data WHERE person = ? ORDER BY made DESC", person)
        return [Data(**dict(row)) for row in rows]

    def remove_data(self, person: str, name: str) -> None:
        """Remove copies of files; results stay."""
        self.data(person, name)
        if any(job.data == name and job.is_open for job in self.jobs(person)):
            raise InputError("a job still reads these files. Stop it first, or wait.")
        self._run("DELETE FROM data WHERE id = ? AND person = ?", name, person)
        remove(self.folder_of(person, "data", name))

    def bytes_of(self, person: str) -> int:
        """Return how much the files of a person take on the disk, results apart.

        Files that are still being written are not counted, nor those that go meanwhile.
        """
        n_bytes = 0
        for path in list_files(self.folder / _FOLDER / person / "data"):
            if not path.name.endswith(PART_SUFFIX):
                with contextlib.suppress(FileNotFoundError):
                    n_bytes += path.stat().st_size
        return n_bytes

    # Jobs

    def add_job(
        self,
        person: str,
        *,
        data: str,
        question: str,
        inputs: Sequence[Path],
        settings: Mapping[str, Any],
    ) -> Job:
        """Put a job at the end of the queue."""
        name = secrets.token_hex(6)
        self._run(
            "INSERT INTO jobs (id, person, data, question, inputs, settings, state, made) "
            "VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?)",
            name,
            person,
            data,
            question,
            json.dumps([str(p) for p in inputs]),
            json.dumps(dict(settings), sort_keys=True),
            time.time(),
        )
        return self.job(person, name)

    def job(self, person: str, name: str) -> Job:
        """Return a job by id.

        Raises
        ------
        InputError
            If this person has none of that id.
        """
        rows = self._rows("SELECT * FROM jobs WHERE id = ? AND person = ?", name, person)
        if not rows:
            raise NotHereError(
                "this result is not here. Your results are listed on the first page."
            )
        return _job(rows[0])

    def jobs(self, person: str) -> list[Job]:
        """Return all jobs of a person, the newest first."""
        rows = self._rows("SELECT * FROM jobs WHERE person = ? ORDER BY number DESC", person)
        return [_job(row) for row in rows]

    def n_before(self, job: Job) -> int:
        """Return how many open jobs, of anybody, were asked for before this one."""
        (row,) = self._rows(
            "SELECT count(*) AS n FROM jobs WHERE number < ? AND state IN ('waiting', 'running')",
            job.number,
        )
        return int(row["n"])

    def next_job(self) -> Job | None:
        """Return the job to do now: of whoever was served longest ago, the oldest."""
        rows = self._rows(
            "SELECT * FROM jobs WHERE state = 'waiting' ORDER BY (SELECT coalesce(max(j.begun), 0) "
            "FROM jobs AS j WHERE j.person = jobs.person), number LIMIT 1"
        )
        return _job(rows[0]) if rows else None

    def wait_again(self) -> None:
        """Queue what an earlier start left unfinished: its ledger continues it."""
        self._run("UPDATE jobs SET state = 'waiting' WHERE state = 'running'")

    def change_job(self, name: str, **values: Any) -> None:
        """Store what became of a job."""
        self._run(f"UPDATE jobs SET {_set(values)} WHERE id = ?", *values.values(), name)

    def move_job(self, name: str, *, before: Sequence[State], now: State, **values: Any) -> bool:
        """Change the state of a job, and more with it, if the state is one of ``before``.

        Returns
        -------
        bool
            Whether it was.
        """
        values, marks = {"state": now, **values}, ", ".join("?" for _ in before)
        changed = self._run(
            f"UPDATE jobs SET {_set(values)} WHERE id = ? AND state IN ({marks})",
            *values.values(),
            name,
            *before,
        )
        return changed.rowcount == 1

    def remove_job(self, person: str, name: str) -> None:
        """Remove a job that has ended, and its results."""
        if self.job(person, name).is_open:
            raise InputError("this job has not ended. Stop it first.")
        self._run("DELETE FROM jobs WHERE id = ? AND person = ?", name, person)
        remove(self.folder_of(person, "results", name))


def _set(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{column} = ?" for column in values)


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    values["inputs"] = tuple(Path(p) for p in json.loads(values["inputs"]))
    values["settings"] = json.loads(values["settings"])
    values["summary"] = json.loads(values["summary"])
    return Job(**values)
