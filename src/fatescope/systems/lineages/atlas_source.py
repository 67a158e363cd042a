"""Open an atlas: the shipped one, or one that `lineage atlas` made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.lineages.atlas_file import IN_FOLDER, read_arrays
from fatescope.lineage.atlas_arrays import atlas_from_arrays

if TYPE_CHECKING:
    from fatescope.lineage.atlas import Atlas


def open_atlas(path: Path | None = None) -> Atlas:
    """Read an atlas once per process, and again where its file has changed.

    Raises
    ------
    FileFormatError
        If it cannot be read.
    """
    file = path / IN_FOLDER if path is not None and path.is_dir() else path
    if file is None or not file.is_file():
        return _opened(path, 0, 0)
    now = file.stat()
    return _opened(path, now.st_mtime_ns, now.st_size)


@cache
def _opened(path: Path | None, _time: int, _size: int) -> Atlas:
    return atlas_from_arrays(*read_arrays(path))
