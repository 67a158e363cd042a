"""The files of a plate, and the limits of what its index may name."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fatescope.base import FileFormatError, escape, explain_os_error

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Listing:
    """All files below a folder.

    Parameters
    ----------
    root : Path
    names : tuple of str
        Relative to ``root``, with ``/`` between parts, in natural order (2 before 10).
    """

    root: Path
    names: tuple[str, ...]

    def by_folded(self) -> dict[str, str]:
        """Return the names by their lower case: an index is often written on another system."""
        return {name.casefold(): name for name in self.names}


def list_plate_files(root: Path) -> Listing:
    """List all files below ``root``; hidden ones are passed by, loops of links end.

    Raises
    ------
    FileFormatError
        If the folder cannot be read.
    """
    names: list[str] = []
    seen: set[str] = set()

    def refuse(error: OSError) -> None:
        raise FileFormatError(
            f"{escape(root)}: cannot be read: {explain_os_error(error)}"
        ) from error

    for folder, below, files in os.walk(root, followlinks=True, onerror=refuse):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = [name for name in below if not name.startswith(".")]
        place = Path(folder).relative_to(root).as_posix()
        prefix = "" if place == "." else f"{place}/"
        names += [prefix + name for name in files if not name.startswith(".")]
    return Listing(root, tuple(sorted(names, key=natural_parts)))


def natural_parts(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts numbers inside names by value."""
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in _DIGITS.split(name)]


def named_inside(folder: str, name: str) -> str | None:
    r"""Return the file that an index in ``folder`` names, or ``None`` where it leaves the plate.

    Examples
    --------
    >>> named_inside("Images", "a.tiff"), named_inside("Images", r"..\..\b.tiff")
    ('Images/a.tiff', None)
    """
    text = name.strip().replace("\\", "/")
    path = PurePosixPath(text)
    if not text or "\0" in text or path.is_absolute() or ".." in path.parts or ":" in text:
        return None
    return (PurePosixPath(folder) / path).as_posix() if folder else path.as_posix()


def parent(name: str) -> str:
    """Return the folder of a listed name, empty at the root."""
    return name.rpartition("/")[0]


def by_last_name(listing: Listing) -> dict[str, str]:
    """Return, in small letters, the files whose name, without their folder, is there once."""
    found: dict[str, str] = {}
    for name in listing.names:
        last = name.rpartition("/")[2].casefold()
        found[last] = "" if last in found else name
    return {last: name for last, name in found.items() if name}
