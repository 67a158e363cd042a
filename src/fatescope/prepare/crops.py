"""Crops of labelled images: where they lie, which classes they hold, and which are trained on.

Crops overlap, and frames a quarter of an hour apart are nearly the same image: what divides them
is the well (or the plate), never the crop. Crops that hold one class alone are kept out of
training, as published; validation and test keep them, because a network must also be right about
empty background (decision record 0279).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fatescope.acquire import read_image, read_labels, read_table
from fatescope.base import FileFormatError, InputError, Table, WorkUnit, escape, setting
from fatescope.base.stains import find_channel
from fatescope.base.wells import parse_well
from fatescope.prepare.splits import Split, SplitSettings, split_units
from fatescope.prepare.store import Sample, with_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import Image
    from fatescope.base.types import IntArray

UNCERTAIN = 255
"""Label of pixels of which nobody can say the class; no loss and no score counts them."""

FIVE = ("background", "cell", "outline", "live", "dead")
"""Classes in the order in which the published assay paints them; the last wins."""

THREE = ("background", "live", "dead")

RENDERED = Path("truth", "fields.csv")
"""In a plate of ``simulate plate``: which image has which classes."""


class CropStoreSettings(SplitSettings):
    """How labelled images are cut into crops, what is trained on, and how it is stored."""

    validation: float = setting(0.2, "share of the units for choices during training", ge=0, lt=1)
    test: float = setting(0.2, "share of the units that only the card reads", ge=0, lt=1)
    size_px: int = setting(160, "side of a crop", unit="px", ge=16, le=4096)
    stride_px: int = setting(80, "from one crop to the next", unit="px", ge=1, le=4096)
    edge: Literal["cover", "leave"] = setting(
        "cover", "the last pixels of a row: one more crop, or left out as published"
    )
    one_class: Literal["drop", "keep"] = setting(
        "drop", "training crops of one class alone; validation and test keep all"
    )
    unit: Literal["well", "plate"] = setting("well", "what is on one side of the split as a whole")
    classes: str = setting(
        "", "names of the classes 0, 1, ..., with commas; default: those of 3 or of 5 classes"
    )
    layout: Literal["npy", "hdf5"] = setting(
        "npy", "memory-mapped planes, or the published file: 1000 crops to a chunk (needs h5py)"
    )
    batch: int = setting(100, "crops in a batch, for the counts that are printed", ge=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledPlane(WorkUnit):
    """One image with classes at its pixels: what is cut as a whole."""

    sample: Sample
    plate: str
    well: str
    field: str

    @property
    def key(self) -> str:
        """Its name in the store, unique in a folder of labelled images."""
        parts = [self.plate, self.well, f"f{self.field}" if self.field else ""]
        frame = "" if self.sample.frame is None else f"t{self.sample.frame:04d}"
        return "_".join(p for p in (*parts, frame) if p)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The image and its labels."""
        return self.sample.paths

    def __str__(self) -> str:
        return escape(self.sample.image)


def find_labelled(folders: Sequence[Path], *, settings: CropStoreSettings) -> list[LabelledPlane]:
    """Read the ``index.csv`` of labelled plates, and divide the planes by well or by plate.

    Parameters
    ----------
    folders : sequence of Path
        Each holds ``index.csv`` with the columns ``well, field, frame, image, labels`` (paths
        beside it), as ``plate labels`` writes it; optionally ``plate``.
    settings : CropStoreSettings

    Raises
    ------
    FileFormatError
        If an index is missing, empty, or lacks a column.
    InputError
        If a file is not there, or two planes have one place.
    """
    planes: list[LabelledPlane] = []
    for folder in folders:
        planes += _read_index(Path(folder), alone=len(folders) == 1)
    keys = [p.key for p in planes]
    if len(set(keys)) != len(keys):
        twice = next(k for k in keys if keys.count(k) > 1)
        raise InputError(
            f"{twice}: is there twice. A plate, well, field and frame has one image; give folders "
            "of other plates other names."
        )
    units = [p.sample.unit if settings.unit == "well" else p.plate for p in planes]
    splits = split_units(units, [p.plate for p in planes], settings=settings)
    if settings.unit == "plate":
        splits = split_units(units, ["" for _ in planes], settings=settings)
    samples = with_splits([p.sample for p in planes], splits)
    return [
        LabelledPlane(sample=s, plate=p.plate, well=p.well, field=p.field)
        for p, s in zip(planes, samples, strict=True)
    ]


