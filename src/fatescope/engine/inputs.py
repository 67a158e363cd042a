"""What the record says about an input, and whether it is still the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fatescope.base import Image
from fatescope.storage import hash_once, hash_path, size_and_time

if TYPE_CHECKING:
    from fatescope.acquire import ImageFile


def input_record(image: Image, paths: Sequence[Path]) -> dict[str, Any]:
    """Return what ``run.json`` says of one input.

    Parameters
    ----------
    image : Image
        After the user's spacing was put in.
    paths : sequence of Path
        The file, or the files of a sequence. A folder (OME-Zarr) counts as one file.

    Returns
    -------
    dict
        ``path``, ``sha256``, ``bytes`` and ``modified_ns`` of each file (a list where there are
        several), ``shape``, ``axes``, ``dtype``, ``channels``, and ``spacing`` with its source;
        ``objective`` and the ``minutes`` of the frames where the file has them.
    """
    files = []
    for path in paths:
        files.append((str(path), hash_once(path), *size_and_time(path)))
    names = ("path", "sha256", "bytes", "modified_ns")
    columns = [list(c) for c in zip(*files, strict=True)]
    record: dict[str, Any] = {
        n: c[0] if len(files) == 1 else c for n, c in zip(names, columns, strict=True)
    }
    return record | {
        "shape": list(image.shape),
        "axes": image.axes,
        "dtype": str(image.dtype),
        "channels": list(image.channels),
        "spacing": image.spacing.as_record(),
        **({"objective": image.objective} if image.objective else {}),
        **({"minutes": list(image.minutes)} if image.minutes else {}),
    }


def within_file(file: ImageFile) -> dict[str, Any]:
    """Return which image of its file it is, and how several files are one image."""
    within: dict[str, Any] = {"scene": file.scene} if file.scene else {}
    if len(file.paths) > 1 and not file.is_sequence:
        within["set"] = True
    return within | (
        {"grid": [[axis, list(values)] for axis, values in file.grid]} if file.grid else {}
    )


def files_of(record: Mapping[str, Any]) -> list[tuple[Path, str, int, int]]:
    """Return path, hash, size and time of each file in a record of `input_record`."""
    if "path" not in record or "sha256" not in record:
        return []
    one = isinstance(record["path"], str)
    columns = [
        [record.get(n)] if one else record.get(n)
        for n in ("path", "sha256", "bytes", "modified_ns")
    ]
    columns = [c if c else [-1] * len(columns[0] or ()) for c in columns]
    return [
        (Path(p), str(h), int(s or -1), int(t or -1)) for p, h, s, t in zip(*columns, strict=True)
    ]


def is_unchanged(path: Path, *, sha256: str, size: int, modified_ns: int) -> bool:
    """Say whether a file still is what it was; its content is read only if its time differs."""
    try:
        now, time = size_and_time(path)
        if size >= 0 and now != size:
            return False
        return time == modified_ns or hash_path(path) == sha256
    except OSError:
        return False
