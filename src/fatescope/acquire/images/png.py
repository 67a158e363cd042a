"""PNG and JPEG: one image a file, decoded whole when its pixels are first asked for."""

from __future__ import annotations

import math
import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.announced import DEFLATE, check_announced
from fatescope.acquire.images.complaints import overheard
from fatescope.acquire.images.jpeg_header import check_jpeg, exif_orientation, jpeg_orientation
from fatescope.acquire.images.lazy import PlanePixels
from fatescope.acquire.images.meaning import check_turn, no_light, with_axes
from fatescope.base import FileFormatError, Image, escape

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.acquire.images.meaning import Role

_DAMAGE = re.compile(r"IDAT|CRC|data check|[Cc]orrupt|[Pp]remature")
"""What a codec only warns of although pixels are lost."""
_SAMPLES = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
"""Samples by PNG colour type; palettes are looked up while decoding."""


def read_png(path: Path, *, axes: str | None, role: Role = "image") -> Image:
    """Open a PNG file: 1 to 16 bits, grey, colour or palette. Its size is read, not its pixels.

    Raises
    ------
    FileFormatError
        If the file is damaged.
    """
    where = escape(path)
    with path.open("rb") as stream:
        head = stream.read(33)
        before = _chunks_before_pixels(stream)
    transparent = head[25:26] in b"\x00\x02\x03" and b"tRNS" in before
    if len(head) < 33 or head[12:16] != b"IHDR":
        raise FileFormatError(f"{where}: is cut off in its header. Copy the file again.")
    width, height, bits, colour = struct.unpack(">IIBB", head[16:26])
    samples = _SAMPLES.get(colour)
    if samples is None or bits not in (1, 2, 4, 8, 16) or not (width and height):
        raise FileFormatError(f"{where}: its PNG header is damaged. Copy or export it again.")
    shown_bits = None
    if role == "labels" and colour in (0, 3):
        samples, transparent, shown_bits = 1, False, bits
    row = math.ceil(width * bits * (1 if colour == 3 else samples) / 8)
    check_announced(height * row, path.stat().st_size, most=DEFLATE, where=where)
    pixels = DecodedPixels(
        path,
        codec="png",
        samples=samples + transparent,
        size=(height, width),
        dtype=np.dtype(np.uint16 if bits == 16 else np.uint8),
        bits=shown_bits,
    )
    pixels.notes = tuple(check_turn(exif_orientation(before.get(b"eXIf", b"")), path))
    return _image(pixels, path, axes=axes, colours={1: 1, 2: 1, 3: 3, 4: 3}[samples])


def _chunks_before_pixels(stream: Any) -> dict[bytes, bytes]:
    """Return the chunks that are read here: ``tRNS`` adds a sample (alpha), ``eXIf`` may turn."""
    found: dict[bytes, bytes] = {}
    while len(start := stream.read(8)) == 8:
        length, name = struct.unpack(">I4s", start)
        if name == b"IDAT":
            return found
        if name in (b"tRNS", b"eXIf"):
            found[name] = stream.read(min(length, 2**16))
            length -= len(found[name])
        stream.seek(length + 4, 1)
    return found


def read_jpeg(path: Path, *, axes: str | None, role: Role = "image") -> Image:
    """Open a JPEG file. Its compression has changed the intensities; PNG or TIFF keep them."""
    content = path.read_bytes()
    (height, width, samples), kind = check_jpeg(content, escape(path))
    if samples == 4 and not (axes and "C" in axes.upper()):
        raise FileFormatError(no_light(escape(path), "inks for printing (CMYK)"))
    pixels = DecodedPixels(
        path, codec="jpeg", samples=samples, size=(height, width), dtype=np.dtype(kind)
    )
    pixels.notes = tuple(check_turn(jpeg_orientation(content), path))
    return _image(pixels, path, axes=axes, colours=samples)


def _image(pixels: DecodedPixels, path: Path, *, axes: str | None, colours: int) -> Image:
    stored = "SYX" if pixels.ndim == 3 else "YX"
    arranged, letters, names = with_axes(pixels, stored, axes=axes, colours=colours, path=path)
    return Image(pixels=arranged, axes=letters, channels=names, name=str(path))


def _damaged(where: str, kind: str, error: object) -> str:
    return (
        f"{where}: is not a complete {kind} file ({escape(str(error))}). Copy or export it again."
    )


def _as_greys(data: bytes) -> bytes:
    """Return a PNG of grey or of a palette as one of grey: its numbers, without their colours."""
    kept, at = [data[:8]], 8
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        chunk = data[at : at + 12 + length]
        if name == b"IHDR":
            head = name + chunk[8:17] + b"\0" + chunk[18:21]
            chunk = chunk[:4] + head + struct.pack(">I", zlib.crc32(head))
        if name not in (b"PLTE", b"tRNS"):
            kept.append(chunk)
        at += 12 + length
    return b"".join([*kept, data[at:]])


class DecodedPixels(PlanePixels):
    """An image that its codec can only decode as a whole; the result is kept.

    With ``bits``, a PNG of one sample is read as the numbers that it stores in so many bits.
    """

    def __init__(
        self,
        path: Path,
        *,
        codec: str,
        samples: int,
        size: tuple[int, ...],
        dtype: np.dtype[Any],
        bits: int | None = None,
    ) -> None:
        lead = (samples,) if samples > 1 else ()
        super().__init__(shape=(*lead, *size), dtype=dtype)
        self.path = path
        self.codec = codec
        self.bits = bits
        self._decoded: NDArray[Any] | None = None

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Slice the decoded image."""
        pixels = self._whole()
        part = pixels[rows.start : rows.stop, columns.start : columns.stop]
        return part[..., at[0]] if at else part

    def _whole(self) -> NDArray[Any]:
        pixels = self._decoded
        if pixels is None:
            pixels = self._decoded = self._decode()
        return pixels

    @property
    def at_once(self) -> int:
        """Bytes of the image: its codec gives all of it or nothing."""
        return math.prod(self.shape) * self.dtype.itemsize

    def forget(self) -> None:
        """Drop the decoded image."""
        self._decoded = None

    def _decode(self) -> NDArray[Any]:
        import imagecodecs

        decode = imagecodecs.png_decode if self.codec == "png" else imagecodecs.jpeg_decode
        kind = self.codec.upper()
        data = self.path.read_bytes()
        try:
            with overheard("imagecodecs") as complaints:
                pixels = np.asarray(decode(data if self.bits is None else _as_greys(data)))
        except (imagecodecs.PngError, imagecodecs.JpegError, ValueError, RuntimeError) as error:
            raise FileFormatError(_damaged(escape(self.path), kind, error)) from error
        if said := [c for c in complaints if _DAMAGE.search(c)]:
            raise FileFormatError(_damaged(escape(self.path), kind, said[0]))
        wanted = self.shape[-2:] + self.shape[:-2]
        if pixels.shape != wanted or pixels.dtype != self.dtype:
            raise FileFormatError(
                f"{escape(self.path)}: its {kind} header announces {wanted} {self.dtype} and the "
                f"data hold {pixels.shape} {pixels.dtype}. Export it again."
            )
        if self.bits is not None and self.bits < 8:  # few bits are decoded as shades up to 255
            return pixels // np.uint8(255 // (2**self.bits - 1))
        return pixels