def _read_index(folder: Path, *, alone: bool) -> list[LabelledPlane]:
    index = folder / "index.csv" if folder.is_dir() else folder
    if folder.is_dir() and not index.is_file() and (folder / RENDERED).is_file():
        return _read_rendered(folder, alone=alone)
    needed = ("well", "image", "labels")
    try:
        with index.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{escape(index)}: cannot be read ({error}). Give a folder with an index.csv, as "
            "`fatescope plate labels` writes it."
        ) from error
    missing = [c for c in needed if not rows or c not in rows[0]]
    if missing:
        what = f"lacks the column {missing[0]!r}" if rows else "has no rows"
        raise FileFormatError(
            f"{escape(index)}: {what}. It needs well, field, frame, image, labels."
        )
    return [_plane(row, index.parent, i, alone=alone) for i, row in enumerate(rows, start=2)]


def _read_rendered(folder: Path, *, alone: bool) -> list[LabelledPlane]:
    """Read a plate of ``simulate plate``: its bright field, with the classes that are true."""
    table = read_table(folder / RENDERED)
    rows = []
    for i in range(len(table)):
        row = {k: str(table[k][i]) for k in ("plate", "well", "field")}
        row |= {"image": str(table["bright_field"][i]), "labels": str(table["classes"][i])}
        frames = read_labels(folder / row["labels"]).size("T")
        rows += [{**row, "frame": str(f)} for f in range(frames)]
    if not alone:
        rows = [{**row, "plate": f"{folder.parent.name}-{row['plate']}"} for row in rows]
    return [_plane(row, folder, i, alone=alone) for i, row in enumerate(rows, start=2)]


def _plane(row: dict[str, str], folder: Path, number: int, *, alone: bool) -> LabelledPlane:
    plate = row.get("plate") or ("" if alone else folder.name)
    well = parse_well(row["well"])
    frame = row.get("frame") or ""
    where = f"{escape(folder / 'index.csv')}, row {number}"
    if frame and not frame.isdecimal():
        raise FileFormatError(f"{where}: frame {frame!r} is no whole number.")
    for name in ("image", "labels"):
        if not row[name] or not (folder / row[name]).is_file():
            raise InputError(f"{where}: there is no {name} {escape(row[name])!r}.")
    return LabelledPlane(
        sample=Sample(
            image=folder / row["image"],
            labels=folder / row["labels"],
            unit=f"{plate}/{well}" if plate else well,
            frame=int(frame) if frame else None,
            role="classes",
            kind=plate,
            unsure_label=UNCERTAIN,
        ),
        plate=plate,
        well=well,
        field=row.get("field") or "",
    )


