"""A bar of progress in a notebook, for calls that were given no progress of their own."""

from __future__ import annotations

import html
import importlib
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fatescope.base import Progress

_QUIET_SECONDS = 2.0  # as on a terminal
_REDRAW_SECONDS = 0.2  # as there


def notebook_progress() -> Progress | None:
    """Return a bar that draws itself into the cell, or ``None`` outside a notebook.

    It appears after two seconds and leaves with the last unit. The stop button of the notebook is
    an interrupt: workers are ended, what was done stays done.
    """
    return _Bar() if "ipykernel" in sys.modules else None


class _Bar:
    def __init__(self) -> None:
        self._begun = self._drawn = time.monotonic()
        self._display: Any = None

    def __call__(self, done: int, total: int, what: str) -> None:
        now = time.monotonic()
        too_soon = now - self._begun < _QUIET_SECONDS or now - self._drawn < _REDRAW_SECONDS
        if too_soon and (done < total or self._display is None):
            return
        self._drawn = now
        show: Any = importlib.import_module("IPython.display")  # is there where a notebook is
        line = f"{done}/{total} {html.escape(what)}"
        bar = show.HTML(f'<progress value="{done}" max="{total}"></progress> {line}')
        if self._display is None:
            self._display = show.display(bar, display_id=True)
        else:
            self._display.update(bar if done < total else show.HTML(line))
