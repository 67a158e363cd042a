"""``fatescope lineage edit``: reversible edits of a table, in a journal that outlives the program.

The table itself is never changed. The journal holds every action with who, when and why; the
edited table is the original with the journal's actions applied, so it can always be made again.
"""

from __future__ import annotations

import getpass
import time
from dataclasses import dataclass, fields
from pathlib import Path

from fatescope.acquire import write_table
from fatescope.acquire.lineages import LineageReading
from fatescope.engine import Run
from fatescope.engine.journal import read_commands
from fatescope.engine.summary import Summary
from fatescope.systems.lineages.reading import describe, one_table, record_reading
from fatescope.systems.lineages.review import LineageReview
from fatescope.systems.lineages.settings import EditSettings

JOURNAL = "journal.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditSummary(Summary):
    """What an edit left: what every command says, the steps that hold, the edited table."""

    table: Path
    done: int
    undone: int
    steps: tuple[str, ...]
    lost: tuple[str, ...] = ()

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
        lost = [f"this format cannot hold all edits: {'; '.join(self.lost)}"] if self.lost else []
        return [*self.steps, f"{self.done} actions hold{more} -> {self.table}", *lost]


def edit_lineage(
    table: Path | str,
    *,
    out: Path | str,
    edits: EditSettings | None = None,
    script: Path | None = None,
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
    edits : EditSettings, optional
        Steps back and again, then lines such as ``"swap ABala ABalp"``; who and why are written
        with each entry.
    script : path, optional
        A text file with one such line each; done after those of ``edits``.
    journal : path, optional
    reading : LineageReading, optional
        Scale and format of the table, where it does not say them.
    fresh : bool
        Write the folder again, for instance after an update of fatescope. The journal stays.

    Raises
    ------
    InputError
        If a step cannot be done. Then none of this call is: steps are tried in memory before
        the first is written down.
    """
    reading, edits = reading or LineageReading(), edits or EditSettings()
    file = one_table(table)
    lines = [*edits.do, *(read_commands(script) if script else [])]
    asked = {"table": file.key, **record_reading(reading)}
    with Run.open(
        out, command="lineage edit", settings=asked, fresh=fresh, keeps=(JOURNAL,)
    ) as run:
        run.pending([file.key], paths={file.key: file.paths})
        begun = time.perf_counter()
        with LineageReview.open(
            file, journal=journal or run.out / JOURNAL, reading=reading
        ) as book:
            book.commit(
                lines,
                undo=edits.undo,
                redo=edits.redo,
                who=edits.who or _user(),
                why=edits.why,
            )
            written = book.write(run.out / f"{file.key}.csv")
            write_table(book.listed(), run.out / "history.csv")
            run.record(
                file.key,
                input={**describe(file, book.got), "journal": str(book.journal)},
                findings=book.got.findings,
                files=[written, run.out / "history.csv"],
                seconds={"edit": time.perf_counter() - begun},
            )
            history, lost = book.history, tuple(book.lost())
        summary = run.finish()
    return EditSummary(
        **{f.name: getattr(summary, f.name) for f in fields(summary)},
        table=written,
        done=len(history.done),
        undone=len(history.undone),
        steps=tuple(f"{s.number}: {s.text}" for s in history.done[-10:]),
        lost=lost,
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in some containers
        return "unknown"
