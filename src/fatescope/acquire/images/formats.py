"""The formats of images that are read: one line each. A new format is a reader and a line here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

Beginning = tuple[int, bytes]
"""Where in a file some bytes stand, and which."""
_TIFF = tuple((0, b) for b in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))
_MOVIE = (*((4, b) for b in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")), (8, b"AVI "))
_MATLAB = ((0, b"MATLAB 5.0 MAT-f"), (0, b"MATLAB 7.3 MAT-f"))
"""Also version 7 calls itself 5.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format: how its files are known, and what reads them.

    Parameters
    ----------
    name : str
        With an article, as it stands in sentences.
    suffixes : tuple of str
        What a folder is searched for, in lower case.
    begins : tuple of (int, bytes)
        A file that holds one of these bytes at its place is of this format, whatever its name.
    reader : str
        ``"module:function"`` below `fatescope.acquire`.
    many : bool
        Whether a file may hold several images: the reader lists them (`microscopes.scenes`).
    by_name : bool
        Whether the ending decides, because the beginning is that of other files too.
    """

    name: str
    suffixes: tuple[str, ...]
    begins: tuple[Beginning, ...]
    reader: str
    many: bool = False
    by_name: bool = False

    def load(self) -> Any:
        """Import the reader."""
        module, _, function = self.reader.partition(":")
        return getattr(importlib.import_module(f"fatescope.acquire.{module}"), function)


FORMATS = (
    Format(
        name="a TIFF file",
        suffixes=(".tif", ".tiff", ".btf", ".tf8", ".lsm", ".stk"),
        begins=_TIFF,
        reader="images.tiff:read_tiff",
    ),
    Format(
        name="a PNG image",
        suffixes=(".png",),
        begins=((0, b"\x89PNG\r\n\x1a\n"),),
        reader="images.png:read_png",
    ),
    Format(
        name="a JPEG image",
        suffixes=(".jpg", ".jpeg"),
        begins=((0, b"\xff\xd8\xff"),),
        reader="images.png:read_jpeg",
    ),
    Format(
        name="a movie",
        suffixes=(".mp4", ".mov", ".avi"),
        begins=_MOVIE,
        reader="images.movie:read_movie",
    ),
    Format(
        name="a MATLAB file",
        suffixes=(".mat",),
        begins=_MATLAB,
        reader="images.mat:read_mat",
    ),
    Format(
        name="an ICS file",
        suffixes=(".ics",),
        begins=((0, b"ics_version"), (2, b"ics_version"), (3, b"ics_version")),
        reader="images.ics:read_ics",
    ),
    Format(
        name="a Nikon ND2 file",
        suffixes=(".nd2",),
        begins=((0, b"\xda\xce\xbe\x0a"),),
        reader="microscopes.nd2:open_scenes",
        many=True,
    ),
    Format(
        name="a Zeiss CZI file",
        suffixes=(".czi",),
        begins=((0, b"ZISRAWFILE"),),
        reader="microscopes.czi:open_scenes",
        many=True,
    ),
    Format(
        name="a Leica LIF file",
        suffixes=(".lif", ".lof", ".xlef"),
        begins=((0, b"\x70\0\0\0"),),
        reader="microscopes.lif:open_scenes",
        many=True,
        by_name=True,
    ),
    Format(
        name="an Olympus OIB or OIF file",
        suffixes=(".oib", ".oif"),
        begins=(),
        reader="microscopes.olympus:open_scenes",
        many=True,
        by_name=True,
    ),
    Format(
        name="an Imaris or HDF5 file",
        suffixes=(".ims",),
        begins=((0, b"\x89HDF\r\n\x1a\n"),),
        reader="microscopes.hdf5:open_scenes",
        many=True,
    ),
)
SUFFIXES = frozenset(s for f in FORMATS for s in f.suffixes)
"""What a folder is searched for; a file that is named itself may have any ending."""


def format_of(name: str, head: bytes) -> Format | None:
    """Return the format of a file, by its first 16 bytes, or by its ending where that decides."""
    for one in FORMATS:
        begins = any(head[at : at + len(magic)] == magic for at, magic in one.begins)
        if begins and (not one.by_name or _suffix(name) in one.suffixes):
            return one
    suffix = _suffix(name)
    return next((f for f in FORMATS if f.by_name and suffix in f.suffixes), None)


def may_hold_many(name: str) -> bool:
    """Say, by the name alone, whether a file may hold several images."""
    suffix = _suffix(name)
    return any(f.many and suffix in f.suffixes for f in FORMATS)


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()


def named_format(path: Path) -> str:
    """Return the name of the format of a file or folder that can be read."""
    if path.is_dir():
        return "an OME-Zarr or Zarr folder"
    with path.open("rb") as stream:
        found = format_of(path.name, stream.read(16))
    return found.name if found else "unknown"
