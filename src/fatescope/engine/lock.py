"""One process at a time in an output folder; the system frees the lock of a dead process."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path
from typing import IO

from fatescope.base import RunError, escape, explain_os_error

LOCK_NAME = ".lock"


class FolderLock:
    """A folder that is locked until `free`, which leaves no file behind."""

    def __init__(self, path: Path, stream: IO[bytes]) -> None:
        self._path = path
        self._stream = stream

    def free(self) -> None:
        """Remove the file and free the lock; twice does no harm.

        The file goes while it is held: nobody can have it then, and who opened it before finds
        in `locked` that another one, or none, is in its place.
        """
        if self._stream.closed:
            return
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                if _is_here(self._stream, self._path):
                    self._path.unlink()
        self._stream.close()
        if sys.platform == "win32":  # there, an open file cannot be removed, nor one in use
            with contextlib.suppress(OSError):
                self._path.unlink()

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.free()


def locked(folder: Path) -> FolderLock:
    """Lock a folder.

    Raises
    ------
    RunError
        If another process has it, or the folder cannot be written.
    """
    path = folder / LOCK_NAME
    while True:
        try:
            stream = path.open("ab")
        except OSError as error:
            raise RunError(
                f"{escape(folder)}: cannot be written: {explain_os_error(error)}"
            ) from error
        try:
            _lock(stream)
        except OSError as error:
            stream.close()
            raise RunError(
                f"{escape(folder)}: another fatescope is working here. Wait for it, or choose "
                "another --out."
            ) from error
        if _is_here(stream, path):
            return FolderLock(path, stream)
        stream.close()  # its holder removed it between our opening and our locking


def _is_here(stream: IO[bytes], path: Path) -> bool:
    """Tell whether an open file is the one that stands in the folder."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:  # gone, or about to be (Windows)
        return False


def wait_until_free(folder: Path, *, seconds: float) -> None:
    """Return when nobody works in a folder, or after so many seconds.

    A process whose starter was killed stops by itself, but not in the same moment.
    """
    end = time.monotonic() + seconds
    while (folder / LOCK_NAME).exists():
        try:
            locked(folder).free()
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
