"""Reviews that are open: one for each image or lineage that is corrected, shared by all tabs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fatescope.acquire.lineages import find_lineages
from fatescope.base import FatescopeError
from fatescope.engine import count_entries
from fatescope.systems.labels.review import FOLDER, LabelReview, journal_of
from fatescope.systems.lineages.review import LineageReview
from fatescope.systems.registry import question_named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fatescope.acquire.lineages import LineageFile, LineageReading
    from fatescope.app.results import Pair
    from fatescope.app.store import Job

_HELD = 64
"""So many are held; the one that was used longest ago is closed, and replayed when needed."""


def lineage_journal(out: Path, key: str) -> Path:
    """Return where the edits of a lineage of a result are, or will be."""
    return out / FOLDER / "lineages" / f"{key}.jsonl"


def editable_lineages(job: Job, out: Path) -> tuple[LineageFile, ...]:
    """Return the lineages of a result that can be edited: made by it, or those it was given."""
    if job.is_open or not job.summary:
        return ()
    made = [path for path in (out / "named", out / "spots.csv") if path.exists()]
    if question_named(job.question).takes == {"lineage"}:
        return _found((made[0],) if made and made[0].is_dir() else job.inputs, job.ended)
    return _found((made[0],), job.ended) if made else ()


@lru_cache(maxsize=64)
def _found(inputs: tuple[Path, ...], ended: float | None) -> tuple[LineageFile, ...]:
    try:
        return tuple(find_lineages(inputs))
    except FatescopeError:  # they were removed
        return ()


def lineages_shown(job: Job, out: Path) -> list[dict[str, Any]]:
    """Return the lineages of a result as its page lists them."""
    return [
        {"n": n, "key": file.key, "entries": count_entries(lineage_journal(out, file.key))}
        for n, file in enumerate(editable_lineages(job, out))
    ]


class Reviews:
    """Open journals by job and image. A journal is locked, so each is opened once."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str, str], LabelReview | LineageReview] = OrderedDict()
        self._lock = threading.Lock()
        self._opening: dict[tuple[str, str, str], threading.Lock] = {}

    def of(self, job: Job, out: Path, pair: Pair, *, begin: bool = False) -> LabelReview | None:
        """Return the review of an image; ``None`` if nobody corrected it and none is begun."""
        if not begin and not journal_of(out, pair.key).exists():
            return None

        def opened() -> LabelReview:
            return LabelReview.open(
                out, pair.key, image=pair.image, labels=pair.labels, file=pair.labels_file
            )

        review = self._held((job.id, "labels", pair.key), opened)
        assert isinstance(review, LabelReview)
        return review

    def lineage(
        self, job: Job, out: Path, file: LineageFile, reading: LineageReading
    ) -> LineageReview:
        """Return the review of a lineage, begun if nobody edited it."""

        def opened() -> LineageReview:
            return LineageReview.open(file, journal=lineage_journal(out, file.key), reading=reading)

        review = self._held((job.id, "lineage", file.key), opened)
        assert isinstance(review, LineageReview)
        return review

    def _held(
        self, key: tuple[str, str, str], opened: Callable[[], LabelReview | LineageReview]
    ) -> LabelReview | LineageReview:
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:  # takes seconds for a long journal: others go on with theirs
            with self._lock:
                if key in self._open:
                    return self._open[key]
            review = opened()
            with self._lock:
                self._open[key] = review
                self._opening.pop(key, None)
                while len(self._open) > _HELD:
                    self._open.popitem(last=False)[1].close()
            return review

    def forget(self, job: Job) -> None:
        """Close the journals of a result that is removed."""
        with self._lock:
            for key in [k for k in self._open if k[0] == job.id]:
                self._open.pop(key).close()

    def close(self) -> None:
        """Close all; every edit is on the disk already."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
