"""What every room that touches files shares: names in messages, hashes, atomic writing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from fatescope.base.errors import FatescopeError, RunError

PART_SUFFIX = ".fatescope-part"
"""Ending of a file that is not complete; a run removes such leftovers when it continues."""


def shown(path: str | os.PathLike[str]) -> str:
    r"""Return ``path`` as it may stand in a one-line message: control characters are escaped.

    Examples
    --------
    >>> shown("a\nb.tif")
    'a\\nb.tif'
    """
    text = os.fspath(path)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal; the file is streamed."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def reason_of(error: OSError) -> str:
    """Say in a few words why the operating system refused."""
    known = {
        errno.ENOSPC: "no space is left on the disk. Free some space and run the command again",
        errno.EDQUOT: "the disk quota is used up. Free some space and run the command again",
        errno.EACCES: "permission is denied. Ask for the right to it, or copy it elsewhere",
        errno.EPERM: "the operation is not permitted. Choose another place",
        errno.EROFS: "the file system is read-only. Choose another place",
        errno.ENOENT: "there is no such file or folder. Check the spelling",
        errno.ELOOP: "its links point at each other. Give the file itself",
        errno.EISDIR: "it is a folder. Give a file",
        errno.ENOTDIR: "a part of its path is a file, not a folder. Choose another path",
        errno.ENAMETOOLONG: "the name is too long. Choose a shorter one",
        errno.EMFILE: "too many files are open. Use fewer workers",
    }
    text = known.get(error.errno or 0)
    return f"{text}." if text else f"{error.strerror or error}."


@contextlib.contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, which becomes ``path`` when all went well.

    The data are forced to the disk before the renaming, so that ``path`` holds either what it
    held before or the whole new content, even if the power fails. (The renaming itself may be
    lost with the power; a run notices a file that is missing.) On an error, the temporary file
    is removed and ``path`` is untouched.

    Raises
    ------
    RunError
        If the operating system refuses (no space, no permission), in one sentence.
    """
    path = Path(path)
    part = path.with_name(f".{secrets.token_hex(8)}{PART_SUFFIX}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if isinstance(error, OSError) and not isinstance(error, FatescopeError):
            raise RunError(f"{shown(path)}: cannot be written: {reason_of(error)}") from error
        raise
