"""Questions about objects.parquet, answered by DuckDB without loading the table whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import RunError, Table
from fatescope.storage import connection

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from fatescope.base import FloatArray, IntArray
    from fatescope.systems.nuclei.page.values import SizeUnit

SIZES: dict[str, SizeUnit] = {
    "area_um2": "µm²",
    "volume_um3": "µm³",
    "area_px": "px²",
    "volume_px": "px³",
}
"""Columns that hold a size, the best known first."""

_EMPTY = (
    "(select '' as image, 0 as label, 0 as frame, 0.0 as z, 0.0 as y, 0.0 as x, 0 as area_px "
    "where false)"
)


class ObjectsFile:
    """The table of objects of a run."""

    def __init__(self, path: Path, *, may_be_absent: bool) -> None:
        """Open the table; where no unit gave one it may be absent, and is empty."""
        if not path.is_file() and not may_be_absent:
            raise RunError(f"{path}: is missing. Run the command again to finish the run.")
        self._source = _EMPTY
        self._linked = (path.parent / "tracks.parquet").is_file()
        if path.is_file():
            self._source = "read_parquet('" + str(path).replace("'", "''") + "')"
        self.columns = [r[0] for r in self._rows(f"describe select * from {self._source}")]
        known = [c for c in SIZES if c in self.columns and self._is_whole(c)]
        self._size = f'"{known[0]}"' if known else self._any_size()
        self._by_image: dict[str, tuple[int, float]] | None = None
        self._by_frame: dict[str, list[tuple[int, int]]] | None = None
        self.unit: SizeUnit = SIZES[known[0] if known else "area_px"]

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with connection() as db:
            return list(db.execute(query, list(values)).fetchall())

    def _arrays(self, query: str, *values: Any) -> dict[str, Any]:
        with connection() as db:
            return dict(db.execute(query, list(values)).fetchnumpy())

    def _is_whole(self, column: str) -> bool:
        query = f'select count(*) = count("{column}") from {self._source}'
        return bool(self._rows(query)[0][0])

    def _any_size(self) -> str:
        """Return what every object has where images and stacks are mixed: pixels or voxels."""
        there = [f'"{c}"' for c in ("area_px", "volume_px") if c in self.columns]
        return f"coalesce({', '.join(there)})"

    def by_image(self) -> dict[str, tuple[int, float]]:
        """Return for each image how many objects it has and their median size."""
        if self._by_image is None:
            size = f"median({self._size})"
            query = f"select image, count(*), {size} from {self._source} group by image"
            self._by_image = {str(i): (int(n), float(m)) for i, n, m in self._rows(query)}
        return self._by_image

    def counts(self, key: str, n_frames: int) -> IntArray:
        """Return the objects in each frame of an image."""
        if self._by_frame is None:
            self._by_frame = {}
            query = f"select image, frame, count(*) from {self._source} group by image, frame"
            for image, frame, n in self._rows(query):
                self._by_frame.setdefault(str(image), []).append((int(frame), int(n)))
        counts = np.zeros(n_frames, dtype=np.int64)
        for frame, n in self._by_frame.get(key, ()):
            counts[frame] = n
        return counts

    def sizes(self) -> FloatArray:
        """Return the sizes of all objects, in file order."""
        column = self._arrays(f"select {self._size} as size from {self._source}")["size"]
        return np.asarray(column, dtype=np.float64)

    def centres(self, key: str) -> FloatArray:
        """Return frame, y and x of the objects of an image, shape (n, 3)."""
        found = self._arrays(f"select frame, y, x from {self._source} where image = ?", key)
        return np.stack(
            [np.asarray(found[c], dtype=np.float64) for c in ("frame", "y", "x")], axis=1
        )

    def radius_px(self) -> float:
        """Return the radius of the median object, 1 px at least."""
        area = "area_px" if "area_px" in self.columns else "volume_px"
        median = self._rows(f'select median("{area}") from {self._source}')[0][0]
        return max(1.0, float(np.sqrt((median or 1) / np.pi)))

    def median(self, column: str, key: str) -> float:
        """Return the median of a column over one image; 0 without objects."""
        query = f'select median("{column}") from {self._source} where image = ?'
        return float(self._rows(query, key)[0][0] or 0)

    def suspects(self, named: Collection[str]) -> Table:
        """Return the objects of the named images, and all others that carry a doubt."""
        wanted = ["image", "label", "frame", "z", "y", "x"]
        doubted = "doubt_reason" in self.columns
        wanted += ["doubt", "doubt_reason"] if doubted else []
        columns = ", ".join(c for c in wanted if c in self.columns)
        condition = "list_contains(?, image)" + (" or doubt_reason <> ''" if doubted else "")
        query = (
            f"select {columns} from {self._source} where {condition} order by image, frame, label"
        )
        found = self._arrays(query, sorted(named))
        return Table(
            {c: np.ma.filled(v, None if v.dtype == object else 0) for c, v in found.items()}
        )

    def of_frames(
        self, wanted: set[tuple[str, int]]
    ) -> tuple[dict[tuple[str, int], dict[int, float]], dict[tuple[str, int, int], int]]:
        """Return sizes by label for each (image, frame), and the track of each label if known."""
        known = "label" if self._linked else "NULL"  # a linked nucleus keeps its label
        track = "track_id" if "track_id" in self.columns else known
        query = (
            f"select label, {self._size}, {track} from {self._source} where image = ? and frame = ?"
        )
        sizes: dict[tuple[str, int], dict[int, float]] = {}
        colours: dict[tuple[str, int, int], int] = {}
        for key, frame in sorted(wanted):
            for label, size, number in self._rows(query, key, frame):
                sizes.setdefault((key, frame), {})[int(label)] = float(size)
                if number is not None:
                    colours[key, frame, int(label)] = int(number)
        return sizes, colours
