"""Labelled boxes: a table of rectangles with classes, for one image or for many."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.prepare.store import Sample

COLUMNS = ("x0", "y0", "x1", "y1", "class")
"""Half-open, in pixels from 0. A column ``image`` says whose row it is, where a table has many."""

TABLE = "boxes.csv"
"""Beside an ``index.csv``: the boxes of all its images."""


@dataclass(frozen=True, slots=True)
class BoxLabels:
    """The boxes of one image."""

    corners: FloatArray  # (n, 4): y0, x0, y1, x1
    classes: NDArray[Any]  # (n,) of str

    def __len__(self) -> int:
        return len(self.corners)


def read_boxes(samples: Sequence[Sample]) -> list[BoxLabels]:
    """Read the boxes of samples; each table is read once. No row means that nothing is there.

    Raises
    ------
    FileFormatError
        If a table cannot be read, lacks a column, or holds a box that is none.
    """
    tables: dict[Path, dict[str | None, list[_Row]]] = {}
    found = []
    for sample in samples:
        if sample.labels not in tables:
            tables[sample.labels] = _by_image(sample.labels)
        table = tables[sample.labels]
        rows = [r for n in {None, sample.image.name, sample.image.stem} for r in table.get(n, [])]
        corners = np.array([corner for corner, _ in rows], dtype=np.float64).reshape(-1, 4)
        found.append(BoxLabels(corners, np.array([c for _, c in rows], dtype=object)))
    return found


_Row = tuple[tuple[float, float, float, float], str]


def _by_image(path: Path) -> dict[str | None, list[_Row]]:
    """Return the rows of a table by the image they name; ``None`` where no column names one."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            missing = [c for c in COLUMNS if c not in (reader.fieldnames or ())]
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{path}: the boxes cannot be read ({error}). Give a table with the columns "
            f"{', '.join(COLUMNS)}."
        ) from error
    if missing:
        raise FileFormatError(f"{path}: the columns {', '.join(missing)} are missing. Add them.")
    found: dict[str | None, list[_Row]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            x0, y0, x1, y1 = (float(row[c]) for c in COLUMNS[:4])
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"{path}, row {number}: four numbers are needed.") from error
        if not (x0 < x1 and y0 < y1 and row["class"]):
            raise FileFormatError(
                f"{path}, row {number}: a box needs x0 < x1, y0 < y1 and a class; got "
                f"{[row[c] for c in COLUMNS]}."
            )
        found.setdefault(row.get("image"), []).append(((y0, x0, y1, x1), row["class"]))
    return found
