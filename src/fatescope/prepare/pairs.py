"""Find images and their labels, and say which unit, frame and kind each pair belongs to."""

from __future__ import annotations

import csv
import logging
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.name_pattern import Kind, NamePattern
from fatescope.base import FileFormatError, InputError, setting
from fatescope.prepare.boxes import TABLE as BOXES
from fatescope.prepare.leaks import Leak
from fatescope.prepare.splits import Split, SplitSettings, split_frames, split_units
from fatescope.prepare.store import Pieces, Sample, label_promise, with_splits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

_log = logging.getLogger(__name__)

NAME_COLUMNS = ("name", "image")
UNIT_COLUMNS = ("unit", "field_group", "group", "embryo", "movie", "well")
FRAME_COLUMNS = ("frame", "time")
SUFFIXES = (".png", ".tif", ".tiff")
IMAGE_SUFFIXES = (*SUFFIXES, ".jpg", ".jpeg")
"""Images may be JPEG; labels may not, because JPEG changes numbers."""
_MARKS = re.compile(r"[._-]?(labels?|lab|(cp_)?masks?|seg|gt|images?|img|raw)$", re.IGNORECASE)


class PairSettings(SplitSettings):
    """Where pairs are found, what their unit is, and how they are divided."""

    images: str | None = setting(None, "images, as a pattern such as 'raw/**/*.tif'")
    labels: str | None = setting(
        None, "label images, or tables of boxes, as a pattern; matched to images by folder and stem"
    )
    unit: str = setting(
        "",
        "the independent unit: a column of index.csv, or a pattern such as '{unit}_{frame}'",
    )
    pieces: Pieces = setting(
        "all", "of a label in several pieces all count, or only the largest: the rest is unknown"
    )
    learn_only: str = setting(
        "",
        "folders, by name and with commas between, whose pairs are all for training: "
        "rendered images, for instance",
    )
    partial: str = setting(
        "",
        "folders, by name and with commas between, whose label images leave visible objects out",
    )
    movies: str = setting(
        "", "folder of movies, or several with commas between; needs --tables as well"
    )
    tables: str = setting(
        "", "for each folder of movies the one with lineage tables of the same names"
    )
    join: bool = setting(
        False, "units of a folder whose images share content become one, before they are divided"
    )
    preview: bool = setting(
        False, "draw originals and augmented crops of them, with their targets, into preview.png"
    )
    preview_of: str = setting(
        "",
        "name of a training image without its ending: draw it and 50 augmented versions of it "
        "into preview-NAME.png",
    )


def find_pairs(
    inputs: Sequence[Path], *, settings: PairSettings, joined: Mapping[str, str] | None = None
) -> list[Sample]:
    """Find pairs in folders with an ``index.csv``, or by two patterns, and divide them.

    Parameters
    ----------
    inputs : sequence of Path
        Folders that hold ``index.csv``, ``images/`` and ``labels/``, or ``boxes.csv`` in place of
        the last (or the index itself).
    settings : PairSettings
        Patterns, unit, shares.
    joined : mapping of str to str, optional
        Units, and the unit of the same folder that each is part of: see `joined_units`.

    Returns
    -------
    list of Sample
        Folder by folder in the given order, rows in their order. The name of a folder stands
        before its units, and is the kind of samples that have no column ``type``.

    Raises
    ------
    InputError
        If nothing is found, an image has no labels, the unit is not known, or a folder that is
        only to learn from is not among ``inputs``.
    """
    samples: list[Sample] = []
    for flag, names in (("learn-only", settings.learn_only), ("partial", settings.partial)):
        unknown = set(_listed(names)) - {_folder(p).name for p in inputs}
        if unknown:
            raise InputError(
                f"--{flag} names {', '.join(sorted(unknown))}, which is none of the given folders. "
                "Give the names of folders, divided by commas."
            )
    for path in inputs:
        index = path / "index.csv" if path.is_dir() else path
        found, folder = _from_index(index, unit=settings.unit), _folder(path).name
        samples += _divided(_joined(found, folder, joined), folder, settings)
    if settings.images or settings.labels:
        samples += _divided(_joined(_from_patterns(settings), "", joined), "", settings)
    if not samples:
        raise InputError(
            "no pair was found. Give folders with an index.csv, or --images and --labels patterns."
        )
    return samples


