"""Which images of a folder that is still being written to are whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fatescope.base.errors import FatescopeError
from fatescope.base.settings import Settings, setting
from fatescope.storage import size_and_time

if TYPE_CHECKING:
    from pathlib import Path

    from fatescope.acquire.find import ImageFile

_PATIENCE_S = 60.0
"""An image that is still and cannot be opened waits this much longer."""

State = tuple[tuple[int, int], ...]
"""Size and time of change of each file of an image."""


class WatchSettings(Settings):
    """When an image counts as whole, and when watching ends."""

    still_s: float = setting(
        5.0, "a file is whole when it has not changed for this long", unit="s", gt=0, le=86_400
    )
    until_idle: float | None = setting(
        None, "end when nothing has changed for this long; default: never", unit="min", gt=0
    )


@dataclass(slots=True)
class Arrivals:
    """What is known of the images of a folder; ask it again and again with `whole`.

    Parameters
    ----------
    still_s : float
        Of an image of one file.
    sequence_still_s : float
        Of an image of many files: longer than the time between two of them.
    can_open : callable
        Raises `FatescopeError` or `OSError` for an image that cannot be opened.
    """

    still_s: float
    sequence_still_s: float
    can_open: Callable[[ImageFile], object]
    changed: float = 0.0
    """When anything last changed."""
    _seen: dict[tuple[Path, ...], tuple[State, float]] = field(default_factory=dict)
    _opened: dict[tuple[Path, ...], State] = field(default_factory=dict)

    def whole(self, files: Sequence[ImageFile], now: float) -> dict[tuple[Path, ...], State]:
        """Return the images that are whole at the time ``now``, in seconds."""
        there = {file.paths for file in files}  # a movie of files has other paths with each frame
        self._seen = {paths: seen for paths, seen in self._seen.items() if paths in there}
        self._opened = {paths: state for paths, state in self._opened.items() if paths in there}
        found = {}
        for file in files:
            state = _state(file)
            before = self._seen.get(file.paths)
            if before is None or before[0] != state:
                self._seen[file.paths] = state, now
                self.changed = now
                continue
            if self._is_whole(file, state, now - before[1]):
                found[file.paths] = state
        return found

    def _is_whole(self, file: ImageFile, state: State, still: float) -> bool:
        least = self.sequence_still_s if file.is_sequence else self.still_s
        if not state or still < least:
            return False
        if self._opened.get(file.paths) == state or still >= least + _PATIENCE_S:
            return True
        try:
            self.can_open(file)
        except (FatescopeError, OSError):
            return False
        self._opened[file.paths] = state
        return True


def _state(file: ImageFile) -> State:
    """Return an empty state for an image that is being moved."""
    try:
        return tuple(size_and_time(path) for path in file.paths)
    except OSError:
        return ()
