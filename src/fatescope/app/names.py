"""Names that a browser gives to files: each part an ordinary name, or the file is refused.

What a browser says is never a path. A name that could leave its folder, hide, or mean something to
an operating system is not repaired but refused, with a sentence, so that no file is renamed
silently.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from fatescope.base import InputError, escape
from fatescope.storage import PART_SUFFIX

_LONGEST_NAME, _DEEPEST = 180, 24
"""Bytes of one name (systems take 255, and results get an ending), and folders in each other."""
_OF_ZARR = frozenset((".zarray", ".zattrs", ".zgroup", ".zmetadata"))
"""Hidden names that an image in Zarr consists of."""
_FORBIDDEN = frozenset('/\\:*?"<>|')
_DEVICES = frozenset(("con", "prn", "aux", "nul", "conin$", "conout$", "clock$")) | {
    f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"
}


def check_name(name: str) -> str:
    r"""Return a name of a file or folder as it may stand on any disk.

    Raises
    ------
    InputError
        If it is no ordinary name; the sentence says why.

    Examples
    --------
    >>> check_name("embryo 3.tif")
    'embryo 3.tif'
    """
    if name in _OF_ZARR:
        return name
    name = unicodedata.normalize("NFC", name)
    shown = escape(name[:80])
    if not name or not name.strip(". "):
        raise InputError("a file without a name cannot be taken. Rename it.")
    if any(c in _FORBIDDEN or not c.isprintable() for c in name):
        raise InputError(
            f"{shown}: the name holds a character that not every computer takes in a name. Rename "
            "the file with letters, digits, spaces, points, - and _."
        )
    if name[0] in ". ~" or name[-1] in ". " or name.endswith(PART_SUFFIX):
        raise InputError(
            f"{shown}: the name begins or ends like that of a hidden or unfinished file. Rename it."
        )
    if name.partition(".")[0].strip().casefold() in _DEVICES:
        raise InputError(f"{shown}: Windows keeps this name for a device. Rename the file.")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise InputError(f"{shown}: the name is not Unicode. Rename the file.") from None
    if length > _LONGEST_NAME:
        raise InputError(f"{shown}: the name is longer than {_LONGEST_NAME} bytes. Shorten it.")
    return name


def check_parts(parts: Sequence[str]) -> tuple[str, ...]:
    """Return the names of folders and of a file in them, each checked by `check_name`.

    Raises
    ------
    InputError
        If one is no ordinary name, or there are too many.
    """
    if not 1 <= len(parts) <= _DEEPEST:
        raise InputError(
            f"a file lies {len(parts)} folders deep; {_DEEPEST} are taken. Drop the inner folder."
        )
    return tuple(check_name(part) for part in parts)
