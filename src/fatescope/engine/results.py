"""Output folders among other folders, and the tables in one."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from fatescope.engine.ledger import LEDGER_NAME

_KINDS = (".parquet", ".csv")
"""Of a table in both, the first is read: it knows the types."""
_EACH = ("named",)
"""Folders with one table for each input, which are one table together."""


def find_results(folders: Sequence[Path]) -> tuple[dict[str, Path], list[str]]:
    """Return output folders by the shortest names that tell them apart, and what is none.

    Parameters
    ----------
    folders : sequence of Path
        Output folders, or folders that hold such at any depth.

    Returns
    -------
    dict of str to Path
        In the given order; inside a folder, by name.
    list of str
        One sentence for each folder that gives nothing.
    """
    found: dict[Path, int] = {}
    errors = []
    for top in folders:
        inside = list(_below(top))
        for folder in inside:
            depth = len(folder.relative_to(top).parts) or 1
            found.setdefault(folder.absolute(), depth)
        if not inside:
            errors.append(_nothing(top))
    return _apart(found), errors


def _below(top: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(top):
        if LEDGER_NAME in files or "run.json" in files:
            yield Path(here)
            folders.clear()
        folders[:] = sorted(f for f in folders if not f.startswith("."))


def _nothing(top: Path) -> str:
    if not top.exists():
        return f"{top}: there is no such folder. Check the spelling."
    if not top.is_dir():
        return f"{top}: is a file. Give the output folder of a command."
    return (
        f"{top}: holds no results of fatescope (no run.json). Give the output folder of a command."
    )


def _apart(found: dict[Path, int]) -> dict[str, Path]:
    """Name folders by their last parts, as many as make each name its own."""
    while True:
        names = {f: "/".join(f.parts[-depth:]) for f, depth in found.items()}
        held = Counter(names.values())
        longer = {
            f: depth + 1
            for f, depth in found.items()
            if held[names[f]] > 1 and depth < len(f.parts)
        }
        if not longer:
            return {name: f for f, name in names.items()}
        found = {**found, **longer}


def tables_in(folder: Path) -> Iterator[tuple[str, str, Path]]:
    """Pass the tables of an output folder: name, stem of the file, path.

    ``truth/x`` of a rendering is ``truth_x``; the files of ``named/`` are all called ``named``.
    """
    for path in _tables(folder):
        yield path.stem, path.stem, path
    for path in _tables(folder / "truth"):
        yield f"truth_{path.stem}", path.stem, path
    for each in _EACH:
        for path in _tables(folder / each):
            yield each, path.stem, path


def _tables(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        return
    files = sorted(folder.iterdir())
    for path in files:
        kind = path.suffix
        if path.name.startswith(".") or kind not in _KINDS or not path.is_file():
            continue
        if kind != _KINDS[0] and path.with_suffix(_KINDS[0]) in files:
            continue
        yield path
