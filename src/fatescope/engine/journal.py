"""A journal: an append-only file of JSON lines that says who did what, when and why.

One line is one committed entry. A line counts when it is whole: `Journal.append` returns only
after the bytes are on the disk (fsync), so a killed program loses no entry that it has
acknowledged, and a line torn by the kill was never acknowledged and is cut off on reopening.
Each line carries a checksum over itself and the checksum before it; a line changed or removed
later is found and named. The file is plain text: it can be read, sent and kept under version
control without fatescope.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

from fatescope.base.errors import FileFormatError, RunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = "fatescope-journal/1"
_LARGEST_BYTES = 1 << 30  # read at once; a removed cell takes 600 (record 0294)


@dataclass(frozen=True, slots=True)
class Entry:
    """One committed line; ``number`` 0 is the head, which says what the journal is about."""

    number: int
    time: str
    who: str
    why: str
    kind: str
    body: Mapping[str, Any]


@dataclass(slots=True)
class Journal:
    """An open journal. Use it in a ``with`` block: it holds a lock on the file.

    Parameters
    ----------
    path : Path
        The file; made when it is first opened.
    entries : list of Entry
        What has been committed, the head left out.
    about : dict
        What the journal is about, as its head says.
    torn_bytes : int
        Length of a torn last line that was cut off on opening; 0 normally.
    """

    path: Path
    about: Mapping[str, Any]
    entries: list[Entry] = field(default_factory=list)
    torn_bytes: int = 0
    _check: str = ""
    _handle: int = -1

    @classmethod
    def open(cls, path: Path, *, about: Mapping[str, Any]) -> Self:
        """Open ``path`` for appending, or make it.

        Raises
        ------
        RunError
            If another program has the journal open, or it is about something else.
        FileFormatError
            If a line in it is damaged or has been changed.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
        with ExitStack() as undo:
            undo.callback(os.close, handle)
            _lock(handle, path)
            journal = cls._from_bytes(path, _read_all(handle, path), about)
            journal._handle = handle
            if journal.torn_bytes:
                os.ftruncate(handle, os.fstat(handle).st_size - journal.torn_bytes)
            os.lseek(handle, 0, os.SEEK_END)
            if not journal._check:
                journal._write(Entry(0, _now(), "", "", SCHEMA, dict(about)))
                _sync_folder(path.parent)
            undo.pop_all()
        return journal

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``path`` without locking or changing it; the result takes no entries."""
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FileFormatError(f"{path}: {error.strerror}. Give an existing journal.") from error
        return cls._from_bytes(path, data, None)

    def append(self, kind: str, body: Mapping[str, Any], *, who: str, why: str) -> Entry:
        """Commit one entry and return it; the bytes are on the disk then."""
        if self._handle < 0:
            raise RunError(f"{self.path}: this journal is not open for writing. Open it first.")
        entry = Entry(len(self.entries) + 1, _now(), who, why, kind, dict(body))
        self._write(entry)
        self.entries.append(entry)
        return entry

    def close(self) -> None:
        """Give the file back; a second call does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, entry: Entry) -> None:
        check, line = _line(entry, self._check)
        at = os.lseek(self._handle, 0, os.SEEK_CUR)
        try:
            written = 0
            while written < len(line):
                written += os.write(self._handle, line[written:])
            os.fsync(self._handle)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._handle, at)
                os.lseek(self._handle, at, os.SEEK_SET)
            raise RunError(
                f"{self.path}: the entry could not be written ({error.strerror}); nothing was "
                "changed. Make room and do it again."
            ) from error
        self._check = check

    @classmethod
    def _from_bytes(cls, path: Path, data: bytes, about: Mapping[str, Any] | None) -> Self:
        """Read every whole line; a part after the last line end was never committed."""
        end = data.rfind(b"\n") + 1
        entries: list[Entry] = []
        check = ""
        for number, line in enumerate(data[:end].splitlines()):
            entry, check = _entry(path, number, line, check)
            entries.append(entry)
        if not entries and about is None:
            raise FileFormatError(f"{path}: the journal is empty. Give one that holds entries.")
        if entries and (entries[0].kind != SCHEMA):
            raise FileFormatError(
                f"{path}: this is no journal that fatescope knows ({entries[0].kind!r} instead of "
                f"{SCHEMA!r}). Give another file."
            )
        if entries and about is not None and dict(entries[0].body) != dict(about):
            raise RunError(
                f"{path}: this journal is about {_say(entries[0].body)}, not about {_say(about)}. "
                "Give another journal, or the file that it was made for."
            )
        head = entries[0].body if entries else dict(about or {})
        return cls(path, head, entries[1:], torn_bytes=len(data) - end, _check=check)


def _line(entry: Entry, previous: str) -> tuple[str, bytes]:
    """Return the entry's checksum and its line."""
    record = {
        "n": entry.number,
        "time": entry.time,
        "who": entry.who,
        "why": entry.why,
        "kind": entry.kind,
        "body": entry.body,
    }
    text = json.dumps(record, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    check = hashlib.sha256((previous + text).encode()).hexdigest()[:16]
    return check, f'{text[:-1]},"check":"{check}"}}\n'.encode()


def _entry(path: Path, number: int, line: bytes, previous: str) -> tuple[Entry, str]:
    try:
        r = json.loads(line)
        entry = Entry(int(r["n"]), r["time"], r["who"], r["why"], r["kind"], r["body"])
        check, again = _line(entry, previous)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise FileFormatError(
            f"{path}: line {number + 1} of the journal cannot be read. Restore the file from a "
            "copy, or cut it before that line."
        ) from error
    if entry.number != number or r.get("check") != check or again != line + b"\n":
        raise FileFormatError(
            f"{path}: line {number + 1} of the journal was changed after it was written, or a line "
            "before it is missing. Restore the file from a copy, or cut it before that line."
        )
    return entry, check


def _read_all(handle: int, path: Path) -> bytes:
    size = os.fstat(handle).st_size
    if size > _LARGEST_BYTES:
        raise FileFormatError(f"{path}: {size} bytes are too many for a journal. Start a new one.")
    os.lseek(handle, 0, os.SEEK_SET)
    parts = []
    while part := os.read(handle, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _lock(handle: int, path: Path) -> None:
    """Take the file for us alone; the system gives it back when the program ends."""
    busy = RunError(f"{path}: another program has this journal open. Close it there first.")
    try:
        import fcntl
    except ImportError:  # Windows: there, the first byte far behind the end is locked instead.
        import msvcrt

        try:
            os.lseek(handle, _LARGEST_BYTES + 1, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            raise busy from None
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise busy from None


def _sync_folder(folder: Path) -> None:
    with contextlib.suppress(OSError):  # Some systems cannot sync a folder; the file is.
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _say(about: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in about.items()) or "nothing"


def count_entries(path: Path) -> int:
    """Return how many entries a journal has, without opening it; 0 where there is none."""
    try:
        lines = path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
    return max(0, lines - 1)  # the first says what it is about


def read_commands(path: Path) -> list[str]:
    """Return the lines of a script of edits; blank ones and those that begin with # are left out.

    Raises
    ------
    FileFormatError
        If the file cannot be read as text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(f"{path}: cannot be read ({error}). Give a text file.") from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
