"""Where crops lie on disk: planes as memory-mapped arrays, or the published HDF5 file.

Of the default layout nothing is copied twice: whole planes are kept once, and a crop is a window
into them. The published file holds each crop by itself (`images` (N, 1, Y, X), `labels`
(N, Y, X), 1000 crops to a chunk, counts of the classes), four times the size at half overlap.
``benchmarks/tile_store.py`` measures both (decision record 0279).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fatescope.acquire import read_table
from fatescope.base import FileFormatError, Table, escape, imported
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

PUBLISHED = "crops.h5"
PLANES = "planes"
SUMMARY = "crops.json"
CHUNK = 1000
"""Crops to a chunk of the published file."""


class Crops(Protocol):
    """Crops by number: read at random, one at a time."""

    def __len__(self) -> int:
        """How many there are, used or not."""

    def read(self, number: int, /) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return the image (Y, X) in its stored type and the classes (Y, X)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CropStore:
    """A folder that ``prepare crops`` wrote.

    Parameters
    ----------
    crops : Crops
        Only those that are used.
    table : Table
        Of these, in the same order: ``image, unit, split, y, x``, counts of classes.
    classes : tuple of str
    size_px : int
    layout : str
    """

    crops: Crops
    table: Table
    classes: tuple[str, ...]
    size_px: int
    layout: str

    def __len__(self) -> int:
        return len(self.table)


def write_plane(out: Path, key: str, image: NDArray[Any], classes: NDArray[np.uint8]) -> list[str]:
    """Write a plane and its classes as ``.npy``; return their names in the folder."""
    names = [f"{PLANES}/{key}.npy", f"{PLANES}/{key}.labels.npy"]
    for name, values in zip(names, (image, classes), strict=True):
        with write_beside(out / name) as part, part.open("wb") as stream:
            np.lib.format.write_array(stream, np.ascontiguousarray(values), allow_pickle=False)
    return names


class PlaneCrops:
    """Windows into memory-mapped planes; planes are opened when they are first asked for."""

    def __init__(self, folder: Path, keys: Sequence[str], table: Table, *, size_px: int) -> None:
        self._folder, self._size = folder, size_px
        self._keys = list(keys)
        number = {k: i for i, k in enumerate(self._keys)}
        self._plane = np.array([number[k] for k in table["image"]], np.intp)
        self._y, self._x = table["y"].astype(np.intp), table["x"].astype(np.intp)
        self._open: dict[int, tuple[NDArray[Any], NDArray[np.uint8]]] = {}

    def __len__(self) -> int:
        return len(self._plane)

    def read(self, number: int, /) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return the image and the classes of a crop."""
        image, classes = self.plane(int(self._plane[number]))
        y, x, n = self._y[number], self._x[number], self._size
        return image[y : y + n, x : x + n], classes[y : y + n, x : x + n]

    @property
    def size_px(self) -> int:
        """Side of a crop."""
        return self._size

    @property
    def n_planes(self) -> int:
        """How many planes the crops lie in."""
        return len(self._keys)

    def place(self, number: int) -> tuple[int, int, int]:
        """Return the plane of a crop, and its first row and column there."""
        return int(self._plane[number]), int(self._y[number]), int(self._x[number])

    def key(self, number: int) -> str:
        """Return the name of a plane."""
        return self._keys[number]

    def plane(self, number: int) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return a whole plane and its classes, memory-mapped."""
        if number not in self._open:
            key = self._keys[number]
            self._open[number] = (
                _mapped(self._folder / PLANES / f"{key}.npy"),
                _mapped(self._folder / PLANES / f"{key}.labels.npy"),
            )
        return self._open[number]


def _mapped(path: Path) -> NDArray[Any]:
    try:
        # A plain view of the map: slicing a np.memmap costs three times the reading itself.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False)).view(np.ndarray)
    except (OSError, ValueError, EOFError) as error:
        raise FileFormatError(
            f"{escape(path)}: is missing or no array ({error}). Prepare the crops again."
        ) from error


class PublishedCrops:
    """Crops of the published HDF5 layout."""

    def __init__(self, path: Path, rows: NDArray[np.intp] | None = None) -> None:
        h5py = imported("h5py")
        try:
            self._file = h5py.File(path, "r")
            self.images, self.labels = self._file["images"], self._file["labels"]
        except (OSError, KeyError) as error:
            raise FileFormatError(
                f"{escape(path)}: is no file of crops ({error}). It needs the data sets images "
                "(N, 1, Y, X) and labels (N, Y, X)."
            ) from error
        n, *rest = self.images.shape
        if self.labels.shape != (n, *rest[-2:]) or len(rest) != 3 or rest[0] != 1:
            raise FileFormatError(
                f"{escape(path)}: images {self.images.shape} and labels {self.labels.shape} do not "
                "belong together; (N, 1, Y, X) and (N, Y, X) do."
            )
        self._rows = np.arange(n) if rows is None else rows

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, number: int, /) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        """Return the image and the classes of a crop."""
        row = int(self._rows[number])
        return self.images[row, 0], self.labels[row]


def write_published(
    path: Path,
    crops: Iterator[tuple[NDArray[Any], NDArray[np.uint8]]],
    table: Table,
    *,
    dtype: np.dtype[Any],
    classes: Sequence[str],
    size_px: int,
) -> None:
    """Write crops as the published file, raw: packed chunks of 1000 are read 10,000 times slower.

    Parameters
    ----------
    path : Path
    crops : iterator of (image, classes)
        As many as ``table`` has rows.
    table : Table
        Its counts of classes become the data set ``counts`` (N, classes).
    """
    h5py = imported("h5py")
    n = len(table)
    with write_beside(path) as part, h5py.File(part, "w") as file:
        shape = (n, 1, size_px, size_px)
        chunk = max(1, min(CHUNK, n))
        images = file.create_dataset("images", shape, dtype, chunks=(chunk, *shape[1:]))
        labels = file.create_dataset(
            "labels", (n, *shape[2:]), np.uint8, chunks=(chunk, *shape[2:])
        )
        counts = np.stack([table[f"n_{c}"] for c in classes], axis=1)
        file.create_dataset("counts", data=counts.astype(np.int64))
        file.attrs["classes"] = list(classes)
        for first in range(0, n, chunk):
            held = [next(crops) for _ in range(first, min(first + chunk, n))]
            images[first : first + len(held), 0] = np.stack([image for image, _ in held])
            labels[first : first + len(held)] = np.stack([c for _, c in held])


def open_crops(folder: Path, *, splits: Sequence[str]) -> CropStore:
    """Open what ``prepare crops`` wrote: the crops of some splits that are used.

    Raises
    ------
    FileFormatError
        If the folder holds no crops, or a file of it is damaged.
    """
    summary = read_crop_summary(folder)
    table = read_table(folder / "crops.parquet")
    used = table["used"].astype(np.int64) > 0
    row = np.cumsum(used) - 1
    mine = used & np.isin(table["split"].astype(str), list(splits))
    chosen = table.rows(mine)
    size, layout = int(summary["size_px"]), str(summary["layout"])
    crops: Crops
    if layout == "hdf5":
        crops = PublishedCrops(folder / PUBLISHED, row[mine])
    else:
        keys = list(dict.fromkeys(str(k) for k in chosen["image"]))
        crops = PlaneCrops(folder, keys, chosen, size_px=size)
    return CropStore(
        crops=crops,
        table=chosen,
        classes=tuple(summary["classes"]),
        size_px=size,
        layout=layout,
    )


def open_planes(folder: Path, *, splits: Sequence[str]) -> tuple[PlaneCrops, Table]:
    """Open the planes of some splits, and the table of their crops that are used.

    Both layouts keep the planes: light and contrast are those of whole planes.
    """
    summary = read_crop_summary(folder)
    table = read_table(folder / "crops.parquet")
    table = table.rows(np.isin(table["split"].astype(str), list(splits)))
    keys = list(dict.fromkeys(str(k) for k in table["image"]))
    chosen = table.rows(table["used"].astype(np.int64) > 0)
    return PlaneCrops(folder, keys, chosen, size_px=int(summary["size_px"])), chosen


def write_crop_summary(folder: Path, found: Mapping[str, Any]) -> Path:
    """Write ``crops.json``, and return its path."""
    path = folder / SUMMARY
    with write_beside(path) as part:
        part.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return path


def read_crop_summary(folder: Path) -> dict[str, Any]:
    """Read ``crops.json``: classes, dimensions, counts.

    Raises
    ------
    FileFormatError
        If it is not there or no JSON.
    """
    path = folder / SUMMARY
    try:
        found = json.loads(path.read_text("utf-8"))
        found["classes"], found["size_px"], found["layout"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileFormatError(
            f"{escape(folder)} holds no crops ({SUMMARY} is missing or damaged). Make them: "
            "fatescope prepare crops LABELLED --out DIR."
        ) from error
    return dict(found)
