"""Which lineage files a command works on, and under which names."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from fatescope.acquire.lineages import read_lineage_checked
from fatescope.base import FatescopeError, FileFormatError, InputError, sha256_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fatescope.acquire.lineages import ReadLineage

_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".txt", ".zip", ".xml", ".nwk", ".newick", ".nhx", ".geff")


def find_tables(inputs: Sequence[Path]) -> dict[str, Path]:
    """Return lineage files by a key that is unique: the file name without its suffixes.

    A folder means every file in it, at any depth, whose suffix is one of a lineage table.
    Equal names get a number.

    Raises
    ------
    FileFormatError
        If an input does not exist.
    InputError
        If nothing is found.
    """
    found: list[Path] = []
    for given in inputs:
        if not given.exists():
            raise FileFormatError(f"{given}: does not exist. Check the path.")
        found += _inside(given) if given.is_dir() and given.suffix != ".geff" else [given]
    if not found:
        raise InputError(
            f"{', '.join(map(str, inputs)) or 'the input'}: no lineage table is there. Give files "
            f"or folders with {', '.join(_SUFFIXES)}."
        )
    tables: dict[str, Path] = {}
    for path in dict.fromkeys(found):
        key = stem = stem_of(path)
        number = 2
        while key in tables:
            key, number = f"{stem}-{number}", number + 1
        tables[key] = path
    return tables


def stem_of(path: Path) -> str:
    """Return the file name without ``.csv``, ``.csv.gz`` and the like."""
    name = path.name
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return name


def read_table(path: Path, *, spacing_um: str | None, interval_min: float | None) -> ReadLineage:
    """Read one lineage with the user's spacing (``"Z,Y,X"`` in µm) and interval."""
    return read_lineage_checked(
        path, spacing_um=parse_spacing(spacing_um), interval_min=interval_min
    )


def parse_spacing(text: str | None) -> tuple[float, ...] | None:
    """Read ``1.0,0.09,0.09`` as z, y, x.

    Raises
    ------
    InputError
        If these are not three numbers.
    """
    if text is None:
        return None
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != 3:
        raise InputError(f"--spacing-um {text}: give z, y, x in µm, for instance 1.0,0.09,0.09.")
    return values


def describe_table(path: Path, read: ReadLineage) -> dict[str, Any]:
    """Return what ``run.json`` says of one lineage file."""
    status = path.stat()
    return {
        "path": str(path),
        "sha256": sha256_of(path) if path.is_file() else "",
        "bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
        "format": read.format,
        "rows": len(read.lineage),
        "spacing": read.lineage.spacing.as_record(),
    }


def why_not(error: Exception) -> str:
    """Return the sentence of an error of ours; a bug is raised again."""
    if not isinstance(error, FatescopeError | OSError):
        raise error
    return str(error)


def _inside(folder: Path) -> list[Path]:
    paths = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        paths += [folder / os.path.join(place, n) for n in sorted(names)]  # noqa: PTH118
    return [p for p in paths if p.name.lower().endswith(_SUFFIXES) and not p.name.startswith(".")]
