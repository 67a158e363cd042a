"""Files of two folders that belong together: matched by name, and what has no partner is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fatescope.acquire import ImageFile, find_images
from fatescope.base import InputError, WorkUnit, escape


@dataclass(frozen=True, slots=True)
class FilePair(WorkUnit):
    """Two files that belong together; the first one's key is the key of both."""

    first: ImageFile
    second: ImageFile

    @property
    def key(self) -> str:
        """Its name in the ledger."""
        return self.first.key

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files of both."""
        return (*self.first.paths, *self.second.paths)

    def __str__(self) -> str:
        return escape(str(self.first))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """What two folders have in common.

    Parameters
    ----------
    pairs : tuple of Pair
        In the order of the first folder.
    problems : mapping of str to str
        A sentence for each file of the first folder without a partner, by the file's key.
    unused : tuple of str
        Files of the second folder without a partner.
    """

    pairs: tuple[FilePair, ...]
    problems: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()


def pair_files(first: Path, second: Path, *, what: str) -> Pairs:
    """Match two files, or the files of two folders.

    Parameters
    ----------
    first, second : Path
        Two files belong together whatever their names. In folders, files match by their path
        below the folder without the ending, else by their name alone where it is unique. An
        output folder of fatescope as ``second`` stands for its ``labels``.
    what : str
        What the second files are, for the sentences: ``"prediction"``.

    Raises
    ------
    InputError
        If a path does not exist or holds no image.
    """
    for path in (first, second):
        if not path.exists():
            raise InputError(f"{escape(path)}: there is no such file or folder. Correct the path.")
    second = _labels_of(second)
    ours, theirs = find_images([first]), find_images([second])
    if not first.is_dir() and not second.is_dir():
        return Pairs(pairs=(FilePair(ours[0], theirs[0]),))
    by_key = {file.key: file for file in theirs}
    by_stem: dict[str, list[ImageFile]] = {}
    for file in theirs:
        by_stem.setdefault(stem_of(file), []).append(file)
    stems = [stem_of(file) for file in ours]
    pairs, used = [], set()
    problems: dict[str, str] = {}
    for file, stem in zip(ours, stems, strict=True):
        same = by_stem.get(stem, [])
        partner = by_key.get(file.key)
        if partner is None and len(same) == 1 and stems.count(stem) == 1:
            partner = same[0]
        if partner is None:
            why = f"{len(same)} files have" if len(same) > 1 else f"no {what} has"
            problems[file.key] = f"{escape(file.paths[0])}: {why} its name in {escape(second)}."
            continue
        used.add(partner.key)
        pairs.append(FilePair(file, partner))
    unused = tuple(escape(f.paths[0]) for f in theirs if f.key not in used)
    return Pairs(pairs=tuple(pairs), problems=problems, unused=unused)


def stem_of(file: ImageFile) -> str:
    """Return the name of a file without folder and ending."""
    return PurePosixPath(file.key).name


def _labels_of(folder: Path) -> Path:
    inside = folder / "labels"
    return inside if (folder / "run.json").is_file() and inside.is_dir() else folder
