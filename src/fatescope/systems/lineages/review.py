"""A lineage while it is edited: journal, undo, the cells as they are now, what a check says.

The table itself is never changed. The journal holds every action with who, when and why, and an
action is on the disk before it is answered. ``lineage edit`` and the app do the same through this
one class, so either goes on from the journal of the other.
"""

from __future__ import annotations

import hashlib
import math
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fatescope.acquire.lineages import format_of, losses, write_lineage
from fatescope.base import FileFormatError, InputError, Table
from fatescope.engine import Journal
from fatescope.lineage import cells_of
from fatescope.lineage.editing import (
    Group,
    History,
    Rename,
    Step,
    SwapDaughters,
    action_from_record,
    action_to_record,
    editable,
    fingerprint,
    parse_command,
)
from fatescope.lineage.lint import LintSettings, lint_one_lineage
from fatescope.storage import hash_path
from fatescope.systems.lineages.name_again import new_names
from fatescope.systems.lineages.reading import open_atlas, read, with_estimated_spacing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fatescope.acquire.lineages import (
        LineageFile,
        LineageFormat,
        LineageReading,
        ReadLineage,
    )
    from fatescope.base import Finding, Lineage
    from fatescope.engine import Entry
    from fatescope.lineage.editing import Action
    from fatescope.numeric import Tracks


class ChangedError(InputError):
    """Somebody else has changed the lineage since it was looked at."""


