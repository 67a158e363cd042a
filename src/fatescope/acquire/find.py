"""Which images a command is to work on, and what each is called."""

from __future__ import annotations

import glob
import hashlib
import logging
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path, PurePosixPath

from fatescope.acquire.images.foreign import foreign_suffix
from fatescope.acquire.images.formats import SUFFIXES, may_hold_many
from fatescope.acquire.images.zarr_metadata import MARKERS, is_zarr
from fatescope.acquire.our_folders import TRUTH, is_ours
from fatescope.acquire.sequences import Grid, Group, grouped_by_number, grouped_by_pattern
from fatescope.acquire.sets import grouped_by_set
from fatescope.base import FatescopeError, InputError, WorkUnit, escape, writable

_log = logging.getLogger(__name__)

FOLDER_SUFFIX = ".zarr"
"""A folder with this ending, or with Zarr metadata in it, is one image and not searched."""
METADATA = "metadata.txt"
"""What Micro-Manager writes beside its planes."""
_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile(WorkUnit):
    """One image to work on: a file, or the numbered files of one movie.

    Parameters
    ----------
    key : str
        Unique among the inputs and stable: the path below the given folder, with ``/`` between
        parts and without the ending. Of equal ones, all but the first have what sets them apart in
        front or behind: folders (``day2_a``), or the ending (``a_png``).
    paths : tuple of Path
        One file, or the frames of a sequence in order.
    frames : tuple of int
        The numbers in the names of a sequence; empty for a single file.
    fields : tuple of (str, str)
        What ``{well}``, ``{field}`` and the like stood for in the name.
    grid : tuple of (str, tuple of str)
        Axes of a pattern whose planes lie in files of their own (T, C, Z), with their values.
    scene : str, optional
        Which image of a file that holds several.
    """

    key: str
    paths: tuple[Path, ...]
    frames: tuple[int, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    grid: Grid = ()
    scene: str | None = None

    @property
    def is_sequence(self) -> bool:
        """Whether the files are frames, planes or channels of one image."""
        return bool(self.frames or self.grid)

    def __str__(self) -> str:
        return str(self.paths[0])


def find_images(
    inputs: Iterable[Path | str],
    *,
    pattern: str | None = None,
    sequence: bool = False,
    scene: str | None = None,
) -> list[ImageFile]:
    """List the images in files and folders.

    Parameters
    ----------
    inputs : iterable of Path or str
        Files, folders (searched to any depth; a Zarr folder is one image), or wildcards that no
        shell has expanded.
    pattern : str, optional
        Such as ``"{well}_{field}.tif"``: names that do not fit are left out, and the parts
        become `ImageFile.fields`. Files that differ in ``{frame}``, ``{plane}`` and ``{channel}``
        alone are one image.
    sequence : bool
        Files that differ only in the last number of their name are one movie.
    scene : str, optional
        Of files that hold several images, the name of one, or its number from 0; all otherwise.
        A file that holds one image is its image 0. Of a sequence, the image of each file.

    Returns
    -------
    list of ImageFile
        Inputs in the given order, each folder in natural order (2 before 10). A file that was
        named but is missing or unreadable is listed, so that it is reported when its turn comes.

    Raises
    ------
    InputError
        If there is no image at all, or no name fits ``pattern``.

    Notes
    -----
    Links are followed, each folder once, so loops of links end. Hidden files, folders that
    fatescope wrote, and the truth of a rendering, are passed by. Images of a format that is not
    read are listed, so that each is reported when its turn comes.
    """
    given = [Path(p) for p in inputs]
    found = list(_unique(_walk(given)))
    if not found:
        names = ", ".join(escape(p) for p in given) or "nothing"
        raise InputError(
            f"no image was found in {names}. Give PNG, JPEG, TIFF or OME-Zarr images or a folder."
        )
    if pattern is not None:
        groups = grouped_by_pattern(found, pattern)
    elif sequence:
        groups = grouped_by_number(found)
    else:
        groups = [(_without_suffix(g[0]), *g[1:]) for g in grouped_by_set(found)]
    return _with_scenes(_with_unique_keys(groups), scene)


def _with_scenes(files: Sequence[ImageFile], scene: str | None) -> list[ImageFile]:
    """Put the images of a file that holds several in its place, each named.

    What cannot be opened stays one image, and says so when its turn comes.
    """
    from fatescope.acquire.images.single import list_scenes

    listed = []
    for file in files:
        names: tuple[str, ...] = ()
        if not file.is_sequence and may_hold_many(file.paths[0].name):
            with suppress(FatescopeError, ModuleNotFoundError, OSError):
                names = list_scenes(file.paths[0])
        if len(names) < 2:
            listed.append(replace(file, scene=scene))
        elif scene is None:
            listed += [replace(file, key=f"{file.key}_{name}", scene=name) for name in names]
        else:
            chosen = names[int(scene)] if _is_number(scene, names) else scene
            listed.append(replace(file, key=f"{file.key}_{chosen}", scene=chosen))
    return listed


def _is_number(scene: str, names: Sequence[str]) -> bool:
    return scene not in names and bool(re.fullmatch("[0-9]+", scene)) and int(scene) < len(names)


Named = tuple[str, Path]
"""A file and its name relative to the folder that was given, with ``/`` between parts."""


def _walk(given: Sequence[Path]) -> Iterator[Named]:
    for path in given:
        if path.is_dir() and not is_zarr(path):
            yield from sorted(_folder(path), key=lambda named: natural(named[0]))
        elif not os.path.lexists(path) and glob.has_magic(str(path)):
            matches = (str(p) for p in Path(path.anchor).glob(str(path.relative_to(path.anchor))))
            yield from _walk([Path(match) for match in sorted(matches, key=natural)])
        else:
            yield path.name, path


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key by which numbers in names count as numbers."""
    parts = _DIGITS.split(name)
    key = [(1, int(p), p) if p.isdecimal() and p.isascii() else (0, 0, p.casefold()) for p in parts]
    return (*key, (0, 0, name))


def _folder(top: Path) -> Iterator[Named]:
    """List the images below a folder, each folder once even if links lead there again."""
    seen: set[tuple[int, int]] = set()
    stack = [("", str(top))]
    rendered = False
    while stack:
        inside, folder = stack.pop()
        try:
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = list(listing)
        except OSError:
            yield inside.rstrip("/") or top.name, Path(folder)  # named when its turn comes
            continue
        ours = is_ours([e.name for e in entries])
        rendered = rendered or (ours and not inside)
        if inside and ours:
            _log.info("%s is a folder that fatescope wrote; it is passed by.", escape(folder))
            continue
        if inside and any(e.name in MARKERS for e in entries):
            yield inside.rstrip("/"), Path(folder)
            continue
        planes = any(e.name.startswith("img_") for e in entries)
        for entry in entries:
            if entry.name.startswith(".") or (rendered and entry.name == TRUTH):
                continue
            if _suffix(entry.name) == FOLDER_SUFFIX and entry.is_dir():
                yield inside + entry.name, Path(entry.path)
            elif entry.is_dir():
                stack.append((f"{inside}{entry.name}/", entry.path))
            elif _is_image(entry.name) or (entry.name == METADATA and planes):
                yield inside + entry.name, Path(entry.path)


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) or bool(foreign_suffix(name))


def _suffix(name: str) -> str:
    return name[name.rfind(".") :].lower() if "." in name else ""


def _unique(found: Iterable[Named]) -> Iterator[Named]:
    """Pass each path once, however many inputs name it."""
    seen: set[str] = set()
    for name, path in found:
        full = str(path.absolute())
        if full not in seen:
            seen.add(full)
            yield name, path


def _without_suffix(name: str) -> str:
    pure = PurePosixPath(name)
    known = _is_image(pure.name) or pure.suffix.lower() == FOLDER_SUFFIX
    ending = len(foreign_suffix(pure.name)) or len(pure.suffix)
    stem = pure.name[:-ending] if known and ending < len(pure.name) else pure.name
    if stem.lower().endswith(".ome") and len(stem) > 4:
        stem = stem[:-4]
    return str(pure.with_name(stem)) if pure.name else name


def _with_unique_keys(
    groups: Iterable[Group],
) -> list[ImageFile]:
    """Give every image a key that no other has, also where case or accents are ignored."""
    taken: dict[str, Path] = {}
    files = []
    for wanted, paths, frames, fields, grid in groups:
        key = writable(wanted)
        if (first := taken.get(_folded(key))) is not None:
            key = next(k for k in _apart(key, paths[0], first) if _folded(k) not in taken)
        taken[_folded(key)] = paths[0]
        files.append(ImageFile(key=key, paths=paths, frames=frames, fields=fields, grid=grid))
    return files


def _apart(key: str, path: Path, first: Path) -> Iterator[str]:
    """Pass keys for a file whose key ``first`` has: with folders or ending, at last with a hash.

    The first file keeps its key, whatever follows: a run that goes on with more inputs finds it.
    """
    depth = len(PurePosixPath(key).parts)
    mine, theirs = (p.absolute().parts[1:-depth] for p in (path, first))
    if mine == theirs:
        yield writable(f"{key}_{path.suffix.removeprefix('.')}")
    else:
        pairs = zip(reversed(mine), reversed(theirs), strict=False)
        n_same = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        for n in range(n_same + 1, len(mine) + 1):
            yield writable("_".join([*mine[-n:], key]))
    digest = hashlib.sha256(os.fsencode(path.as_posix())).hexdigest()
    yield from (f"{key}-{digest[:n]}" for n in range(6, 65))


def _folded(key: str) -> str:
    return unicodedata.normalize("NFC", key).casefold()


def listed_paths(text: str) -> list[Path]:
    """Return the paths of a list with commas between; a name may hold commas itself.

    Where several pieces in a row are the name of something that is there, they are one name: the
    longest such row counts. Quotes around a name are taken off.
    """
    pieces = text.split(",")
    found: list[Path] = []
    at = 0
    while at < len(pieces):
        for end in range(len(pieces), at, -1):
            name = ",".join(pieces[at:end]).strip()
            if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'":
                name = name[1:-1]
            if name and (end == at + 1 or Path(name).exists()):
                found.append(Path(name))
                break
        at = end
    return found
