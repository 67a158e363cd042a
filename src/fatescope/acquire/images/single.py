"""Open one file, by what it holds and not by what it is called."""

from __future__ import annotations

import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.images.foreign import foreign_format
from fatescope.acquire.images.formats import image_format_of, load
from fatescope.acquire.images.ome_files import DividedImageError
from fatescope.acquire.images.zarr_metadata import is_zarr
from fatescope.base import FileFormatError, Image, escape, explain_os_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from fatescope.acquire.images.meaning import Role


def read_one(
    path: Path, *, axes: str | None, role: Role = "part", scene: str | None = None
) -> Image:
    """Open a single file, or one of the images that it holds (see `read_image`)."""
    where = escape(path)
    try:
        if path.is_dir() and is_zarr(path):
            from fatescope.acquire.images.zarr_read import read_zarr

            return _only(read_zarr(path, axes=axes), scene, where)
        head = _beginning(path)
        found = image_format_of(path.name, head)
        one: Callable[..., Image] | None = load(found.reader) if found and found.reader else None
        if one is not None and not (scene and _lists_scenes(path)):
            with suppress(DividedImageError):
                return _only(one(path, axes=axes, role=role), scene, where)
        if found is not None and found.scenes:
            from fatescope.acquire.microscopes.scenes import read_scene

            return read_scene(path, load(found.scenes), scene=scene, axes=axes)
    except OSError as error:
        raise FileFormatError(f"{where}: cannot be read: {explain_os_error(error)}") from error
    raise FileFormatError(f"{where}: {foreign_format(path.name, head)}")


def _lists_scenes(path: Path) -> bool:
    """Say whether a file tells which images it holds; a plain TIFF, for instance, does not."""
    try:
        return bool(list_scenes(path))
    except FileFormatError:
        return False


def _only(image: Image, scene: str | None, where: str) -> Image:
    """Return the one image of a file; `FileFormatError` where another one of it is asked for."""
    if scene and scene != "0":
        raise FileFormatError(
            f"{where}: holds one image, and no image {escape(scene)}. Leave --scene out, or give 0."
        )
    return image


def list_scenes(path: Path) -> tuple[str, ...]:
    """Return the names of the images that one file holds, where its format may hold many.

    Raises
    ------
    FileFormatError, MissingExtraError
        If the file cannot be read, or what reads it is not installed.
    """
    from fatescope.acquire.microscopes.scenes import opened, scene_names

    try:
        found = image_format_of(path.name, _beginning(path))
    except OSError as error:
        raise FileFormatError(
            f"{escape(path)}: cannot be read: {explain_os_error(error)}"
        ) from error
    if found is None or not found.scenes:
        return ()
    return scene_names(opened(path, load(found.scenes)))


def _beginning(path: Path) -> bytes:
    """Return the first bytes; say what is wrong with what is not an ordinary file."""
    where = escape(path)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise FileFormatError(
            f"{where}: is a folder that holds no image or cannot be opened. Give an image, or "
            "a folder with images."
        )
    if not stat.S_ISREG(mode):
        raise FileFormatError(f"{where}: is a device or pipe, not a file. Save it as a file first.")
    with path.open("rb") as stream:
        head = stream.read(16)
    if not head:
        raise FileFormatError(f"{where}: is empty (0 bytes). Copy or export it again.")
    return head