@dataclass(slots=True)
class LineageReview:
    """A lineage that is open for edits. Use it from any thread.

    Parameters
    ----------
    file : LineageFile
    got : ReadLineage
        What was read from it, with the findings of reading.
    """

    file: LineageFile
    got: ReadLineage
    _journal: Journal
    _history: History
    _found: tuple[str, LintSettings, list[Finding]] | None = None
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _checking: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def open(cls, file: LineageFile, *, journal: Path, reading: LineageReading) -> Self:
        """Open the journal of a table, or begin one, and do again what it holds.

        Raises
        ------
        RunError
            If another program has it open, or it is about another table.
        FileFormatError
            If it is damaged, or the table is no lineage.
        """
        got = read(file, reading)
        original = editable(got.lineage)
        about = {"table": file.path.name, "sha256": _content(file.path, original)}
        book = Journal.open(journal, about=about)
        with ExitStack() as undo:
            undo.callback(book.close)
            opened = cls(file, got, book, _replay(original, book.entries, name=str(book.path)))
            undo.pop_all()
        return opened

    def close(self) -> None:
        """Give the journal back; edits are on the disk already."""
        with self._lock:
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What a person does

    def commit(
        self,
        do: Sequence[str] = (),
        *,
        undo: int = 0,
        redo: int = 0,
        who: str,
        why: str = "",
        seen: int | None = None,
    ) -> None:
        """Undo, redo, then do; all of it is on the disk when this returns.

        Parameters
        ----------
        do : sequence of str
            Lines such as ``"swap ABala ABalp"``.
        undo, redo : int
            How many steps.
        who, why : str
            Written with each entry.
        seen : int, optional
            The `revision` that the person looked at. A line may name rows by number, so it is
            refused where somebody else has changed the lineage since.

        Raises
        ------
        ChangedError
            If ``seen`` is not the revision any more.
        InputError
            If a step cannot be done. Then none of them is: steps are tried in memory before the
            first is written down.
        RunError
            If the disk is full; then what was written down before holds.
        """
        with self._lock:
            if seen is not None and seen != self.revision:
                raise ChangedError(
                    "this lineage was changed in the meantime, in another window. Look at it as it "
                    "is now, and do it again."
                )
            history, entries = self._tried(do, undo, redo)
            for kind, body, after in entries:
                self._journal.append(kind, body, who=who, why=why)
                self._history = after
            self._history = history

    def name_again(self, to_scale: Callable[[Lineage], Lineage], *, who: str, seen: int) -> None:
        """Name again what depends on the steps since cells were named, as one step.

        ``to_scale`` gives a lineage its spacing. An undo takes the step back together with the one
        that it followed (`steps_back`).

        Raises
        ------
        InputError
            If somebody edited it since ``seen``; naming takes seconds.
        """
        with self._lock:
            self.commit(who=who, seen=seen)
            history = self._history
        since = list(history.done)
        while since and not self._is_naming(since[-1]):
            since.pop()
        recent = history.done[len(since) :]
        names = {w for s in history.done if not self._is_naming(s) for w in _names_given(s.action)}
        scaled = to_scale(history.lineage)
        lines = new_names(scaled, (s.action for s in recent), kept=names)
        self.commit(["; ".join(lines)] if lines else [], who=who, why=NAMED_AGAIN, seen=seen)

    @property
    def steps_back(self) -> int:
        """How many steps one undo takes back: a naming goes with what it followed."""
        done = self._history.done
        return 1 + (len(done) > 1 and self._is_naming(done[-1]))

    @property
    def steps_on(self) -> int:
        """How many steps one redo brings back."""
        undone = self._history.undone
        return 1 + (len(undone) > 1 and self._is_naming(undone[-2]))

    def _is_naming(self, step: Step) -> bool:
        return self._journal.entries[step.number - 1].why == NAMED_AGAIN

    def _tried(
        self, lines: Sequence[str], undo: int, redo: int
    ) -> tuple[History, list[tuple[str, dict[str, Any], History]]]:
        """Take all steps in memory; return the history after them and the entries to commit."""
        history = self._history
        entries: list[tuple[str, dict[str, Any], History]] = []
        for kind, n in (("undo", undo), ("redo", redo)):
            for _ in range(n):
                steps = history.done if kind == "undo" else history.undone
                number = steps[-1].number if steps else 0
                history = history.undo() if kind == "undo" else history.redo()
                entries.append((kind, {"of": number}, history))
        for line in lines:
            action = parse_command(line, history.lineage)
            history = history.do(Step(self.revision + len(entries) + 1, action, line))
            after = fingerprint(history.lineage)[:16]
            body = {"text": line, "action": action_to_record(action), "after": after}
            entries.append(("do", body, history))
        return history, entries

    # What there is to see

    @property
    def revision(self) -> int:
        """How many entries the journal has; it grows with each edit, undo and redo."""
        return len(self._journal.entries)

    @property
    def journal(self) -> Path:
        """Where the journal is."""
        return self._journal.path

    @property
    def lineage(self) -> Lineage:
        """The lineage as it is now."""
        return self._history.lineage

    @property
    def history(self) -> History:
        """The steps that hold, and those that can be done again."""
        return self._history

    @property
    def state(self) -> dict[str, Any]:
        """What can be undone and redone."""
        with self._lock:
            done, undone = self._history.done, self._history.undone
            return {
                "revision": self.revision,
                "edits": len(done),
                "undo": done[-1].text if done else "",
                "redo": undone[-1].text if undone else "",
            }

    def cells(self) -> list[dict[str, Any]]:
        """Return the cells as they are now: mothers before daughters, sisters by name.

        Each says how an edit calls it (``call``), its frames, how deep in the tree it lies, the
        place of its mother in this list (-1: none) and how many cells come from it.
        """
        lineage = self.lineage
        tracks = cells_of(lineage)
        calls = _calls(tracks, lineage)
        depth = [0] * len(tracks)
        found = []
        for k, mother in enumerate(tracks.mother.tolist()):
            depth[k] = depth[mother] + 1 if mother >= 0 else 0
            found.append(
                {
                    "name": str(tracks.name[k]),
                    "call": calls[k],
                    "row": int(tracks.first_row[k]),
                    "first": int(tracks.first[k]),
                    "last": int(tracks.last[k]),
                    "mother": mother,
                    "daughters": int(tracks.n_daughters[k]),
                    "depth": depth[k],
                }
            )
        return found

    def spots(self, row: int) -> list[dict[str, Any]]:
        """Return all rows of the cell that a row belongs to, by frame; unknown is ``None``."""
        lineage = self.lineage
        if not 0 <= row < len(lineage):
            raise InputError(f"there is no row {row} in this lineage any more.")
        tracks = cells_of(lineage)
        k = int(tracks.of_row[row])
        rows = tracks.rows[tracks.start[k] : tracks.start[k + 1]]
        columns = (*lineage.position[rows].T.tolist(), lineage.radius_px[rows].tolist())
        return [
            {
                "row": int(r),
                "frame": int(lineage.frame[r]),
                **{c: v if math.isfinite(v) else None for c, v in zip(_PLACE, spot, strict=True)},
            }
            for r, spot in zip(rows, zip(*columns, strict=True), strict=True)
        ]

    def findings(self, settings: LintSettings) -> tuple[int, list[Finding]]:
        """Check the lineage as it is now, as ``lineage lint`` does; return what was checked, too.

        A check takes seconds; edits do not wait for it.

        Returns
        -------
        int
            The `revision` that was checked.
        list of Finding
            Errors first. Those of reading speak of the table as it was found.
        """
        with self._checking:  # whoever comes meanwhile has the answer of the first
            with self._lock:
                revision, lineage, found = self.revision, self.lineage, self._found
            now = fingerprint(lineage)
            if found is None or found[:2] != (now, settings):
                checked = lint_one_lineage(
                    with_estimated_spacing(lineage),
                    file=self.file.key,
                    settings=settings,
                    atlas=open_atlas(),
                )
                found = now, settings, [*self.got.findings, *checked]
                self._found = found
            return revision, found[2]

    def write(self, path: Path, *, format: LineageFormat | None = None) -> Path:
        """Write the lineage as it is now; without a format, in that of the name of the path."""
        with self._lock:
            path.parent.mkdir(parents=True, exist_ok=True)
            return write_lineage(self.lineage, path, format=format)

    def lost(self) -> list[str]:
        """Say what of the edits a table of this name cannot hold, such as links in EPIC tables."""
        format = format_of(Path(f"{self.file.key}.csv"))
        before = losses(self.got.lineage, format=format)
        return [said for said in losses(self.lineage, format=format) if said not in before]

    def listed(self) -> Table:
        """Return one row per entry: number, time, who, why, what, and whether it holds now."""
        with self._lock:
            holds = {s.number for s in self._history.done}
            entries = list(self._journal.entries)
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


