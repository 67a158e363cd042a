"""Whether the pixels that a file announces can be in the bytes that it has.

A damaged header can announce anything, and an array of that size is asked for before the first
byte is decoded. So each reader asks here first. No codec makes more out of a byte than stated.
"""

from __future__ import annotations

import math

from fatescope.base import FileFormatError

SMALL_BYTES = 2**26
"""Up to this size nothing has to be proven: any machine has that much."""
DEFLATE = 1032
"""A code of 2 bits repeats 258 bytes."""
LZW = 4096
PACKBITS = 128
JPEG = 2048
"""A block of 64 pixels takes a bit at least, and colour may be stored at a quarter of the size."""
ZSTD = 2**16
"""zstd, blosc and LZMA: a block of 128 KB takes 4 bytes."""
UNKNOWN = 2**20
"""JPEG 2000, JPEG XL and others store an even plane in a few bytes."""
MOST_PLANES = 10**7
MOST_PIXELS = 10**14
"""More than these no microscope records: a shape beyond them is damage, not a large image."""


def check_announced(announced: int, there: int, *, most: int, where: str) -> None:
    """Raise where ``there`` stored bytes cannot hold ``announced`` bytes of pixels.

    Parameters
    ----------
    announced : int
        Size of the decoded pixels, in bytes.
    there : int
        Size of what is to be decoded, in bytes.
    most : int
        How many bytes a stored byte can give at most: 1 without compression.
    where : str
        The file, for the message.
    """
    if announced > SMALL_BYTES and announced > there * most:
        raise FileFormatError(
            f"{where}: announces {announced / 1e9:.3g} GB of pixels, which its {there} bytes "
            "cannot hold: its header is damaged. Copy or export it again."
        )


def check_shape(shape: tuple[int, ...], where: str) -> None:
    """Raise where a shape is below nothing or beyond what any instrument records."""
    if (
        min(shape, default=0) < 0
        or math.prod(shape) > MOST_PIXELS
        or math.prod(shape[:-2]) > MOST_PLANES
    ):
        raise FileFormatError(
            f"{where}: announces {' x '.join(map(str, shape))} pixels: its header is damaged. Copy "
            "or export it again."
        )
