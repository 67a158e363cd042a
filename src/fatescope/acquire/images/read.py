"""Open any picture, by what the file holds and not by what it is called."""

from __future__ import annotations

import stat
from pathlib import Path

from fatescope.acquire.find import ImageFile
from fatescope.acquire.images.foreign import foreign_format
from fatescope.acquire.images.zarr_metadata import is_zarr
from fatescope.base import FileFormatError, Image, reason_of, shown


def read_image(file: ImageFile | Path | str, *, axes: str | None = None) -> Image:
    """Open a picture, stack or movie; pixels are read when they are sliced.

    Parameters
    ----------
    file : ImageFile, Path or str
        PNG, JPEG, TIFF, OME-TIFF, ImageJ TIFF, LSM, OME-Zarr or Zarr; or the files of a sequence,
        as `find_images` returns them.
    axes : str, optional
        The axes as the file stores them (``"TYX"``); wins over what the file says. Needed
        where the file does not say it.

    Returns
    -------
    Image
        With axes in the order ``TCZYX``, the stored dtype, and the spacing that the file gives.

    Raises
    ------
    FileFormatError
        If a file cannot be read, or does not say what its axes are. One sentence with the file,
        the fault, and what to do.

    Notes
    -----
    Colour files whose channels are all equal are one grey plane; alpha is left out; a palette is
    looked up. Other colour files have an axis C with the names red, green, blue.

    Examples
    --------
    >>> read_image("embryo.tif").read(Y=slice(0, 512), X=slice(0, 512))  # doctest: +SKIP
    """
    if isinstance(file, ImageFile) and file.is_sequence:
        from fatescope.acquire.images.sequence import read_sequence

        return read_sequence(file, axes=axes)
    path = file.paths[0] if isinstance(file, ImageFile) else Path(file)
    return read_one(path, axes=axes)


def read_one(path: Path, *, axes: str | None) -> Image:
    """Open a single file (see `read_image`)."""
    where = shown(path)
    try:
        if path.is_dir() and is_zarr(path):
            from fatescope.acquire.images.zarr_read import read_zarr

            return read_zarr(path, axes=axes)
        head = _beginning(path)
        if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            from fatescope.acquire.images.tiff import read_tiff

            return read_tiff(path, axes=axes)
        if head.startswith(b"\x89PNG\r\n\x1a\n"):
            from fatescope.acquire.images.png import read_png

            return read_png(path, axes=axes)
        if head.startswith(b"\xff\xd8\xff"):
            from fatescope.acquire.images.png import read_jpeg

            return read_jpeg(path, axes=axes)
    except OSError as error:
        raise FileFormatError(f"{where}: cannot be read: {reason_of(error)}") from error
    raise FileFormatError(f"{where}: {foreign_format(path.name, head)}")


def _beginning(path: Path) -> bytes:
    """Return the first bytes; say what is wrong with what is not an ordinary file."""
    where = shown(path)
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise FileFormatError(
            f"{where}: is a folder that holds no picture or cannot be opened. Give a picture, or "
            "a folder with pictures."
        )
    if not stat.S_ISREG(mode):
        raise FileFormatError(f"{where}: is a device or pipe, not a file. Save it as a file first.")
    with path.open("rb") as stream:
        head = stream.read(16)
    if not head:
        raise FileFormatError(f"{where}: is empty (0 bytes). Copy or export it again.")
    return head
