"""Reviews that are open: one for each image that somebody corrects, shared by all tabs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from fatescope.workflows.review.labels import LabelReview, journal_of

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.app.results import Pair
    from fatescope.app.store import Job

_HELD = 64
"""So many are held; the one that was used longest ago is closed, and replayed when needed."""


class Reviews:
    """Open journals by job and image. A journal is locked, so each is opened once."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[str, str], LabelReview] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, job: Job, out: Path, pair: Pair, *, begin: bool = False) -> LabelReview | None:
        """Return the review of an image; ``None`` if nobody corrected it and none is begun."""
        key = (job.id, pair.key)
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
            if not begin and not journal_of(out, pair.key).exists():
                return None
            review = LabelReview.open(
                out, pair.key, image=pair.image, labels=pair.labels, file=pair.labels_file
            )
            self._open[key] = review
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
