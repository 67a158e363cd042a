"""Files: hashes, listing, and writing that is whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from fatescope.base.errors import FatescopeError, RunError
from fatescope.base.messages import escape, explain_os_error

_SETTLED_NS = 3 * 10**9
"""FAT and network drives keep times to two seconds."""
PART_SUFFIX = ".fatescope-part"
"""Ending of a file that is not complete; a run removes such leftovers when it continues."""


def hash_path(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal; the file is streamed.

    Of a folder (an OME-Zarr image is one), it is that of the lines ``sha256  name`` of all files
    in it, sorted by name.
    """
    path = Path(path)
    if path.is_dir():
        lines = (f"{hash_path(f)}  {f.relative_to(path).as_posix()}\n" for f in list_files(path))
        return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_once(path: Path) -> str:
    """Return `hash_path`; a file that holds many images is read once in a process, by its time.

    One that was written in the last seconds is read each time: its time may stay as it changes.
    """
    status = path.stat()
    if path.is_dir() or time.time_ns() - status.st_mtime_ns < _SETTLED_NS:
        return hash_path(path)
    return _hashed(str(path.absolute()), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _hashed(path: str, size: int, modified_ns: int) -> str:
    return hash_path(Path(path))


def size_and_time(path: Path) -> tuple[int, int]:
    """Return the bytes and the time of the last change in ns; of a folder, those of all in it."""
    status = path.stat()
    if not path.is_dir():
        return status.st_size, status.st_mtime_ns
    size, modified = 0, status.st_mtime_ns
    for folder, _, names in os.walk(path):
        modified = max(modified, Path(folder).stat().st_mtime_ns)
        for name in names:
            status = Path(folder, name).stat()
            size, modified = size + status.st_size, max(modified, status.st_mtime_ns)
    return size, modified


def list_files(folder: Path) -> list[Path]:
    """List the files below a folder, sorted by their name there."""
    found = (Path(top, name) for top, _, names in os.walk(folder) for name in names)
    return sorted(found, key=lambda f: f.relative_to(folder).as_posix())


@contextlib.contextmanager
def write_beside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``, which becomes ``path`` when all went well.

    The data are forced to the disk before the renaming, so that ``path`` holds either what it
    held before or the whole new content, even if the power fails. (The renaming itself may be
    lost with the power; a run notices a file that is missing.) On an error, the temporary file
    is removed and ``path`` is untouched.

    Raises
    ------
    RunError
        If the operating system refuses (no space, no permission), in one sentence.
    """
    path = Path(path)
    part = path.with_name(f".{secrets.token_hex(8)}{PART_SUFFIX}")
    with _explained(path, part):
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as stream:
            os.fsync(stream.fileno())
        _replace(part, path)


@contextlib.contextmanager
def _explained(path: Path, part: Path) -> Iterator[None]:
    """Say in a sentence why ``path`` could not be written, and remove what was beside it."""
    try:
        yield
    except FatescopeError:
        raise
    except OSError as error:
        raise RunError(f"{escape(path)}: cannot be written: {explain_os_error(error)}") from error
    finally:  # of what was renamed nothing is left there
        with contextlib.suppress(OSError):
            remove(part)


def _replace(part: Path, path: Path) -> None:
    """Rename; Windows refuses where a spreadsheet, say, has the old file open."""
    try:
        part.replace(path)
    except PermissionError as error:
        if not path.is_file():
            raise
        raise RunError(
            f"{escape(path)}: cannot be replaced: another program has it open, or it is protected. "
            "Close it there, and run the command again."
        ) from error


@contextlib.contextmanager
def open_beside(path: Path) -> Iterator[BinaryIO]:
    """Give a stream to write to, whose content becomes ``path`` when all went well.

    As `write_beside`, for bytes that come in pieces, such as an upload.

    Raises
    ------
    RunError
        If the operating system refuses (no space, no permission), in one sentence.
    """
    with write_beside(path) as part, part.open("wb") as stream:
        yield stream


@contextlib.contextmanager
def write_folder_beside(path: Path) -> Iterator[Path]:
    """Give an empty folder beside ``path``, which becomes ``path`` when all went well.

    As `write_beside`, for formats that are folders. An older folder (or file) at ``path`` is
    moved away first and removed last; killed between the two renamings, ``path`` is missing, not
    half-written, and a run notices that.

    Raises
    ------
    RunError
        If the operating system refuses (no space, no permission), in one sentence.
    """
    path = Path(path)
    part, old = (path.with_name(f".{secrets.token_hex(8)}{PART_SUFFIX}") for _ in range(2))
    with _explained(path, part):
        part.mkdir(parents=True)
        yield part
        for file in list_files(part):
            with file.open("rb+") as stream:
                os.fsync(stream.fileno())
        if path.exists():
            path.replace(old)
        part.replace(path)
        remove(old)


def remove_files(folder: Path, names: Iterable[str]) -> None:
    """Remove files by their paths below a folder, and folders in it that are empty then."""
    parents: set[Path] = set()
    for name in names:
        path = folder / name
        path.unlink(missing_ok=True)
        parents.update(p for p in path.parents if p != folder and folder in p.parents)
    for parent in sorted(parents, key=lambda p: -len(p.parts)):
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()


def remove(path: Path) -> None:
    """Remove a file, or a folder with all in it; what is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
