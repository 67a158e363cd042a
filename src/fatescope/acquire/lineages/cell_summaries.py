"""Tables of one row per cell: several embryos, each cell with its frames and its first place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fatescope.acquire.lineages.scale import EPIC_SPACING_UM
from fatescope.acquire.lineages.text import Kinds, read_table_text, text_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.finding import Finding
    from fatescope.base.types import FloatArray

COLUMNS = ("table", "cell", "first", "last", "x", "y", "z")


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSummary:
    """The cells of one embryo: names, first and last frame, x, y, z in µm in the first one."""

    title: str
    name: np.ndarray
    first: FloatArray
    last: FloatArray
    xyz_um: FloatArray


def holds_cell_summaries(path: Path) -> bool:
    """Tell whether the header of a file is that of a table of cells."""
    lines = text_lines(path)
    header = next(lines, "")
    lines.close()
    return set(COLUMNS) <= {h.strip() for h in header.split(",")}


def read_cell_summaries(
    path: Path, *, spacing_um: Sequence[float] | None = None
) -> tuple[list[CellSummary], list[Finding]]:
    """Read all embryos of a table of cells, and what was wrong with its rows.

    Parameters
    ----------
    spacing_um : sequence of 3 floats, optional
        z, y, x; the usual recording of the EPIC collection where it is not given.
    """
    z, y, x = spacing_um or tuple(EPIC_SPACING_UM[a] for a in "ZYX")
    numbers = Kinds(numeric=frozenset(COLUMNS[2:]), required=frozenset(("first", "last")))
    raw = read_table_text(path, lambda _: numbers)
    columns = raw.columns
    place = np.stack([np.asarray(columns[a], float) for a in "xyz"], axis=1) * (x, y, z)
    titles = columns["table"].astype(str)
    embryos = []
    for title in sorted(set(titles.tolist())):
        rows = titles == title
        embryos.append(
            CellSummary(
                title=title,
                name=columns["cell"][rows],
                first=np.asarray(columns["first"][rows], float),
                last=np.asarray(columns["last"][rows], float),
                xyz_um=place[rows],
            )
        )
    return embryos, raw.findings
