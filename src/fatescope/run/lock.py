"""One process at a time in an output folder; the system frees the lock of a dead process."""

from __future__ import annotations

import sys
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


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
