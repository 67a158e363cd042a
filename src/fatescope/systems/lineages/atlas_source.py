"""Open an atlas: the shipped one, or one that `lineage atlas` made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.lineages.atlas_file import read_arrays
from fatescope.lineage.atlas_arrays import atlas_from_arrays

if TYPE_CHECKING:
    from fatescope.lineage.atlas import Atlas


@cache
def open_atlas(path: Path | None = None) -> Atlas:
    """Read an atlas once per process.

    Raises
    ------
    FileFormatError
        If it cannot be read.
    """
    return atlas_from_arrays(*read_arrays(path))
