"""``fatescope lineage edit``: reversible edits of a table, in a journal that outlives the program.

The table itself is never changed. The journal holds every action with who, when and why; the
edited table is the original with the journal's actions applied, so it can always be made again.
"""

from __future__ import annotations

import getpass
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import write_table
from fatescope.acquire.lineages import read_lineage_checked, write_lineage
from fatescope.base import FileFormatError, InputError, Table, sha256_of
from fatescope.lineage.editing import (
    History,
    Step,
    action_from_record,
    action_to_record,
    editable,
    fingerprint,
    parse_command,
)
from fatescope.run.journal import Entry, Journal, read_commands
from fatescope.workflows.lineages.tables import stem_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.base import Lineage

JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSummary:
    """What an edit left: steps that hold, steps that redo would bring back, the files."""

    out: Path
    table: Path
    done: int
    undone: int
    steps: tuple[str, ...]
    seconds: float
    peak_memory_mb: float
    errors: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the keys that every command has, and the edited table."""
        return {
            "command": "lineage edit",
            "out": str(self.out),
            "units_done": 1,
            "units_failed": 0,
            "findings": 0,
            "seconds": round(self.seconds, 3),
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "table": str(self.table),
            "actions": self.done,
            "can_redo": self.undone,
        }

    def as_lines(self) -> list[str]:
        """Return the history, the latest step last, and where the table is."""
        more = f"; redo would bring back {self.undone}" if self.undone else ""
        return [*self.steps, f"{self.done} actions hold{more} -> {self.table}"]

    @property
    def exit_code(self) -> int:
        """0: what could not be done has raised before."""
        return 0


def edit_lineage(
    table: Path,
    *,
    out: Path,
    do: Sequence[str] = (),
    script: Path | None = None,
    undo: int = 0,
    redo: int = 0,
    who: str | None = None,
    why: str = "",
    journal: Path | None = None,
) -> EditSummary:
    """Undo, redo, then do, and write the edited table.

    Parameters
    ----------
    table : Path
        The original, in any lineage format.
    out : Path
        Gets ``<table>.csv`` edited, ``history.csv``, and ``journal.jsonl`` unless ``journal``
        says where it is.
    do : sequence of str
        Lines such as ``"swap ABala ABalp"``.
    script : Path, optional
        A text file with one such line each; done after ``do``.
    undo, redo : int
        How many steps.
    who, why : str
        Written with each entry; ``who`` is the user of the computer if not given.
    journal : Path, optional

    Raises
    ------
    InputError
        If a step cannot be done. Then none of this call is: steps are tried in memory before
        the first is written down.
    """
    import time

    from fatescope.run import peak_memory_mb

    begun = time.monotonic()
    lines = [*do, *(read_commands(script) if script else [])]
    original = editable(read_lineage_checked(table).lineage)
    about = {"table": table.name, "sha256": _content(table, original)}
    with Journal.open(journal or out / JOURNAL, about=about) as book:
        history = replay(original, book.entries, name=str(book.path))
        history, steps = _plan(history, len(book.entries), undo, redo, lines)
        for kind, body in steps:
            book.append(kind, body, who=who or _user(), why=why)
        entries = list(book.entries)
        out.mkdir(parents=True, exist_ok=True)
        written = write_lineage(history.lineage, out / f"{stem_of(table)}.csv")
        write_table(_history_table(entries, history), out / "history.csv")
    return EditSummary(
        out=out,
        table=written,
        done=len(history.done),
        undone=len(history.undone),
        steps=tuple(f"{s.number}: {s.text}" for s in history.done[-10:]),
        seconds=time.monotonic() - begun,
        peak_memory_mb=peak_memory_mb(workers=1),
    )


def _plan(
    history: History, n_entries: int, undo: int, redo: int, lines: Sequence[str]
) -> tuple[History, list[tuple[str, dict[str, Any]]]]:
    """Take all steps in memory; return the history after them and the entries to commit."""
    entries: list[tuple[str, dict[str, Any]]] = []
    for _ in range(undo):
        number = history.done[-1].number if history.done else 0
        history = history.undo()
        entries.append(("undo", {"of": number}))
    for _ in range(redo):
        number = history.undone[-1].number if history.undone else 0
        history = history.redo()
        entries.append(("redo", {"of": number}))
    for line in lines:
        action = parse_command(line, history.lineage)
        history = history.do(Step(n_entries + len(entries) + 1, action, line))
        after = fingerprint(history.lineage)[:16]
        body = {"text": line, "action": action_to_record(action), "after": after}
        entries.append(("do", body))
    return history, entries


def replay(original: Lineage, entries: Sequence[Entry], *, name: str) -> History:
    """Apply a journal to the table that it was made for.

    Raises
    ------
    FileFormatError
        If an entry is unknown or leads to another tree than it did when it was written.
    """
    history = History(original)
    for entry in entries:
        try:
            if entry.kind == "do":
                action = action_from_record(entry.body["action"])
                history = history.do(Step(entry.number, action, str(entry.body["text"])))
            elif entry.kind == "undo":
                history = history.undo()
            elif entry.kind == "redo":
                history = history.redo()
            else:
                raise InputError(f"{entry.kind!r} is not a kind of entry")
        except (InputError, KeyError) as error:
            raise FileFormatError(
                f"{name}: entry {entry.number} cannot be applied: {error} Restore the journal from "
                "a copy, or start a new one with --journal."
            ) from error
        wanted = entry.body.get("after")
        if wanted is not None and fingerprint(history.lineage)[:16] != wanted:
            raise FileFormatError(
                f"{name}: entry {entry.number} leads to another tree than when it was written. "
                "Use the version of fatescope that wrote it."
            )
    return history


def _history_table(entries: Sequence[Entry], history: History) -> Table:
    """Return one row per entry: number, time, who, why, what, and whether it holds now."""
    holds = {s.number for s in history.done}
    texts = {e.number: str(e.body.get("text", "")) for e in entries}
    rows = [
        {
            "entry": e.number,
            "time": e.time,
            "who": e.who,
            "why": e.why,
            "kind": e.kind,
            "action": texts[e.number] or texts.get(int(e.body.get("of", 0)), ""),
            "holds": int(e.number in holds),
        }
        for e in entries
    ]
    numbers = {"entry", "holds"}
    columns = ("entry", "time", "who", "why", "kind", "action", "holds")
    return Table(
        {
            c: np.array([r[c] for r in rows], dtype=np.int64 if c in numbers else object)
            for c in columns
        }
    )


def _content(table: Path, lineage: Lineage) -> str:
    """Return what identifies the table: its bytes, or for a folder its rows."""
    if table.is_file():
        return sha256_of(table)
    return hashlib.sha256(fingerprint(lineage).encode()).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in some containers
        return "unknown"
