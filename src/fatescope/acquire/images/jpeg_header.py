"""What a JPEG announces about itself, before anything of it is decoded."""

from __future__ import annotations

import math
import struct

import numpy as np

from fatescope.acquire.images.announced import JPEG, check_announced
from fatescope.base import FileFormatError

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_ALONE = {0x01, *range(0xD0, 0xD9)}


def jpeg_shape(content: bytes) -> tuple[tuple[int, int, int], type[np.generic]] | None:
    """Return (Y, X, samples) and the type of one sample, or ``None`` without a frame header.

    Examples
    --------
    >>> jpeg_shape(bytes.fromhex("ffd8 ffc0 0011 08 0010 0020 03"))[0]
    (16, 32, 3)
    """
    at = 2
    while at + 10 <= len(content):
        if content[at] != 0xFF:
            return None
        marker = content[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        length, bits, height, width, samples = struct.unpack_from(">HBHHB", content, at + 2)
        if marker in _FRAMES:
            return (height, width, samples), np.uint8 if bits <= 8 else np.uint16
        at += 2 + length
    return None


def check_jpeg(content: bytes, where: str) -> tuple[tuple[int, int, int], type[np.generic]]:
    """Return what `jpeg_shape` does, once it is known that the bytes can hold it.

    Raises
    ------
    FileFormatError
    """
    found = jpeg_shape(content)
    if found is None:
        raise FileFormatError(f"{where}: its JPEG header is damaged. Copy or export it again.")
    shape, kind = found
    size = math.prod(shape) * np.dtype(kind).itemsize
    check_announced(size, len(content), most=JPEG, where=where)
    return found


def jpeg_orientation(content: bytes) -> int | None:
    """Return how a JPEG asks to be turned, as EXIF counts (1 is as stored), where it says so."""
    at = content.find(b"Exif\0\0", 0, 2**16)
    return exif_orientation(content[at + 6 : at + 6 + 2**16]) if at > 0 else None


def exif_orientation(block: bytes) -> int | None:
    r"""Return the entry Orientation (274) of the first folder of an EXIF block.

    Examples
    --------
    >>> entry = bytes.fromhex("0112 0003 00000001 0006 0000")
    >>> exif_orientation(b"MM\0*" + bytes.fromhex("00000008 0001") + entry)
    6
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 10:
        return None
    (at,) = struct.unpack_from(order + "I", block, 4)
    if at + 2 > len(block):
        return None
    (n,) = struct.unpack_from(order + "H", block, at)
    for entry in range(at + 2, min(at + 2 + 12 * n, len(block) - 11), 12):
        tag, _, _, value = struct.unpack_from(order + "HHIH", block, entry)
        if tag == 274:
            return int(value)
    return None
