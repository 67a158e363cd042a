"""The manifest ``samples.csv``: which image has which labels, and what they may be used for."""

from __future__ import annotations

import csv
import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from fatescope.base import FileFormatError, WorkUnit
from fatescope.prepare.splits import Split
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

COLUMNS = (
    *("image", "labels", "unit", "frame", "split", "role", "kind", "pixel_y", "pixel_x"),
    *("complete", "unsure_label", "least_px", "pieces", "embryo", "time", "plane"),
    *("neighbour", "offset"),
)
REQUIRED = COLUMNS[:6]
ROLES = ("instances", "foreground", "lineage", "classes", "boxes")
Pieces = Literal["all", "largest"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "unused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(WorkUnit):
    """One training pair and the independent unit it belongs to."""

    image: Path
    labels: Path
    unit: str
    frame: int | None = None
    split: Split = "train"
    role: str = "instances"  # one of ROLES
    kind: str = ""  # stratum, for balance and for the card
    pixel_size: tuple[float, float] | None = None  # y, x; any unit, only their ratio counts
    complete: bool = True  # every visible object has a label; False: dim ones may have none
    unsure_label: int | None = None  # label of regions in which nobody can say what is there
    least_px: int = 0  # objects of a smaller area were labelled or left out by chance
    pieces: Pieces = "all"  # of a label in several pieces: only the largest may be the object
    embryo: str = ""  # of a plane cut out of a volume, with the time as its source counts it
    time: int | None = None
    plane: int | None = None  # of the volume, from 0
    neighbour: bool | None = None  # of a movie: another embryo is in the field, too
    offset: int = 0  # of a movie: frames to add to those of its table

    @property
    def key(self) -> str:
        """Its name among the samples of a manifest."""
        return f"{self.unit}/{self.image.stem}"

    @property
    def paths(self) -> tuple[Path, Path]:
        """The image and its labels."""
        return self.image, self.labels

    def __str__(self) -> str:
        return str(self.image)


def write_samples(path: Path, samples: Sequence[Sample]) -> None:
    """Write the manifest beside its final name, then rename; paths relative to its folder."""
    root = path.parent.resolve()
    with write_beside(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for s in samples:
            size = s.pixel_size or ("", "")
            frame = "" if s.frame is None else s.frame
            paths = [
                Path(os.path.relpath(p.resolve(), root)).as_posix() for p in (s.image, s.labels)
            ]
            unsure = "" if s.unsure_label is None else s.unsure_label
            pieces = "" if s.pieces == "all" else str(s.pieces)
            promise: list[object] = [
                "yes" if s.complete else "no",
                unsure,
                s.least_px or "",
                pieces,
            ]
            cut = [s.embryo, *("" if n is None else n for n in (s.time, s.plane))]
            beside = "" if s.neighbour is None else "yes" if s.neighbour else "no"
            film = [beside, s.offset or ""]
            head = [*paths, s.unit, frame, s.split, s.role, s.kind]
            writer.writerow([*head, *size, *promise, *cut, *film])


def read_samples(data: Path, *, splits: Sequence[Split]) -> list[Sample]:
    """Read the rows of ``data/samples.csv`` that belong to ``splits``, in file order.

    Raises
    ------
    FileFormatError
        If the manifest is missing, lacks a column, or a row holds a value it may not hold.
    """
    path = data / "samples.csv"
    rows = read_rows(data)
    samples = [_sample(row, data, f"{path}, row {i}") for i, row in enumerate(rows, start=2)]
    return [s for s in samples if s.split in splits]


def read_rows(data: Path) -> list[dict[str, str]]:
    """Read the rows of ``data/samples.csv`` as they are written; see `read_samples`."""
    path = data / "samples.csv"
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            missing = [c for c in REQUIRED if c not in (reader.fieldnames or ())]
            rows = list(reader)
    except FileNotFoundError as error:
        raise FileFormatError(
            f"{data} holds no samples.csv. Make one: fatescope prepare pairs ... --out {data}."
        ) from error
    if missing:
        raise FileFormatError(f"{path} lacks the columns {', '.join(missing)}. Make it again.")
    return rows


def _sample(row: dict[str, str], data: Path, where: str) -> Sample:
    split, role = row["split"], row["role"] or "instances"
    known: dict[str, Split] = {s: s for s in SPLITS}
    if split not in known or role not in ROLES:
        raise FileFormatError(
            f"{where}: split {split!r} and role {role!r}. A split is train, validation, test or "
            f"unused; a role is {', '.join(ROLES[:-1])} or {ROLES[-1]}."
        )
    size = row.get("pixel_y") or "", row.get("pixel_x") or ""
    try:
        return Sample(
            image=data / row["image"],
            labels=data / row["labels"],
            unit=row["unit"],
            frame=int(row["frame"]) if row["frame"] else None,
            split=known[split],
            role=role,
            kind=row.get("kind") or "",
            pixel_size=(float(size[0]), float(size[1])) if all(size) else None,
            embryo=row.get("embryo") or "",
            time=int(row["time"]) if row.get("time") else None,
            plane=int(row["plane"]) if row.get("plane") else None,
            neighbour={"yes": True, "no": False}.get(row.get("neighbour") or ""),
            offset=int(row.get("offset") or 0),
            **label_promise(row),
        )
    except ValueError as error:
        raise FileFormatError(f"{where}: {error}. Numbers are needed there.") from error


def label_promise(row: Mapping[str, str]) -> dict[str, Any]:
    """Return what a row says of its label image; without a word, every object has a label.

    Raises
    ------
    ValueError
        If a value is not of its kind.
    """
    complete, unsure = row.get("complete") or "yes", row.get("unsure_label") or ""
    pieces = row.get("pieces") or "all"
    if complete not in ("yes", "no"):
        raise ValueError(f"complete is yes or no, not {complete!r}")
    if pieces not in get_args(Pieces):
        raise ValueError(f"pieces is {' or '.join(get_args(Pieces))}, not {pieces!r}")
    return {
        "complete": complete == "yes",
        "unsure_label": int(unsure) if unsure else None,
        "least_px": int(row.get("least_px") or 0),
        "pieces": pieces,
    }


def with_splits(samples: Sequence[Sample], splits: Sequence[Split]) -> list[Sample]:
    """Return the samples with their splits replaced."""
    return [replace(s, split=split) for s, split in zip(samples, splits, strict=True)]


def unit_ids(samples: Sequence[Sample]) -> list[str]:
    """Return what each sample is independent as: its unit, or its unit and frame.

    A unit that stands on several sides of a division by time is known by its frames, so that a
    package can list the frames it saw and be scored on later ones. Give all rows of a manifest.
    """
    sides: dict[str, set[str]] = {}
    for s in samples:
        sides.setdefault(s.unit, set()).add(s.split)
    return [s.unit if len(sides[s.unit]) == 1 else f"{s.unit}@{s.frame}" for s in samples]


def unit_hash(unit: str) -> str:
    """Return the sha256 of a unit's name: what a package lists of the units it saw."""
    return hashlib.sha256(unit.encode()).hexdigest()


def seen_hashes(rows: Sequence[Sample], *, known: Collection[str] = ()) -> list[str]:
    """Return the sorted hashes of the units that training and tuning may open.

    A unit that another package knows by its frames, as its ``known`` hashes tell, is known by them
    here too.
    """
    by_frame = {s.unit for s in rows if unit_hash(f"{s.unit}@{s.frame}") in known}
    ids = [
        f"{s.unit}@{s.frame}" if s.unit in by_frame else i
        for s, i in zip(rows, unit_ids(rows), strict=True)
    ]
    opened = zip(rows, ids, strict=True)
    return sorted({unit_hash(i) for s, i in opened if s.split in ("train", "validation")})


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as CSV, columns in order of appearance; beside the final name, then renamed."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with write_beside(path) as part, part.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_image_file(path: Path, pixels: NDArray[Any]) -> None:
    """Write an image (Y, X) or (Y, X, 3), uint8, as PNG; beside the final name, then renamed."""
    from PIL import Image as PillowImage

    with write_beside(path) as part:
        PillowImage.fromarray(pixels).save(part, format="PNG")