def _joined(samples: list[Sample], folder: str, joined: Mapping[str, str] | None) -> list[Sample]:
    """Put the samples of units that are one under its name."""
    if not joined:
        return samples
    before = f"{folder}/" if folder else ""
    units = [joined.get(before + s.unit, before + s.unit) for s in samples]
    return [
        replace(s, unit=unit.removeprefix(before)) for s, unit in zip(samples, units, strict=True)
    ]


def joined_units(leaks: Sequence[Leak]) -> dict[str, str]:
    """Return the first name, in their order, of the units that each unit shares content with.

    Parameters
    ----------
    leaks : sequence of Leak
        Of an audit in which each unit stood on a side of its own.

    Examples
    --------
    >>> joined_units([Leak(kind="identical", first="b", second="c", value=1.0)])
    {'b': 'b', 'c': 'b'}
    """
    root: dict[str, str] = {}

    def find(unit: str) -> str:
        while root.setdefault(unit, unit) != unit:
            unit = root[unit]
        return unit

    for leak in leaks:
        one, other = sorted((find(leak.first), find(leak.second)))
        root[other] = one
    return {unit: find(unit) for unit in sorted(root)}


def _listed(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


def _folder(path: Path) -> Path:
    """Return the folder of an input, which may be its index."""
    return path if path.is_dir() else path.parent


def _divided(samples: list[Sample], folder: str, settings: PairSettings) -> list[Sample]:
    """Give each sample its split: by unit, or by time where one unit is all there is.

    What is only to learn from has one split.
    """
    units = [s.unit for s in samples]
    frames = [s.frame for s in samples if s.frame is not None]
    splits: list[Split]
    if folder in _listed(settings.learn_only):
        splits = ["train"] * len(samples)
    elif len(set(units)) == 1 and len(frames) == len(samples) and len(set(frames)) > 1:
        splits = split_frames(frames, settings=settings)
    else:
        splits = split_units(units, [s.kind for s in samples], settings=settings)
    partial = folder in _listed(settings.partial)
    named = [
        replace(
            s,
            unit=f"{folder}/{s.unit}" if folder else s.unit,
            complete=s.complete and not partial,
            pieces=settings.pieces if s.pieces == "all" else s.pieces,
        )
        for s in samples
    ]
    return with_splits(named, splits)


def _index_rows(index: Path) -> list[dict[str, str]]:
    try:
        with index.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"{index}: cannot be read ({error}). Give a folder with an index.csv."
        ) from error
    if not rows:
        raise FileFormatError(f"{index}: the table has no row. Name each image there.")
    return rows


def _from_index(index: Path, *, unit: str) -> list[Sample]:
    rows = _index_rows(index)
    name = next((c for c in NAME_COLUMNS if c in rows[0]), None)
    if name is None:
        raise FileFormatError(
            f"{index}: a column {' or '.join(NAME_COLUMNS)} is needed. Name each image there."
        )
    wanted = (unit,) if unit and "{" not in unit else UNIT_COLUMNS  # a pattern is of paths
    column = next((c for c in wanted if c in rows[0]), None)
    if column is None:
        raise InputError(
            f"{index} has no column {' or '.join(wanted)}. Say with --unit which column names "
            "the independent unit (embryo, movie, field)."
        )
    frame = next((c for c in FRAME_COLUMNS if c in rows[0]), None)
    boxes = index.parent / BOXES
    return [
        _row_sample(
            row,
            index,
            name=name,
            unit=column,
            frame=frame,
            boxes=boxes if boxes.is_file() else None,
        )
        for row in rows
    ]


