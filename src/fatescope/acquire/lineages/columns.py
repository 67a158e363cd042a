"""The rows of a lineage as its file gave them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages.headers import kinds_of
from fatescope.acquire.lineages.text import read_table_text
from fatescope.base.table import Table

if TYPE_CHECKING:
    from fatescope.acquire.lineages.result import ReadLineage
    from fatescope.base import Lineage


def original_columns(path: Path, read: ReadLineage) -> Table:
    """Return the columns of the file, row by row; of formats without rows, those of a plain table.

    Raises
    ------
    FileFormatError
        If the file can no longer be read.
    """
    lineage = read.lineage
    if read.format in ("epic", "csv"):
        raw = read_table_text(path, kinds_of)
        if len(raw.line) == len(lineage):
            return Table(dict(raw.columns))
    return plain_table(lineage)


def plain_table(lineage: Lineage) -> Table:
    """Return the columns of a plain table: everything counts from 0, ``parent`` is an ``id``."""
    z, y, x = lineage.position.T
    parent = np.array([str(p) if p >= 0 else "" for p in lineage.parent], dtype=object)
    return Table(
        {
            "id": np.arange(len(lineage)),
            "frame": lineage.frame,
            "z": z,
            "y": y,
            "x": x,
            "radius_px": lineage.radius_px,
            "parent": parent,
            "name": lineage.name,
        }
    )
