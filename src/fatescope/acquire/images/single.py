"""Open one file, by what it holds and not by what it is called."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.images.foreign import foreign_format
from fatescope.acquire.images.zarr_metadata import is_zarr
from fatescope.base import FileFormatError, Image, escape, explain_os_error

if TYPE_CHECKING:
    from fatescope.acquire.images.meaning import Role

MATLAB = (b"MATLAB 5.0 MAT-f", b"MATLAB 7.3 MAT-f")
"""The first 16 bytes of what MATLAB saves; also version 7 calls itself 5.0."""

MOVIES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
"""Bytes 4 to 7 of MP4 and MOV films: the name of their first part."""


def read_one(path: Path, *, axes: str | None, role: Role = "part") -> Image:
    """Open a single file (see `read_image`)."""
    where = escape(path)
    try:
        if path.is_dir() and is_zarr(path):
            from fatescope.acquire.images.zarr_read import read_zarr

            return read_zarr(path, axes=axes)
        head = _beginning(path)
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            from fatescope.acquire.images.tiff import read_tiff

            return read_tiff(path, axes=axes, role=role)
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            from fatescope.acquire.images.png import read_png

            return read_png(path, axes=axes, role=role)
        if head.startswith(b"\xff\xd8\xff"):
            from fatescope.acquire.images.png import read_jpeg

            return read_jpeg(path, axes=axes)
        if head[4:8] in MOVIES or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
            from fatescope.acquire.images.movie import read_movie

            return read_movie(path, axes=axes)
        if head in MATLAB:
            from fatescope.acquire.images.mat import read_mat

            return read_mat(path, axes=axes)
    except OSError as error:
        raise FileFormatError(f"{where}: cannot be read: {explain_os_error(error)}") from error
    raise FileFormatError(f"{where}: {foreign_format(path.name, head)}")


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