def _row_sample(
    row: dict[str, str],
    index: Path,
    *,
    name: str,
    unit: str,
    frame: str | None,
    boxes: Path | None,
) -> Sample:
    size = row.get("pixel_y_um"), row.get("pixel_x_um")
    if boxes is None:
        labels = _existing(_labels_folder(index.parent), row[name], SUFFIXES)
    return Sample(
        image=_existing(index.parent / "images", row[name], IMAGE_SUFFIXES),
        labels=labels if boxes is None else boxes,
        unit=row[unit],
        frame=int(row[frame]) if frame and row[frame] else None,
        role=row.get("role") or ("instances" if boxes is None else "boxes"),
        kind=row.get("type") or index.parent.name,
        pixel_size=(float(size[0]), float(size[1])) if size[0] and size[1] else None,
        **label_promise(row),
    )


def _labels_folder(folder: Path) -> Path:
    """Return where the labels are; what `simulate` writes has them among its truth."""
    truth = folder / "truth" / "labels"
    return truth if truth.is_dir() else folder / "labels"


def _existing(folder: Path, name: str, suffixes: Sequence[str]) -> Path:
    for suffix in ("", *suffixes):
        path = folder / f"{name}{suffix}"
        if path.is_file() and path.suffix.lower() in suffixes:
            return path
    raise InputError(
        f"{folder} holds no {name} ({', '.join(suffixes)}), though index.csv names it."
    )


def _from_patterns(settings: PairSettings) -> list[Sample]:
    if not (settings.images and settings.labels and settings.unit):
        raise InputError(
            "--images, --labels and --unit belong together: two patterns, and how to read the "
            "independent unit from a path, for instance --unit '{unit}_{frame}'."
        )
    labels = _keyed(settings.labels)
    images = _keyed(settings.images, without=set(labels.values()))
    known = (*SUFFIXES, ".csv")
    lossy = next((p for p in labels.values() if p.suffix.lower() not in known), None)
    if lossy is not None:
        raise InputError(f"{lossy}: labels must be {', '.join(known)}; JPEG changes numbers.")
    reader = unit_reader(settings.unit)
    samples = []
    partners = _partners(images, labels)
    for key, path in images.items():
        if key not in partners:
            raise InputError(
                f"{path} has no labels among {settings.labels}. Names must agree, and so must the "
                "folders that the two patterns leave open."
            )
        unit, frame = reader(path)
        truth = partners[key]
        role = "boxes" if truth.suffix.lower() == ".csv" else "instances"
        samples.append(Sample(image=path, labels=truth, unit=unit, frame=frame, role=role))
    unused = sorted(set(labels.values()) - set(partners.values()))
    if unused:
        _log.warning(
            "%d of %d label files have no image and are left out, the first: %s",
            len(unused),
            len(labels),
            unused[0],
        )
    return samples


_Key = tuple[tuple[str, ...], str]
"""What pairs an image with its labels: the folders that a pattern leaves open, and the name."""


def _keyed(pattern: str, *, without: Collection[Path] = ()) -> dict[_Key, Path]:
    """Return the files of a pattern by what pairs them, some of them left out.

    Raises
    ------
    InputError
        If two files have one name in one folder.
    """
    parts = Path(pattern).parts[:-1]
    open_from = next((i for i, part in enumerate(parts) if _is_open(part)), len(parts))
    literal = {part for part in parts[open_from:] if not _is_open(part)}
    found: dict[_Key, Path] = {}
    for path in (p for p in _matching(pattern) if p not in without):
        folders = path.parts[open_from:-1]
        key = (tuple(f for f in folders if f not in literal), _key(path))
        if key in found:
            raise InputError(
                f"{found[key]} and {path} have one name, so nothing says which of them belongs to "
                "which partner. Rename one, or make the pattern narrower."
            )
        found[key] = path
    return found


def _is_open(part: str) -> bool:
    return any(c in part for c in "*?[")


def _partners(images: Mapping[_Key, Path], labels: Mapping[_Key, Path]) -> dict[_Key, Path]:
    """Return the labels of each image: in the same folder, or under a name that is there once.

    Raises
    ------
    InputError
        If a name is there more than once, and folders do not tell.
    """
    by_name: dict[str, list[Path]] = {}
    for (_, name), path in labels.items():
        by_name.setdefault(name, []).append(path)
    times = Counter(name for _, name in images)
    partners: dict[_Key, Path] = {}
    for key, image in images.items():
        alike = by_name.get(key[1], [])
        if key in labels:
            partners[key] = labels[key]
        elif len(alike) == times[key[1]] == 1:
            partners[key] = alike[0]
        elif alike:
            raise InputError(
                f"{image} could belong to {' or '.join(map(str, alike[:2]))}: names repeat, and "
                "the folders of the two patterns do not agree. Give labels the folders of images."
            )
    return partners


