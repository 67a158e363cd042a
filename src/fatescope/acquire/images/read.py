"""Open any image, by what the file holds and not by what it is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fatescope.acquire.find import ImageFile
from fatescope.acquire.images.single import read_one
from fatescope.base import Image

if TYPE_CHECKING:
    from fatescope.acquire.images.meaning import Role
    from fatescope.acquire.reading import ImageReading


def read_image(
    file: ImageFile | Path | str,
    *,
    axes: str | None = None,
    role: Role = "image",
    scene: str | None = None,
) -> Image:
    """Open an image, stack or movie; pixels are read when they are sliced.

    Parameters
    ----------
    file : ImageFile, Path or str
        PNG, JPEG, TIFF, OME-TIFF, ImageJ TIFF, LSM, OME-Zarr, Zarr or MATLAB; ND2, CZI, LIF, OIB,
        OIF, IMS or HDF5 with the extra ``formats``; or the files of a sequence, as `find_images`
        returns them.
    axes : str, optional
        The axes as the file stores them (``"TYX"``); wins over what the file says. Needed
        where the file does not say it.
    role : {"image", "labels", "part"}
        ``"labels"`` keeps the stored numbers where an image would look up a colour table.
    scene : str, optional
        Of a file that holds several images, the name of one, or its number from 0.

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
    Colour files whose channels are all equal are one grey plane; transparency is left out, and a
    finding says so unless all is opaque; a palette is looked up. Other colour files have an axis C
    with the names red, green, blue. Where a TIFF says that 0 is white, brightness is turned round.

    Examples
    --------
    >>> read_image("embryo.tif").read(Y=slice(0, 512), X=slice(0, 512))  # doctest: +SKIP
    """
    if isinstance(file, ImageFile) and file.is_sequence:
        from fatescope.acquire.images.sequence import read_sequence

        return read_sequence(file, axes=axes)
    if isinstance(file, ImageFile):
        return read_one(file.paths[0], axes=axes, role=role, scene=file.scene)
    return read_one(Path(file), axes=axes, role=role, scene=scene)


def open_image(file: ImageFile | Path | str, reading: ImageReading) -> Image:
    """Open an image as the user's settings say, with the scale that they give."""
    return read_image(file, axes=reading.axes, scene=reading.scene).with_scale(
        spacing_um=reading.spacing_um, interval_min=reading.interval_min
    )
