"""Images of several channels into OME-TIFF, plane by plane."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import quoteattr

import numpy as np

from fatescope.base import InputError, Spacing, check_axes
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

_LEVEL = 1
"""Noise packs hardly better at a higher one."""
BIG_BYTES = 2**32 - 2**25
"""A TIFF with offsets of 32 bits holds less; 32 MiB are left for its tables, as in tifffile."""
_NAMES = {"u": "uint", "i": "int", "f": "float"}


def write_image(
    path: Path | str,
    planes: Iterable[NDArray[Any]],
    *,
    shape: tuple[int, ...],
    axes: str,
    dtype: DTypeLike,
    spacing: Spacing,
    channels: tuple[str, ...] = (),
) -> None:
    """Write an image as OME-TIFF; memory holds one plane at a time.

    The file appears whole or not at all, and its bytes depend on the arguments alone: there is no
    date and no random identifier in it.

    Parameters
    ----------
    path : Path
        Where to; folders are made, an older file is replaced.
    planes : iterable of ndarray, shape (Y, X)
        In the order of the leading axes, the last of them fastest.
    shape, axes
        Of the whole image; axes out of ``TCZYX`` in this order.
    dtype : uint8, uint16 or float32
    spacing : Spacing
        Steps that are known; the others stay unknown.
    channels : tuple of str
        A name for each channel.

    Raises
    ------
    InputError
        If the planes are not as announced.
    RunError
        If the disk is full or the place cannot be written.
    """
    import tifffile

    check_axes(axes, shape)
    kind = np.dtype(dtype)
    if kind not in (np.uint8, np.uint16, np.float32):
        raise InputError(f"images are written as uint8, uint16 or float32; got {kind}.")
    big = math.prod(shape) * kind.itemsize > BIG_BYTES
    target = Path(path)
    with write_beside(target) as part, tifffile.TiffWriter(part, bigtiff=big, byteorder="<") as tif:
        tif.write(
            _packed(planes, shape, kind),
            shape=(math.prod(shape[:-2]), *shape[-2:]),
            dtype=kind,
            photometric="minisblack",
            compression="adobe_deflate",
            description=_ome(shape, axes, kind, spacing, channels, target.stem),
            metadata=None,
            software="fatescope",
            datetime=None,
            rowsperstrip=shape[-2],
            maxworkers=1,
        )


def _packed(
    planes: Iterable[NDArray[Any]], shape: tuple[int, ...], kind: np.dtype[Any]
) -> Iterator[bytes]:
    import imagecodecs

    count = 0
    for plane in planes:
        if plane.shape != shape[-2:] or plane.dtype != kind:
            raise InputError(
                f"plane {count} must be {kind} of shape {shape[-2:]}; "
                f"got {plane.dtype} of shape {plane.shape}."
            )
        count += 1
        data = np.ascontiguousarray(plane, dtype=kind.newbyteorder("<"))
        yield bytes(imagecodecs.deflate_encode(data.tobytes(), level=_LEVEL))
    if count != math.prod(shape[:-2]):
        raise InputError(f"{count} planes were given for an image of shape {shape}.")


def _ome(
    shape: tuple[int, ...],
    axes: str,
    kind: np.dtype[Any],
    spacing: Spacing,
    channels: tuple[str, ...],
    name: str,
) -> bytes:
    size = dict(zip(axes, shape, strict=True))
    order = (
        "XY" + "".join(a for a in "ZCT" if a in axes) + "".join(a for a in "ZCT" if a not in axes)
    )
    what = f"{_NAMES[kind.kind]}{8 * kind.itemsize}".replace("float32", "float")
    said = [f'Size{a}="{size.get(a, 1)}"' for a in "XYZCT"]
    for axis, step in sorted(spacing.steps.items()):
        if axis == "T":
            said.append(f'TimeIncrement="{step.value!r}" TimeIncrementUnit="min"')
        else:
            said.append(f'PhysicalSize{axis}="{step.value!r}" PhysicalSize{axis}Unit="µm"')
    named = "".join(
        f'<Channel ID="Channel:0:{i}" SamplesPerPixel="1"'
        + (f" Name={quoteattr(channels[i])}" if channels else "")
        + "/>"
        for i in range(size.get("C", 1))
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0" Name={quoteattr(name)}>'
        f'<Pixels ID="Pixels:0" DimensionOrder="{order}" Type="{what}" {" ".join(said)}>'
        f'{named}<TiffData IFD="0" PlaneCount="{math.prod(shape[:-2])}"/></Pixels></Image></OME>'
    )
    return text.encode()
