"""What a command says, and where: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
import time
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from fatescope.base import escape

_QUIET_SECONDS = 2.0  # progress appears on anything longer than this
_REDRAW_SECONDS = 0.2  # five times a second look smooth
_LOG_SECONDS = 60.0  # a file or a log gets a line once a minute
_USUAL_COLUMNS = 80  # of a terminal that does not say
_LEAST_NAME = 4  # fewer letters of a name than these say nothing


@dataclass(slots=True, kw_only=True)
class Console:
    """The flags ``--json``, ``--quiet`` and ``--debug``, and the ways to speak under them."""

    json: bool = False
    quiet: bool = False
    debug: bool = False
    _started: float = field(default_factory=time.monotonic)
    _drawn: float = 0.0

    def say(self, text: str) -> None:
        """Tell the person something about the result, unless JSON or silence was asked for."""
        if not (self.json or self.quiet):
            print(text)  # noqa: T201 - the one place where fatescope prints text

    def answer(self, document: dict[str, Any]) -> None:
        """Print the one JSON document of ``--json``."""
        if self.json:
            json.dump(document, sys.stdout, ensure_ascii=False, indent=2, allow_nan=False)
            sys.stdout.write("\n")

    def warn(self, text: str) -> None:
        """Write one line to standard error."""
        self._clear()
        sys.stderr.write(" ".join(text.split()) + "\n")

    def progress(self, done: int, total: int, what: str) -> None:
        """Draw one line of progress on a terminal after two seconds; else write one each minute."""
        now = time.monotonic()
        drawn = sys.stderr.isatty()
        first, step = (_QUIET_SECONDS, _REDRAW_SECONDS) if drawn else (_LOG_SECONDS, _LOG_SECONDS)
        if self.quiet or now - self._started < first:
            return
        if now - self._drawn < step and (done < total or not drawn):
            return
        self._drawn = now
        elapsed = now - self._started
        left = f", {_duration(elapsed / done * (total - done))} left" if 0 < done < total else ""
        # A line that is wider than the terminal wraps, and the next one cannot be drawn over it.
        tail = f" ({_duration(elapsed)}{left})"
        line = progress_line(f"{done}/{total} ", what, tail, _columns() - 1)
        sys.stderr.write(f"\r\033[K{line}" if drawn else f"{line}\n")
        sys.stderr.flush()

    def _clear(self) -> None:
        if self._drawn and sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
            self._drawn = 0.0

    def close(self) -> None:
        """Remove the line of progress, if there is one."""
        self._clear()


def progress_line(head: str, what: str, tail: str, columns: int) -> str:
    """Return one line that fits: of a long name its end, without room only the numbers."""
    what = escape(what)
    room = columns - _width(head) - _width(tail)
    if _width(what) > room:
        while what and _width(what) + 1 > room:
            what = what[1:]
        what = f"…{what}" if len(what) >= _LEAST_NAME else ""
    line = head + what + tail
    while _width(line) > columns:
        line = line[:-1]
    return line


def _width(text: str) -> int:
    """Return the columns that a text takes; characters of East Asia are two wide."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def _columns() -> int:
    """Return the width of the terminal that standard error goes to."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or _USUAL_COLUMNS
    except (OSError, ValueError):
        return _USUAL_COLUMNS


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"
