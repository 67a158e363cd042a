"""Which lineages a command is to work on, and what each is called."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.lineages.ctc import TRACK_FILES, track_file
from fatescope.acquire.lineages.geff_store import is_geff
from fatescope.acquire.lineages.reading import SUFFIXES, is_lineage_table
from fatescope.acquire.our_folders import searched
from fatescope.base import WorkUnit
from fatescope.base.errors import InputError
from fatescope.base.messages import escape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TABLES = frozenset([".csv", ".tsv"])
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageFile(WorkUnit):
    """One lineage to work on.

    Parameters
    ----------
    key : str
        Unique among the inputs: the path below the given folder without its endings, with ``/``
        between parts; of equal ones, all but the first end in a number.
    path : Path
        The file, or the folder of a GEFF group or of tracks with masks.
    """

    key: str
    path: Path

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that tell whether the input has changed."""
        if self.path.is_file():
            return (self.path,)
        return tuple(sorted(p for p in self.path.rglob("*") if p.is_file()))


def find_lineages(inputs: Iterable[Path | str]) -> list[LineageFile]:
    """List the lineages in files and folders.

    A file or group that is named itself is taken as it is. In a folder, searched to any depth,
    archives, trees, GEFF groups, tracks with masks, TrackMate files and tables with the columns of
    a lineage are taken; other tables are passed by, and so are the XML and AuxInfo of an archive.

    Raises
    ------
    InputError
        If there is no lineage at all.
    """
    given = [Path(p) for p in inputs]
    found: dict[str, Path] = {}
    for name, path in _walk(given):
        key, again = name, 1
        while key in found and found[key] != path:
            again += 1
            key = f"{name}-{again}"
        found[key] = path
    if not found:
        names = ", ".join(escape(p) for p in given) or "nothing"
        raise InputError(
            f"no lineage was found in {names}. Give CD tables, archives, trees or a folder of them."
        )
    return [LineageFile(key=k, path=p) for k, p in found.items()]


def _walk(given: list[Path]) -> Iterator[tuple[str, Path]]:
    for path in given:
        if path.is_dir() and not _is_group(path):
            yield from sorted(_folder(path))
        else:
            yield _stem(path.name), path


def _is_group(path: Path) -> bool:
    return is_geff(path) or any((path / name).is_file() for name in TRACK_FILES)


def _folder(top: Path) -> Iterator[tuple[str, Path]]:
    """List what is below a folder; links to folders are not followed, so loops end."""
    for folder, folders, files in searched(top):
        groups = [d for d in folders if _is_group(folder / d)]
        folders[:] = [d for d in folders if d not in groups]
        for name in [*groups, *files]:
            path = folder / name
            if name in groups or _is_lineage(path):
                yield _stem(path.relative_to(top).as_posix()), path


def _is_lineage(path: Path) -> bool:
    suffixes = [s.lower() for s in path.suffixes if s.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix in _TABLES:
        return is_lineage_table(path)
    if suffix == ".xml":
        with path.open("rb") as file:
            return b"<TrackMate" in file.read(4096)
    if suffix == ".txt":
        return track_file(path) is not None
    return suffix in SUFFIXES and path.is_file()


def _stem(name: str) -> str:
    """Return a name without the endings that say its format."""
    head, slash, tail = name.rpartition("/")
    for ending in (".gz", *SUFFIXES):
        if tail.lower().endswith(ending) and len(tail) > len(ending):
            tail = tail[: -len(ending)]
    return head + slash + tail
