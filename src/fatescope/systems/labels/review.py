"""The labels of one image of a result while they are corrected: journal, undo, corrected files.

Nothing that a run wrote is changed. ``review/<image>.jsonl`` in its folder holds every edit with
who and when; an edit is on the disk before `LabelReview.edit` returns. ``review/labels`` and
``review/objects`` are made from the run and the journal, and can always be made again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from fatescope.acquire import label_tiles, write_labels
from fatescope.base import FileFormatError, InputError
from fatescope.engine import Journal
from fatescope.measurement import ObjectSums, objects_table
from fatescope.review import (
    LabelHistory,
    LabelStep,
    change_between,
    change_from_record,
    change_to_record,
)
from fatescope.storage import connection, hash_path, write_beside
from fatescope.systems.labels.edit import change_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base import Image, Table
    from fatescope.engine import Entry
    from fatescope.review import Change
    from fatescope.systems.labels.edit import LabelEdit

FOLDER = "review"
_LARGEST_FRAME = 300_000_000
"""Pixels of a frame; one that is corrected takes four bytes for each."""
_BAND_ROWS = 1024
_TYPES = (np.uint8, np.uint16, np.uint32)
Place = tuple[int, int]
"""Frame and plane."""


def journal_of(out: Path, key: str) -> Path:
    """Return where the journal of an image is, or will be."""
    return out / FOLDER / f"{key}.jsonl"


@dataclass(slots=True)
class LabelReview:
    """The labels of one image of a result, open for corrections. Use it from any thread.

    Parameters
    ----------
    out : Path
        Output folder of the run.
    key : str
        The image, as ``images.csv`` calls it.
    image, labels : Image
        As the run read and wrote them.
    """

    out: Path
    key: str
    image: Image
    labels: Image
    _journal: Journal
    _history: LabelHistory
    _checked: dict[Place, bool] = field(default_factory=dict)
    _revisions: dict[int, int] = field(default_factory=dict)
    _table_of: int = -1
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def open(cls, out: Path, key: str, *, image: Image, labels: Image, file: Path) -> Self:
        """Open the journal of an image, or begin one, and do again what it holds.

        Parameters
        ----------
        out, key, image, labels
            See the class.
        file : Path
            The label image on the disk: a journal is about these bytes and no others.

        Raises
        ------
        RunError
            If another program has it open, or it is about other labels.
        FileFormatError
            If it is damaged.
        """
        about = {"labels": file.relative_to(out).as_posix(), "sha256": hash_path(file)}
        journal = Journal.open(journal_of(out, key), about=about)
        review = cls(out, key, image, labels, journal, LabelHistory(lambda t: _frame(labels, t)))
        try:
            for entry in journal.entries:
                review._replay(entry)
        except (InputError, KeyError) as error:
            journal.close()
            raise FileFormatError(
                f"{journal.path}: entry {entry.number} cannot be applied: {error} Move the "
                "journal away to begin again."
            ) from error
        return review

    def close(self) -> None:
        """Give the journal back; edits are on the disk already."""
        with self._lock:
            self._journal.close()

    def _replay(self, entry: Entry) -> None:
        body = entry.body
        if entry.kind == "edit":
            change = change_from_record(body["change"])
            self._history.do(LabelStep(entry.number, change, str(body["text"])))
            self._touch(change.frame)
        elif entry.kind in ("undo", "redo"):
            step = self._history.undo() if entry.kind == "undo" else self._history.redo()
            self._touch(step.change.frame)
        elif entry.kind == "checked":
            self._checked[(int(body["frame"]), int(body["plane"]))] = bool(body["yes"])
        else:
            raise InputError(f"{entry.kind!r} is not a kind of entry.")

    def _touch(self, frame: int) -> None:
        self._revisions[frame] = self._revisions.get(frame, 0) + 1

    # What a person does

    def edit(self, edit: LabelEdit, *, who: str) -> int:
        """Commit one edit; it is on the disk when this returns.

        Returns
        -------
        int
            The object that it is about, as it is called now; 0 if there is none any more.

        Raises
        ------
        InputError
            If it cannot be done; then nothing is.
        RunError
            If the disk is full; then nothing is done.
        """
        with self._lock:
            self._check_place(edit.frame, edit.plane)
            labels = self._history.frame(edit.frame)
            solid = labels.ndim == 3
            spacing = self.image.spacing.um("ZYX" if solid else "YX")
            change, label, text = change_for(edit, labels, spacing=spacing)
            self._commit(change, text, who)
            return label

    def replace_frame(
        self, frame: int, labels: NDArray[np.integer[Any]], *, who: str, text: str
    ) -> bool:
        """Commit what differs in a frame, (Y, X) or (Z, Y, X), as one edit; say whether any does.

        Raises
        ------
        RunError
            If the disk is full; then nothing is done.
        """
        with self._lock:
            before = self._history.frame(frame)
            if np.array_equal(before, labels):
                return False
            whole = tuple(slice(0, n) for n in before.shape)
            self._commit(change_between(before, whole, labels, frame=frame), text, who)
            return True

    def _commit(self, change: Change, text: str, who: str) -> None:
        body = {"text": text, "change": change_to_record(change)}
        entry = self._journal.append("edit", body, who=who, why="")
        self._history.do(LabelStep(entry.number, change, text))
        self._touch(change.frame)

    def undo(self, *, who: str) -> int:
        """Take the last edit back, and return its frame."""
        return self._step("undo", who)

    def redo(self, *, who: str) -> int:
        """Bring back what was undone last, and return its frame."""
        return self._step("redo", who)

    def _step(self, kind: str, who: str) -> int:
        with self._lock:
            steps = self._history.done if kind == "undo" else self._history.undone
            if not steps:
                raise InputError(f"there is nothing to {kind}.")
            step = steps[-1]
            self._journal.append(kind, {"of": step.number, "text": step.text}, who=who, why="")
            (self._history.undo if kind == "undo" else self._history.redo)()
            self._touch(step.change.frame)
            return step.change.frame

    def check(self, frame: int, plane: int, *, yes: bool, who: str) -> None:
        """Say whether a plane is right as it is now, and may be used for training."""
        with self._lock:
            self._check_place(frame, plane)
            body = {"frame": frame, "plane": plane, "yes": yes}
            self._journal.append("checked", body, who=who, why="")
            self._checked[(frame, plane)] = yes

    def _check_place(self, frame: int, plane: int) -> None:
        if frame >= self.labels.size("T") or plane >= self.labels.size("Z"):
            raise InputError(f"there is no frame {frame} with a plane {plane} in this image.")

    # What there is to see

    @property
    def state(self) -> dict[str, Any]:
        """What can be undone and redone, and which planes may be used for training."""
        with self._lock:
            done, undone = self._history.done, self._history.undone
            return {
                "edits": len(done),
                "undo": done[-1].text if done else "",
                "redo": undone[-1].text if undone else "",
                "revisions": {str(t): n for t, n in self._revisions.items()},
                "checked": [list(p) for p in self.checked()],
            }

    def checked(self) -> list[Place]:
        """Return frame and plane of what may be used for training, in order.

        That is what a person said is right. Of labels without planes it is also each frame with
        an edit that holds: whoever corrects a frame has looked at all of it.
        """
        with self._lock:
            said = dict(self._checked)
            if "Z" not in self.labels.axes:
                for frame in self._history.edited:
                    said.setdefault((frame, 0), True)
            return sorted(place for place, yes in said.items() if yes)

    def listed(self) -> list[dict[str, Any]]:
        """Return who did what and when, the oldest first."""
        with self._lock:
            holds = {s.number for s in self._history.done}
            return [
                {
                    "time": e.time,
                    "who": e.who,
                    "text": f"{'' if e.kind == 'edit' else e.kind + ' '}{e.body.get('text', '')}",
                    "holds": e.number in holds,
                }
                for e in self._journal.entries
            ]

    @property
    def edited(self) -> bool:
        """Whether an edit was ever made, even if it was taken back."""
        return bool(self._revisions)

    def revision(self, frame: int) -> int:
        """Return a number that grows with each change of a frame; 0: as the run wrote it."""
        return self._revisions.get(frame, 0)

    def frame(self, frame: int) -> NDArray[np.uint32]:
        """Return a copy of the labels of a frame as they are now, (Y, X) or (Z, Y, X)."""
        with self._lock:
            return self._history.frame(frame).copy()

    def view(self, frame: int) -> NDArray[np.uint32]:
        """Return the labels of a frame as they are from now on: later edits show in them."""
        with self._lock:
            found = self._history.frame(frame).view()
        found.flags.writeable = False
        return found

    def as_image(self) -> Image:
        """Return the labels of all frames as they are now, read when they are sliced."""
        with self._lock:
            held = {t: self._history.frame(t).copy() for t in self._history.edited}
        return replace(self.labels, pixels=_Corrected(self.labels, held))

    # Files

    def write_labels(self) -> Path:
        """Write the corrected label image, in the layout of the run's own, and return its path."""
        with self._lock:
            shape, axes = self.labels.shape, self.labels.axes
            held = {t: self._history.frame(t) for t in self._history.edited}
            most = max((int(f.max(initial=0)) for f in held.values()), default=0)
            first = next(
                i
                for i, t in enumerate(_TYPES)
                if self.labels.dtype.itemsize <= np.dtype(t).itemsize
            )
            kind = next(t for t in _TYPES[first:] if most <= np.iinfo(t).max)
            path = self.out / FOLDER / "labels" / f"{self.key}.tif"
            blocks = self._blocks(held)
            spacing = self.labels.spacing
            write_labels(path, blocks, shape=shape, axes=axes, dtype=kind, spacing=spacing)
            return path

    def _blocks(self, held: dict[int, NDArray[np.uint32]]) -> Iterator[NDArray[Any]]:
        timed = "T" in self.labels.axes
        for index in label_tiles(self.labels.shape):
            frame = index[0] if timed else 0
            if frame in held:
                yield held[int(frame)][index[1:] if timed else index]
            else:
                yield np.asarray(self.labels.pixels[index])

    def write_objects(self) -> Path:
        """Write the table of objects as they are now, as Parquet and CSV; return the former.

        Rows of objects that no edit touched are those of the run. The others are measured again;
        what a run knows beside measures, such as a score, is missing there.
        """
        with self._lock:
            path = self.out / FOLDER / "objects" / f"{self.key}.parquet"
            now = sum(self._revisions.values())
            if self._table_of != now or not path.exists():
                self._write_objects(path)
                self._table_of = now
            return path

    def _write_objects(self, path: Path) -> None:
        edited = self._history.edited
        measured = [self._measured(t, labels) for t, labels in sorted(edited.items())]
        touched = [(t, n) for t, labels in edited.items() for n in labels]
        source = str(self.out / "objects.parquet")
        with connection() as db:
            described = db.execute("SELECT * FROM read_parquet(?) LIMIT 0", [source]).description
            columns = [d[0] for d in described]
            db.execute("CREATE OR REPLACE TEMP TABLE touched (frame BIGINT, label BIGINT)")
            db.executemany("INSERT INTO touched VALUES (?, ?)", touched or [(-1, -1)])
            query = (
                "SELECT * FROM read_parquet($source) AS o WHERE image = $key AND NOT EXISTS "
                "(FROM touched AS t WHERE t.frame = o.frame AND t.label = o.label)"
            )
            for n, table in enumerate(measured):
                there = [c for c in table if c in columns]
                db.register(f"new_{n}", dict(table.columns))
                names = ", ".join(f'"{c.replace(chr(34), chr(34) * 2)}"' for c in there)
                query += f" UNION ALL BY NAME SELECT $key AS image, {names} FROM new_{n}"
            for name, how in (("parquet", "FORMAT parquet"), ("csv", "FORMAT csv, HEADER")):
                with write_beside(path.with_name(f"{path.stem}.{name}")) as part:
                    db.execute(
                        f"COPY (SELECT * FROM ({query}) ORDER BY frame, label) "
                        f"TO '{str(part).replace(chr(39), chr(39) * 2)}' ({how})",
                        {"source": source, "key": self.key},
                    )

    def _measured(self, frame: int, wanted: set[int]) -> Table:
        """Measure some objects of a frame as they are now; only their surroundings are read."""
        labels, image = self._history.frame(frame), self.image
        names = image.channels or tuple(str(c) for c in range(image.size("C")))
        beside = labels.ndim - 2
        parts = []
        for first in range(0, labels.shape[-2], _BAND_ROWS):
            inside = np.isin(labels[..., first : first + _BAND_ROWS, :], sorted(wanted))
            columns = np.flatnonzero(inside.any(axis=tuple(range(beside + 1))))
            if not len(columns):
                continue
            place = {
                "Y": slice(first, first + inside.shape[-2]),
                "X": slice(int(columns[0]), int(columns[-1]) + 1),
            }
            own = labels[..., place["Y"], place["X"]] * inside[..., place["X"]]
            channels = {n: image.read(T=frame, C=c, **place) for c, n in enumerate(names)}
            origin = (*(0,) * beside, first, int(columns[0]))
            parts.append(ObjectSums.of_block(own, channels, origin=origin))
        if not parts:
            nothing = np.zeros((1,) * labels.ndim, np.uint32)
            parts.append(ObjectSums.of_block(nothing, dict.fromkeys(names, nothing)))
        spacing = image.spacing.um("ZYX" if beside else "YX")
        return objects_table(
            ObjectSums.merged(parts), shape=labels.shape, spacing_um=spacing, frame=frame
        )


class _Corrected:
    """Labels of a run, with the frames that were edited in memory."""

    def __init__(self, labels: Image, held: dict[int, NDArray[np.uint32]]) -> None:
        self._labels, self._held = labels, held
        self.shape, self.dtype = labels.shape, np.dtype(np.uint32)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        timed = "T" in self._labels.axes
        if timed and isinstance(key[0], slice):
            frames = range(*key[0].indices(self.shape[0]))
            return np.stack([self[(t, *key[1:])] for t in frames])
        held = self._held.get(key[0] if timed else 0)
        if held is None:
            return np.asarray(self._labels.pixels[key])
        return np.asarray(held[key[1:] if timed else key])


def _frame(labels: Image, frame: int) -> NDArray[Any]:
    pixels = labels.size("Z") * labels.size("Y") * labels.size("X")
    if pixels > _LARGEST_FRAME:
        raise InputError(
            f"a frame of {pixels / 1e6:,.0f} megapixels is too large to be corrected here; the "
            f"most is {_LARGEST_FRAME / 1e6:.0f}. Cut the image into parts first."
        )
    return labels.read(T=frame)