def _matching(pattern: str) -> list[Path]:
    path = Path(pattern)
    root = Path(path.anchor) if path.is_absolute() else Path()
    found = root.glob(path.relative_to(root).as_posix() if path.is_absolute() else path.as_posix())
    return sorted(p for p in found if p.is_file())


def _key(path: Path) -> str:
    """Return the stem without words such as ``_labels`` at its end."""
    stem = _stem(path)
    return _MARKS.sub("", stem) or stem


def unit_reader(unit: str) -> Callable[[Path], tuple[str, int | None]]:
    """Return a function that reads unit and frame of an image from its path or from its index.

    A word without ``{`` is a column of the nearest ``index.csv`` above the image; its row is the
    one whose first column names the image, with or without ending and words such as ``_img``.
    """
    return path_reader(unit) if "{" in unit else _column_reader(unit)


def _column_reader(column: str) -> Callable[[Path], tuple[str, int | None]]:
    known: dict[Path, dict[str, str]] = {}

    def read(path: Path) -> tuple[str, int | None]:
        index = next((f / "index.csv" for f in path.parents if (f / "index.csv").is_file()), None)
        if index is None:
            raise InputError(
                f"{path}: --unit {column!r} is a column of an index.csv, and none lies in a folder "
                "above. Give a pattern such as '{unit}_{frame}' instead."
            )
        if index not in known:
            known[index] = _units_by_name(index, column)
        units = known[index]
        unit = next((units[n] for n in (path.name, _stem(path), _key(path)) if n in units), None)
        if unit is None:
            raise InputError(f"{index} has no row for {path.name} in its first column.")
        return unit, None

    return read


def _units_by_name(index: Path, column: str) -> dict[str, str]:
    """Return the unit of each name in the first column of an index."""
    rows = _index_rows(index)
    if column not in rows[0]:
        raise InputError(
            f"{index} has no column {column!r}, which --unit names. It has: {', '.join(rows[0])}."
        )
    return {next(iter(row.values())): row[column] for row in rows}


def path_reader(pattern: str) -> Callable[[Path], tuple[str, int | None]]:
    """Return a function that reads unit and frame from the end of a path.

    Parameters
    ----------
    pattern : str
        For instance ``"{unit}_t{frame}"`` or ``"{unit}/*"``: ``{unit}`` stands for any text without
        a slash, ``{frame}`` for digits, ``*`` for anything without a slash. The suffix of the file
        is left out.

    Raises
    ------
    InputError
        If the pattern has no ``{unit}``; later, if a path does not follow it.

    Examples
    --------
    >>> path_reader("{unit}_t{frame}")(Path("movies/embryo7_t012.tif"))
    ('embryo7', 12)
    """
    if pattern.count("{unit}") != 1 or pattern.count("{frame}") > 1:
        raise InputError(
            f"--unit {pattern!r} must hold {{unit}} once, and {{frame}} at most once, for images "
            "that are found by --images; for instance '{unit}_t{frame}'."
        )
    kinds: dict[str, Kind] = {"frame": "digits", "unit": "text", "*": "any"}
    form = NamePattern.of(pattern.removeprefix("/"), kinds, greedy=True, only=True)

    def read(path: Path) -> tuple[str, int | None]:
        whole = path.with_name(_stem(path)).as_posix()
        begins = [0, *(i + 1 for i, c in enumerate(whole) if c == "/")]
        found = next((v for i in begins if (v := form.read(whole[i:])) is not None), None)
        if found is None:
            raise InputError(f"{path} does not follow --unit {pattern!r}. Change the pattern.")
        frame = found.get("frame")
        return found["unit"], int(frame) if frame else None

    return read


def _stem(path: Path) -> str:
    stem = path.name
    while Path(stem).suffix.lower() in (*IMAGE_SUFFIXES, ".ome", ".csv"):
        stem = Path(stem).stem
    return stem
