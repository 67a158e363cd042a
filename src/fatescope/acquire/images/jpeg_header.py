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
