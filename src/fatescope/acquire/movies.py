"""Movies frame by frame: MP4 and MOV files, through PyAV."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import av
import numpy as np

from fatescope.acquire.images.movie import read_movie
from fatescope.base import InputError, escape
from fatescope.storage import write_beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

Codec = Literal["mpeg4", "h264", "lossless"]
_CODECS = {"mpeg4": "mpeg4", "h264": "libx264", "lossless": "libx264rgb"}
_KEY_FRAMES = 12
"""A whole frame every so many, as in the recordings of the EPIC collection."""


def read_frames(path: Path | str) -> Iterator[NDArray[np.uint8] | NDArray[np.uint16]]:
    """Decode a movie one frame after the other.

    Yields
    ------
    ndarray, shape (Y, X, 3)
        Red, green, blue; of a film that shows grey alone, three times the same, in its depth.

    Raises
    ------
    FileFormatError
        If the file is not a movie, or is damaged.
    """
    movie = read_movie(Path(path), axes=None)
    for t in range(movie.size("T")):
        pixels = movie.read(T=t)
        planes = pixels if pixels.ndim == 3 else np.stack([pixels] * 3)
        yield np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def write_frames(
    path: Path | str,
    frames: Iterable[NDArray[np.uint8]],
    *,
    frames_per_second: int,
    codec: Codec,
    kbit_s: int,
) -> None:
    """Encode a movie one frame after the other; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Ending in ``.mp4`` or ``.mov``.
    frames : iterable of ndarray of uint8, shape (Y, X, 3)
        Red, green, blue; rows and columns must be even.
    frames_per_second : int
        Of playing.
    codec : {"mpeg4", "h264", "lossless"}
        ``mpeg4`` is MPEG-4 part 2, as in the EPIC collection: colour at half resolution.
    kbit_s : int
        Bits per second of playing, in thousands; not used by ``lossless``.

    Raises
    ------
    InputError
        If there is no frame, or their sizes differ or are odd.
    RunError
        If the disk is full or the place cannot be written.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in ("mp4", "mov"):
        raise InputError(f"{escape(path)}: a movie ends in .mp4 or .mov. Rename it.")
    with (
        write_beside(Path(path)) as part,
        av.open(str(part), "w", format=kind, options={"fflags": "+bitexact"}) as container,
    ):
        stream: Any = None
        size: tuple[int, ...] = ()
        for pixels in frames:
            if stream is None:
                size = pixels.shape
                stream = _stream(container, size, frames_per_second, codec, kbit_s)
            if pixels.shape != size:
                raise InputError(f"frames of a movie have one size; got {size} and {pixels.shape}.")
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        if stream is None:
            raise InputError(f"{escape(path)}: a movie without frames cannot be written.")
        container.mux(stream.encode())


def _stream(
    container: Any, size: tuple[int, ...], frames_per_second: int, codec: Codec, kbit_s: int
) -> Any:
    if len(size) != 3 or size[2] != 3 or size[0] % 2 or size[1] % 2:
        raise InputError(f"frames must be (Y, X, 3) with even Y and X; got {size}.")
    stream = container.add_stream(_CODECS[codec], rate=Fraction(frames_per_second))
    stream.height, stream.width = size[:2]
    stream.codec_context.thread_count = 1  # the bytes depend on the frames alone
    stream.codec_context.flags |= av.codec.context.Flags.bitexact
    if codec == "lossless":
        stream.pix_fmt = "rgb24"
        stream.options = {"qp": "0"}
        return stream
    stream.pix_fmt = "yuv420p"
    stream.codec_context.bit_rate = kbit_s * 1000
    stream.codec_context.gop_size = _KEY_FRAMES
    return stream
