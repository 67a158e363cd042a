"""What stands in the folder of a result, for the page that shows it."""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from fatescope.acquire import find_images, open_image, read_image, read_table
from fatescope.acquire.plates import PlateReading, read_field, read_plate
from fatescope.acquire.reading import ImageReading
from fatescope.app.planes import BRIGHTEST, PlaneCache, Pyramid
from fatescope.app.store import NotHereError
from fatescope.app.tiles import rough_view
from fatescope.base import Image, InputError, Settings
from fatescope.pages import outline_paths
from fatescope.pages.result import ResultFolder
from fatescope.storage import connection, list_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fatescope.app.store import Job
    from fatescope.base import PlateLayout
    from fatescope.systems.labels.review import LabelReview

ROWS_AT_ONCE = 200  # of objects, as the reader scrolls
_SHOWN_ROWS = 50  # of a table without images: room on the page
_FIELDS = "frames.csv"
_UNWANTED = re.compile(r"^(ledger\.sqlite.*|\..*)$")
_FIRST = ("label", "frame", "z", "y", "x", "area_um2", "area_px", "volume_um3", "volume_px", "name")
_BOXES = re.compile(r"^(image|bbox_.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownImage:
    """An image of a result, to be looked at."""

    key: str
    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(ShownImage):
    """An image of a result and its labels."""

    labels: Image
    labels_file: Path
    n_objects: int


class Results:
    """Images, labels and tables of results, opened once and held while they are looked at."""

    def __init__(self) -> None:
        self._planes = PlaneCache()

    def shown(self, job: Job, out: Path, number: int) -> ShownImage:
        """Return an image by its row in `rows_of_images`: a `Pair` where it has labels."""
        listed = _listed(out)
        is_plate = listed is not None and listed.name == _FIELDS
        cls: type[Settings] = PlateReading if is_plate else ImageReading
        known = {k: v for k, v in job.settings.items() if k in cls.model_fields}
        return _shown(job.inputs, out, number, cls.from_values(known), _changed(out))

    def plane(self, job: Job, shown: ShownImage, at: Mapping[str, int]) -> Pyramid:
        """Return a plane of the image, for tiles."""
        place = _inside(shown.image, at)
        key = (job.id, job.ended, shown.key, "image", tuple(sorted(place.items())))
        return self._planes.get(key, lambda: Pyramid(shown.image, place, labels=False))

    def limits(self, job: Job, shown: ShownImage, at: Mapping[str, int]) -> dict[str, Any]:
        """Return the limits of contrast of a plane, as `limits_of_plane` does."""
        try:
            return limits_of_plane(self.plane(job, shown, at))
        except InputError:  # of a plate, not each channel is there at each time
            return limits_of_plane(self.plane(job, shown, {**at, "T": shown.image.size("T") - 1}))

    def labels(
        self, job: Job, pair: Pair, at: Mapping[str, int], review: LabelReview | None
    ) -> Pyramid:
        """Return a plane of the labels as they are now, for tiles."""
        place = _inside(pair.labels, at)
        frame = place.get("T", 0)
        number = 0 if review is None else review.revision(frame)
        key = (job.id, job.ended, pair.key, number, tuple(sorted(place.items())))

        def made() -> Pyramid:
            image = pair.labels
            if review is not None and number > 0:
                image = _as_shown(review, frame)
            return Pyramid(image, place, labels=True)

        return self._planes.get(key, made)


def _as_shown(review: LabelReview, frame: int) -> Image:
    """Return the labels of one frame as they are now."""
    labels = review.labels
    axes = labels.axes.replace("T", "")
    return Image(pixels=review.view(frame), axes=axes, spacing=labels.spacing.only(axes))


def _inside(image: Image, at: Mapping[str, int]) -> dict[str, int]:
    return {
        a: n if (a, n) == ("Z", BRIGHTEST) else min(max(0, n), image.size(a) - 1)
        for a, n in at.items()
        if a in image.axes
    }


def rows_of_images(out: Path) -> list[dict[str, Any]]:
    """Return the images of a result: ``images.csv`` as rows, or the fields of a plate."""
    path = _listed(out)
    if path is None:
        return []
    table = ResultFolder(out).table(path.stem)
    columns = {name: table[name].tolist() for name in table.columns}
    if path.name == _FIELDS:
        fields = dict.fromkeys(zip(columns["well"], columns["field"], strict=True))
        return [
            {"image": f"{well}, field {field}", "state": "done", "well": well, "field": field}
            for well, field in fields
        ]
    return [{n: c[i] for n, c in columns.items()} for i in range(len(table))]


def _listed(out: Path) -> Path | None:
    """Return the table that lists images, or the frames of the fields of a plate."""
    return next((out / n for n in ("images.csv", _FIELDS) if (out / n).exists()), None)


def _changed(out: Path) -> int:
    path = _listed(out)
    return 0 if path is None else path.stat().st_mtime_ns


@lru_cache(maxsize=64)
def _shown(
    inputs: tuple[Path, ...], out: Path, number: int, reading: Settings, changed: int
) -> ShownImage:
    rows = rows_of_images(out)
    if not 0 <= number < len(rows):
        raise NotHereError("there is no such image in this result.")
    key = str(rows[number]["image"])
    if isinstance(reading, PlateReading):
        layout = _layout(inputs[0], reading)
        well, field = (str(rows[number][n]) for n in ("well", "field"))
        return ShownImage(key=key, image=read_field(layout, well, field))
    assert isinstance(reading, ImageReading)
    files = find_images(
        inputs, pattern=reading.pattern, sequence=reading.sequence, scene=reading.scene
    )
    file = next((f for f in files if f.key == key), None)
    if file is None:
        raise InputError(f"{key}: its image is gone. Run the question again.")
    image = open_image(file, reading)
    labels = next(
        (p for e in (".tif", ".ome.zarr") if (p := out / f"labels/{key}{e}").exists()), None
    )
    if labels is None:
        return ShownImage(key=key, image=image)
    count = rows[number].get("n_objects")
    n_objects = int(count) if count is not None and not math.isnan(float(count)) else 0
    return Pair(
        key=key, image=image, labels=read_image(labels), labels_file=labels, n_objects=n_objects
    )


@lru_cache(maxsize=4)
def _layout(folder: Path, reading: PlateReading) -> PlateLayout:
    return read_plate(folder, reading)


def limits_of_plane(pyramid: Pyramid) -> dict[str, Any]:
    """Return what is shown as black and white at first, the range of the sliders, a rough view."""
    limits = _limits_of(pyramid)
    return {**limits, "rough": rough_view(pyramid, limits["low"], limits["high"])}


def _limits_of(pyramid: Pyramid) -> dict[str, float]:
    values = pyramid.glimpse.astype(np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return {"low": 0.0, "high": 1.0, "least": 0.0, "most": 1.0}
    low, high = np.percentile(values, (0.3, 99.7)).tolist()
    least, most = float(values.min()), float(values.max())
    if high <= low:
        low, high = least, max(most, least + 1)
    return {"low": low, "high": high, "least": least, "most": max(most, least + 1)}


def outline_of(pyramid: Pyramid, label: int, box: tuple[int, int, int, int]) -> str:
    """Return the outline of one label as an SVG path in half pixels of its box."""
    y0, x0, y1, x1 = box
    part = pyramid.region(0, slice(y0, y1), slice(x0, x1))
    return outline_paths((part == label).astype(np.uint8)).get(1, "")


def objects_page(
    path: Path, *, image: str, frame: int | None, order: str, down: bool, offset: int
) -> dict[str, Any]:
    """Return some rows of a table of objects, of one image, and how many there are in all."""
    if not path.exists():
        return {"columns": [], "rows": [], "total": 0, "offset": 0}
    with connection() as db:
        source, values = _of_image(path, image, frame)
        every = [c[0] for c in db.execute(f"DESCRIBE SELECT * {source}", values).fetchall()]
        shown = [c for c in _FIRST if c in every]
        shown += [c for c in every if c not in shown and not _BOXES.match(c)]
        by = order if order in shown else "label"
        direction = "DESC" if down else "ASC"
        (total,) = db.execute(f"SELECT count(*) {source}", values).fetchone()
        offset = max(0, min(offset, total - 1))
        rows = db.execute(
            f"SELECT {', '.join(map(_name, shown))} {source} ORDER BY {_name(by)} {direction} "
            f"NULLS LAST, label LIMIT {ROWS_AT_ONCE} OFFSET {offset}",
            values,
        ).fetchall()
    return {
        "columns": shown,
        "rows": [[_plain(v) for v in row] for row in rows],
        "total": total,
        "offset": offset,
    }


def first_rows(out: Path, names: Sequence[str]) -> dict[str, Any]:
    """Return the first rows of the first table among the files of a result; empty without one."""
    tables = (n for n in names if n.endswith(".csv") and "/" not in n and n != "findings.csv")
    name = next(tables, None)
    if name is None:
        return {}
    table = read_table(out / name)
    columns = [table[c].tolist()[:_SHOWN_ROWS] for c in table.columns]
    rows = [[_plain(v) for v in row] for row in zip(*columns, strict=True)]
    return {"name": name, "columns": list(table.columns), "rows": rows, "total": len(table)}


def object_row(path: Path, *, image: str, frame: int | None, label: int) -> dict[str, Any] | None:
    """Return all that is known of one object."""
    if not path.exists():
        return None
    with connection() as db:
        source, values = _of_image(path, image, frame)
        found = db.execute(f"SELECT * {source} AND label = ?", [*values, label])
        names = [d[0] for d in found.description]
        row = found.fetchone()
    return None if row is None else {n: _plain(v) for n, v in zip(names, row, strict=True)}


def _of_image(path: Path, image: str, frame: int | None) -> tuple[str, list[Any]]:
    source, values = "FROM read_parquet(?) WHERE image = ?", [str(path), image]
    if frame is None:
        return source, values
    return f"{source} AND frame = ?", [*values, frame]


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def files_of_result(out: Path) -> list[tuple[str, int]]:
    """List the files of a result that a person may want, with their bytes."""
    if not out.exists():
        return []
    named = ((p.relative_to(out), p) for p in list_files(out))
    wanted = ((n, p) for n, p in named if not any(map(_UNWANTED.match, n.parts)))
    return [(n.as_posix(), p.stat().st_size) for n, p in wanted]


def file_of(out: Path, name: str) -> Path:
    """Return a file of a result by its name there; only what `files_of_result` lists is given out.

    Raises
    ------
    InputError
        If there is no such file.
    """
    if name not in {n for n, _ in files_of_result(out)}:
        raise NotHereError("there is no such file in this result.")
    return out / name


def zipped(out: Path) -> Iterator[bytes]:
    """Yield a zip of all files of a result, piece by piece; nothing is held or written."""
    pieces = _Pieces()
    with zipfile.ZipFile(
        cast("IO[bytes]", pieces), "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as archive:
        for name, _ in files_of_result(out):
            with (out / name).open("rb") as source, archive.open(name, "w", force_zip64=True) as to:
                while block := source.read(1 << 20):
                    to.write(block)
                    yield pieces.take()
            yield pieces.take()
    yield pieces.take()


class _Pieces:
    """A stream that only grows: what was written waits to be taken."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._written = 0

    def write(self, block: bytes, /) -> int:
        self._waiting.append(bytes(block))
        self._written += len(block)
        return len(block)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        """Have nothing to do."""

    def take(self) -> bytes:
        taken = b"".join(self._waiting)
        self._waiting.clear()
        return taken
