"""Names and reasons as they may stand in a message of one line."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fatescope.base.errors import FatescopeError, FileFormatError

_LONG_PATH = 260
"""Letters of a path with which Windows ends, unless ``LongPathsEnabled`` is set (MAX_PATH)."""
_TOO_LONG = (2, 3, 123, 206)
"""What it says of such a path: no file, no folder, no name, too long."""


def escape(path: str | os.PathLike[str]) -> str:
    r"""Return ``path`` as it may stand in a one-line message: control characters are escaped.

    Examples
    --------
    >>> escape("a\nb.tif")
    'a\\nb.tif'
    """
    text = os.fspath(path)
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def writable(text: str) -> str:
    r"""Return a text with bytes of file names that are no UTF-8 replaced: no file could hold them.

    Examples
    --------
    >>> writable("a\udcff.tif")
    'a\ufffd.tif'
    """
    try:
        stored = text.encode("utf-8", errors="surrogateescape")
    except UnicodeEncodeError:  # half of a pair, as a name on Windows may hold
        stored = text.encode("utf-8", errors="replace")
    return stored.decode("utf-8", errors="replace")


@contextmanager
def explained(
    say: Callable[[Exception], str], kind: type[FatescopeError] = FileFormatError
) -> Iterator[None]:
    """Say in a sentence of ours whatever a library meets in damaged data.

    Parsers, codecs and readers of weights raise errors of their own, which share no base class. Our
    own errors, a package that is missing and a file that may not be read pass as they are.
    """
    try:
        yield
    except (FatescopeError, ModuleNotFoundError, PermissionError):
        raise
    except Exception as error:  # see above
        raise kind(say(error)) from error


def explain_os_error(error: OSError) -> str:
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
    windows = getattr(error, "winerror", None)
    if windows in _TOO_LONG and len(str(error.filename or "")) >= _LONG_PATH:
        return (
            f"Windows takes no path of {_LONG_PATH} letters or more, unless long paths are "
            "switched on. Choose a shorter one, or switch them on (docs/files.md)."
        )
    text = known.get(error.errno or 0)
    return f"{text}." if text else f"{error.strerror or error}."