def read_labelled(plane: LabelledPlane) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Read the image without a stain and the classes of a plane, (Y, X) both.

    Of a movie the plane's frame is read; of several channels the one in bright field or phase.

    Raises
    ------
    FileFormatError
        If a file cannot be read, or is no single plane at that frame.
    InputError
        If it has several channels of which none is known to be without a stain.
    """
    image = _at_frame(read_image(plane.sample.image), plane)
    labels = _at_frame(read_labels(plane.sample.labels), plane)
    if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= UNCERTAIN:
        raise FileFormatError(f"{escape(plane.sample.labels)}: classes are 0 to {UNCERTAIN}.")
    return image, labels.astype(np.int32)


def _at_frame(image: Image, plane: LabelledPlane) -> NDArray[Any]:
    frame = plane.sample.frame or 0
    n_frames = image.size("T")
    if image.size("Z") > 1 or (n_frames > 1 and frame >= n_frames):
        raise FileFormatError(
            f"{image.name}: has {n_frames} frames and {image.size('Z')} planes; frame {frame} of "
            "one plane is needed."
        )
    channel = 0
    if image.size("C") > 1:
        channel = image.channels.index(find_channel(image.channels, "brightfield"))
    return image.read(T=frame if n_frames > 1 else 0, C=channel, Z=0)


def crop_starts(length: int, *, size: int, stride: int, edge: str) -> IntArray:
    """Return where crops begin along an axis; with ``edge="cover"`` the last one ends at its end.

    Examples
    --------
    >>> crop_starts(300, size=160, stride=80, edge="cover").tolist()
    [0, 80, 140]
    >>> len(crop_starts(2700, size=160, stride=80, edge="leave"))
    32
    """
    starts = np.arange(0, length - size + 1, stride)
    if edge == "cover" and len(starts) and starts[-1] + size < length:
        starts = np.append(starts, length - size)
    return starts


def name_classes(asked: str, n_classes: int) -> tuple[str, ...]:
    """Return the names of the classes: as asked, or those of 3 or of 5.

    Raises
    ------
    InputError
        If fewer are named than the labels hold, or the names of so many are not known.
    """
    names = tuple(n.strip() for n in asked.split(",")) if asked else ()
    if not names:
        names = THREE if n_classes <= 3 else FIVE
    if n_classes > len(names) or len(set(names)) != len(names) or "" in names:
        raise InputError(
            f"the labels hold classes up to {n_classes - 1}, and {len(names)} are named "
            f"({', '.join(names)}). Name each once with --classes a,b,c; {UNCERTAIN} is uncertain."
        )
    return names


def tabulate_crops(
    classes: NDArray[np.uint8], names: Sequence[str], *, split: Split, settings: CropStoreSettings
) -> Table:
    """Return a row for each crop of a plane: where it lies, its classes, whether it is used.

    Parameters
    ----------
    classes : ndarray of uint8, shape (Y, X)
        `UNCERTAIN` where nobody can say.
    names : sequence of str
        Of the classes.
    split : str
        In training, crops of one class are not used.

    Returns
    -------
    Table
        ``y, x`` of the first pixel; ``n_<class>`` pixels of each class; ``n_uncertain``;
        ``n_classes``; ``used`` (0 or 1).

    Raises
    ------
    InputError
        If the plane is smaller than a crop.
    """
    size = settings.size_px
    if min(classes.shape) < size:
        raise InputError(
            f"an image of {classes.shape[0]} x {classes.shape[1]} px holds no crop of {size} px. "
            "Give a smaller --size-px."
        )
    y, x = (
        crop_starts(n, size=size, stride=settings.stride_px, edge=settings.edge)
        for n in classes.shape
    )
    counts = np.stack(
        [_counts(classes == v, y, x, size) for v in (*range(len(names)), UNCERTAIN)], axis=1
    )
    n_classes = (counts[:, :-1] > 0).sum(axis=1)
    drops = split == "train" and settings.one_class == "drop"
    columns = {"y": np.repeat(y, len(x)), "x": np.tile(x, len(y))}
    for i, name in enumerate((*names, "uncertain")):
        columns[f"n_{name}"] = counts[:, i]
    columns["n_classes"] = n_classes
    columns["used"] = ((n_classes > 1) | (not drops)).astype(np.int64)
    return Table(columns)


def _counts(here: NDArray[np.bool_], y: IntArray, x: IntArray, size: int) -> IntArray:
    """Count the pixels of one class in each crop, from sums over all rectangles at the corner."""
    total = np.zeros((here.shape[0] + 1, here.shape[1] + 1), np.int64)
    np.cumsum(here, axis=0, out=total[1:, 1:])
    np.cumsum(total[1:, 1:], axis=1, out=total[1:, 1:])
    low, high = total[y], total[y + size]
    rows = high - low
    return np.asarray((rows[:, x + size] - rows[:, x]).ravel())
