"""``fatescope lineage edit``: reversible edits of a table, in a journal that outlives the program.

The table itself is never changed. The journal holds every action with who, when and why; the
edited table is the original with the journal's actions applied, so it can always be made again.
"""

from __future__ import annotations

import getpass
import hashlib
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire import write_table
from fatescope.acquire.lineages import LineageReading, find_lineages, write_lineage
from fatescope.base import FileFormatError, InputError, Table
from fatescope.lineage.editing import (
    History,
    Step,
    action_from_record,
    action_to_record,
    editable,
    fingerprint,
    parse_command,
)
from fatescope.run import Run
from fatescope.run.journal import Entry, Journal, read_commands
from fatescope.run.summary import Summary
from fatescope.storage import hash_path
from fatescope.workflows.lineages.reading import describe, read, record_reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base import Lineage

JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSummary(Summary):
    """What an edit left: what every command says, the steps that hold, the edited table."""

    table: Path
    done: int
    undone: int
    steps: tuple[str, ...]

    def as_json(self) -> dict[str, str | int | float]:
        """Return the keys that every command has, and the edited table."""
        return {
            **Summary.as_json(self),
            "table": str(self.table),
            "actions": self.done,
            "can_redo": self.undone,
        }

    def as_lines(self) -> list[str]:
        """Return the history, the latest step last, and where the table is."""
        more = f"; redo would bring back {self.undone}" if self.undone else ""
        return [*self.steps, f"{self.done} actions hold{more} -> {self.table}"]


def edit_lineage(
    table: Path | str,
    *,
    out: Path | str,
    do: Sequence[str] = (),
    script: Path | None = None,
    undo: int = 0,
    redo: int = 0,
    who: str | None = None,
    why: str = "",
    journal: Path | None = None,
    reading: LineageReading | None = None,
    fresh: bool = False,
) -> EditSummary:
    """Undo, redo, then do, and write the edited table.

    Parameters
    ----------
    table : path
        The original, in any lineage format.
    out : path
        Gets ``<table>.csv`` edited, ``history.csv``, ``run.json``, and ``journal.jsonl`` unless
        ``journal`` says where it is.
    do : sequence of str
        Lines such as ``"swap ABala ABalp"``.
    script : path, optional
        A text file with one such line each; done after ``do``.
    undo, redo : int
        How many steps.
    who, why : str
        Written with each entry; ``who`` is the user of the computer if not given.
    journal : path, optional
    reading : LineageReading, optional
        Scale and format of the table, where it does not say them.
    fresh : bool
        Write the folder anew, for instance after an update of fatescope. The journal stays.

    Raises
    ------
    InputError
        If a step cannot be done. Then none of this call is: steps are tried in memory before
        the first is written down.
    """
    reading = reading or LineageReading()
    (file,) = find_lineages([table])
    lines = [*do, *(read_commands(script) if script else [])]
    asked = {"table": file.key, **record_reading(reading)}
    with Run.open(
        out, command="lineage edit", settings=asked, fresh=fresh, keeps=(JOURNAL,)
    ) as run:
        run.pending([file.key], paths={file.key: file.paths})
        begun = time.perf_counter()
        got = read(file, reading)
        original = editable(got.lineage)
        about = {"table": file.path.name, "sha256": _content(file.path, original)}
        with Journal.open(journal or run.out / JOURNAL, about=about) as book:
            history = replay(original, book.entries, name=str(book.path))
            history, steps = _plan(history, len(book.entries), undo, redo, lines)
            for kind, body in steps:
                book.append(kind, body, who=who or _user(), why=why)
            written = write_lineage(history.lineage, run.out / f"{file.key}.csv")
            write_table(_history_table(book.entries, history), run.out / "history.csv")
            run.record(
                file.key,
                input={**describe(file, got), "journal": str(book.path)},
                findings=got.findings,
                files=[written, run.out / "history.csv"],
                seconds={"edit": time.perf_counter() - begun},
            )
        summary = run.finish()
    return EditSummary(
        **{f.name: getattr(summary, f.name) for f in fields(summary)},
        table=written,
        done=len(history.done),
        undone=len(history.undone),
        steps=tuple(f"{s.number}: {s.text}" for s in history.done[-10:]),
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
        return hash_path(table)
    return hashlib.sha256(fingerprint(lineage).encode()).hexdigest()


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in some containers
        return "unknown"
