"""One process at a time in an output folder; the system frees the lock of a dead process."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import IO

from fatescope.base import RunError, escape, explain_os_error

LOCK_NAME = ".lock"


def locked(folder: Path) -> IO[bytes]:
    """Lock a folder and return the open file that holds the lock; closing it frees it.

    Raises
    ------
    RunError
        If another process has it, or the folder cannot be written.
    """
    try:
        stream = (folder / LOCK_NAME).open("ab")
    except OSError as error:
        raise RunError(f"{escape(folder)}: cannot be written: {explain_os_error(error)}") from error
    try:
        _lock(stream)
    except OSError as error:
        stream.close()
        raise RunError(
            f"{escape(folder)}: another fatescope is working here. Wait for it, or choose "
            "another --out."
        ) from error
    return stream


def wait_until_free(folder: Path, *, seconds: float) -> None:
    """Return when nobody works in a folder, or after so many seconds.

    A process whose starter was killed stops by itself, but not in the same moment.
    """
    end = time.monotonic() + seconds
    while (folder / LOCK_NAME).exists():
        try:
            locked(folder).close()
            return
        except RunError:
            if time.monotonic() > end:
                return
            time.sleep(0.1)


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