_PLACE = ("z", "y", "x", "radius")
NAMED_AGAIN = "named again"
"""Why the names of a step changed: not because a person said so."""


def _names_given(action: Action) -> set[str]:
    match action:
        case Rename(_, _, new):
            return set(new)
        case SwapDaughters(first, second):
            return {first, second}
        case Group(parts):
            return {name for part in parts for name in _names_given(part)}
    return set()


def _calls(tracks: Tracks, lineage: Lineage) -> list[str]:
    """Return how an edit names each cell: by its name, or by its first row and what follows."""
    names, counts = np.unique(lineage.name.astype(str), return_counts=True)
    rows_of_name = dict(zip(names.tolist(), counts.tolist(), strict=True))
    return [
        str(name) if name and rows_of_name[str(name)] == n else f"#{row}-"
        for name, n, row in zip(
            tracks.name.tolist(), tracks.n_rows.tolist(), tracks.first_row.tolist(), strict=True
        )
    ]


def _replay(original: Lineage, entries: Sequence[Entry], *, name: str) -> History:
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


def _content(table: Path, lineage: Lineage) -> str:
    """Return what identifies the table: its bytes, or for a folder its rows."""
    if table.is_file():
        return hash_path(table)
    return hashlib.sha256(fingerprint(lineage).encode()).hexdigest()
