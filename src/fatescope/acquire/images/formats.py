"""The formats of images that are read: one line each. A new format is a reader and a line here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
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
        What opens a file that is one image: ``"module:function"`` below `fatescope.acquire`.
    scenes : str
        What lists the images of a file that may hold several, or is one of several files that are
        one image (`microscopes.scenes`).
    files : str
        What lists the files that are one image with a file, itself among them.
    by_name : bool
        Whether the ending decides, because the beginning is that of other files too.
    """

    name: str
    suffixes: tuple[str, ...]
    begins: tuple[Beginning, ...]
    reader: str = ""
    scenes: str = ""
    files: str = ""
    by_name: bool = False


def load(reader: str) -> Any:
    """Import what a format names as its reader."""
    module, _, function = reader.partition(":")
    return getattr(importlib.import_module(f"fatescope.acquire.{module}"), function)


FORMATS = (
    Format(
        name="an OME-TIFF file",
        suffixes=(".ome.tif", ".ome.tiff", ".ome.tf2", ".ome.tf8", ".ome.btf"),
        begins=(),
        reader="images.tiff:read_tiff",
        scenes="microscopes.ome_set:open_scenes",
        files="microscopes.ome_set:set_files",
    ),
    Format(
        name="a TIFF file",
        suffixes=(".tif", ".tiff", ".btf", ".tf8", ".lsm", ".stk"),
        begins=_TIFF,
        reader="images.tiff:read_tiff",
        scenes="microscopes.ome_set:open_scenes",
    ),
    Format(
        name="an OME companion file",
        suffixes=(".companion.ome",),
        begins=(),
        scenes="microscopes.ome_set:open_scenes",
        files="microscopes.ome_set:set_files",
        by_name=True,
    ),
    Format(
        name="a Micro-Manager recording",
        suffixes=("metadata.txt",),
        begins=(),
        scenes="microscopes.micromanager:open_scenes",
        files="microscopes.micromanager:set_files",
        by_name=True,
    ),
    Format(
        name="an NDTiff recording of Micro-Manager",
        suffixes=("ndtiff.index",),
        begins=(),
        scenes="microscopes.ndtiff:open_scenes",
        files="microscopes.ndtiff:set_files",
        by_name=True,
    ),
    Format(
        name="a DeltaVision file",
        suffixes=(".dv", ".r3d"),
        begins=(),
        scenes="microscopes.deltavision:open_scenes",
        by_name=True,
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
        scenes="microscopes.nd2:open_scenes",
    ),
    Format(
        name="a Zeiss CZI file",
        suffixes=(".czi",),
        begins=((0, b"ZISRAWFILE"),),
        scenes="microscopes.czi:open_scenes",
    ),
    Format(
        name="a Leica LIF file",
        suffixes=(".lif", ".lof", ".xlef"),
        begins=((0, b"\x70\0\0\0"),),
        scenes="microscopes.lif:open_scenes",
        by_name=True,
    ),
    Format(
        name="an Olympus OIB or OIF file",
        suffixes=(".oib", ".oif"),
        begins=(),
        scenes="microscopes.olympus:open_scenes",
        by_name=True,
    ),
    Format(
        name="an Imaris or HDF5 file",
        suffixes=(".ims",),
        begins=((0, b"\x89HDF\r\n\x1a\n"),),
        scenes="microscopes.hdf5:open_scenes",
    ),
)
SUFFIXES = tuple(s for f in FORMATS for s in f.suffixes if s != "metadata.txt")
"""What a folder is searched for; a file that is named itself may have any ending."""


def image_format_of(name: str, head: bytes) -> Format | None:
    """Return the format of a file, by its first 16 bytes, or by its ending where that decides."""
    low = name.lower()
    for one in FORMATS:
        begins = any(head[at : at + len(magic)] == magic for at, magic in one.begins)
        if begins and (not one.by_name or low.endswith(one.suffixes)):
            return one
    return next((f for f in FORMATS if f.by_name and low.endswith(f.suffixes)), None)


def may_hold_many(name: str) -> bool:
    """Say, by the name alone, whether a file may hold several images."""
    found = _by_name(name)
    return found is not None and bool(found.scenes) and (bool(found.files) or not found.reader)


def describes_others(name: str) -> Format | None:
    """Return the format of a file that may say which files are one image with it, by its name."""
    found = _by_name(name)
    return found if found is not None and found.files else None


def _by_name(name: str) -> Format | None:
    low = name.lower()
    return next((f for f in FORMATS if low.endswith(f.suffixes)), None)


def named_format(path: Path) -> str:
    """Return the name of the format of a file or folder that can be read."""
    if path.is_dir():
        return "an OME-Zarr or Zarr folder"
    with path.open("rb") as stream:
        found = image_format_of(path.name, stream.read(16))
    return found.name if found else "unknown"
