"""Volumes in MATLAB files: one numeric array, rows first, then columns, then planes.

MATLAB packs an array whole, so it is decoded whole. Level 4 and 5 files are read by SciPy; those
of version 7.3 are HDF5 and need an extra.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import DEFLATE, check_announced
from fatescope.acquire.images.lazy import Held
from fatescope.acquire.images.meaning import held, with_axes
from fatescope.base import (
    FileFormatError,
    Finding,
    Image,
    InputError,
    escape,
    explained,
    imported,
    parse_axes,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.acquire.images.meaning import Role

_NUMBERS = {
    **dict.fromkeys(("int8", "uint8", "logical"), 1),
    **dict.fromkeys(("int16", "uint16"), 2),
    **dict.fromkeys(("int32", "uint32", "single"), 4),
    **dict.fromkeys(("int64", "uint64", "double"), 8),
}
_AXES = {2: "YX", 3: "YXZ", 4: "YXZT"}
"""What MATLAB calls rows, columns and pages, in this order."""


def read_mat(path: Path, *, axes: str | None, role: Role = "image") -> Image:
    """Open the one array of a MATLAB file that has rows and columns.

    Parameters
    ----------
    path : Path
    axes : str or None
        Of the array as MATLAB shows it. Without it rows, columns, planes and frames (``YXZT``) are
        taken, which is noted, because the file does not say it.

    Raises
    ------
    FileFormatError
        If the file is damaged, or holds no such array, or several.
    MissingExtraError
        If it is of version 7.3 and h5py is not installed.
    """
    where = escape(path)
    with path.open("rb") as stream:
        beginning = stream.read(10)
    pixels = _hdf5_array(path, where) if beginning == b"MATLAB 7.3" else _packed_array(path, where)
    if pixels.dtype.kind not in "buif":
        raise FileFormatError(
            f"{where}: holds values of type {pixels.dtype}, which are no intensities. Save real "
            "numbers."
        )
    stored = _stored_axes(pixels, axes, where)
    turned, letters = held(pixels, stored)
    notes = () if axes or pixels.ndim == 2 else (_assumed(path, pixels.ndim),)
    in_order, letters, names = with_axes(
        Held(np.ascontiguousarray(turned[...]), notes=notes),
        letters,
        axes=None,
        colours=3,
        path=path,
    )
    return Image(pixels=in_order, axes=letters, channels=names, name=str(path))


def _stored_axes(pixels: NDArray[Any], axes: str | None, where: str) -> str:
    if axes is None:
        return _AXES[pixels.ndim]
    try:
        letters = parse_axes(axes)
    except InputError as error:
        raise FileFormatError(f"{where}: {error}") from error
    if len(letters) == pixels.ndim:
        return letters
    raise FileFormatError(
        f"{where}: --axes {axes} names {len(letters)} axes, but MATLAB stored an array of shape "
        f"{pixels.shape}. Give one letter for each axis, for instance {_AXES[pixels.ndim]}."
    )


def _assumed(path: Path, ndim: int) -> Finding:
    return Finding(
        file=str(path),
        rule="odd-axes",
        severity="info",
        reason="A MATLAB file does not name its axes; rows, columns, planes"
        f"{' and frames' if ndim == 4 else ''} were taken, in this order. If that is wrong, give "
        "them with --axes as MATLAB shows the array.",
    )


def _packed_array(path: Path, where: str) -> NDArray[Any]:
    """Read the array of a file of level 5; nothing but its numbers is unpacked."""
    import scipy.io

    with explained(lambda _: str(_damaged(where))):
        listed = scipy.io.whosmat(str(path))
        fitting = {
            str(n): (tuple(s), _NUMBERS[c]) for n, s, c in listed if c in _NUMBERS and _fits(s)
        }
        name = _the_one(fitting, where)
        # A class of 8 bytes may be stored in fewer, so the check is for the least.
        shape = fitting[name][0]
        check_announced(math.prod(shape), path.stat().st_size, most=DEFLATE, where=where)
        return np.asarray(scipy.io.loadmat(str(path), variable_names=[name])[name])


def _damaged(where: str) -> FileFormatError:
    return FileFormatError(
        f"{where}: is a damaged MATLAB file, or holds objects beside arrays. Save the volume alone:"
        " save('volume.mat', 'volume')."
    )


def _hdf5_array(path: Path, where: str) -> NDArray[Any]:
    h5py = imported("h5py")
    try:
        with h5py.File(path, "r") as file:
            arrays = {str(n): d for n, d in file.items() if isinstance(d, h5py.Dataset)}
            fitting = {n: (d.shape, d.dtype.itemsize) for n, d in arrays.items() if _fits(d.shape)}
            name = _the_one(fitting, where)
            size = math.prod(fitting[name][0]) * fitting[name][1]
            check_announced(size, path.stat().st_size, most=DEFLATE, where=where)
            return np.asarray(arrays[name][...].T)  # HDF5 counts axes from the other end
    except (OSError, RuntimeError) as error:
        raise _damaged(where) from error


def _fits(shape: tuple[int, ...]) -> bool:
    return len(shape) in _AXES and min(shape[:2]) > 1


def _the_one(fitting: dict[str, tuple[tuple[int, ...], int]], where: str) -> str:
    if len(fitting) == 1:
        return next(iter(fitting))
    found = f"{len(fitting)} arrays ({', '.join(fitting)})" if fitting else "no array"
    raise FileFormatError(
        f"{where}: holds {found} with rows and columns, and one is needed. Save the volume alone: "
        "save('volume.mat', 'volume')."
    )
