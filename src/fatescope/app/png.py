"""PNG for tiles: four times as quick as an encoder that tries to pack well.

The way to the browser is short, so grey tiles are stored without packing, and tiles of labels are
an index into a palette.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_GREY, _RGB, _INDEX = 0, 2, 3  # colour types of PNG


def encode_png(
    pixels: NDArray[np.uint8], *, palette: NDArray[np.uint8] | None = None, level: int = 0
) -> bytes:
    """Return pixels as PNG.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (Y, X) or (Y, X, 3)
        Grey or index; red, green and blue.
    palette : ndarray of uint8, shape (n, 4), optional
        Red, green, blue and alpha of each index.
    level : int
        0: not packed; 1: lightly.

    Examples
    --------
    >>> encode_png(np.zeros((2, 3), np.uint8))[1:4]
    b'PNG'
    """
    height, width = pixels.shape[:2]
    kind = _RGB if pixels.ndim == 3 else _GREY if palette is None else _INDEX
    rows = pixels.reshape(height, -1)
    lines = np.zeros((height, rows.shape[1] + 1), np.uint8)  # each begins with filter 0: none
    lines[:, 1:] = rows
    parts = [_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))]
    if palette is not None:
        parts += [
            _chunk(b"PLTE", palette[:, :3].tobytes()),
            _chunk(b"tRNS", palette[:, 3].tobytes()),
        ]
    parts += [_chunk(b"IDAT", zlib.compress(lines.tobytes(), level)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _chunk(name: bytes, body: bytes) -> bytes:
    checked = name + body
    return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))
