"""MP4, MOV and AVI films as images: frames by their number, decoded when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.images.lazy import OwnLock, PlanePixels
from fatescope.acquire.images.meaning import left_out, with_axes
from fatescope.base import FileFormatError, Image, escape

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_movie(path: Path, *, axes: str | None) -> Image:
    """Open a film; axes are TCYX (red, green, blue), or TYX where the film has no colour.

    Notes
    -----
    Frames count from 0 in the order in which they are shown. Opening reads the film's packets,
    without decoding, to count them: what the header says is a guess in some formats. One frame is
    held at a time; reading forward decodes each frame once, reading back begins at the whole
    frame before. The time between frames is that of playing, so the interval stays unknown.
    """
    pixels = _MoviePixels(path)
    ordered, letters, names = with_axes(
        pixels, "TYX" if pixels.is_grey else "TCYX", axes=axes, colours=3, path=path
    )
    if "C" in letters and not names:
        names = ("red", "green", "blue")
    return Image(pixels=ordered, axes=letters, channels=names, name=str(path))


class _MoviePixels(PlanePixels):
    """The frames of a film; the last decoded one is kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container: Any = None
        self._frames: Any = None
        self._now: tuple[int, NDArray[Any]] | None = None
        self._lock = OwnLock()
        try:
            with av.open(str(path)) as container:
                stream = container.streams.video[0]
                self.is_grey = (stream.pix_fmt or "").startswith("gray")
                size = (stream.height, stream.width)
                read = [p for p in container.demux(stream) if p.size]
                keys = [p.pts for p in read if p.is_keyframe and p.pts is not None]
                packets = [p.pts for p in read if not p.is_discard]  # others an edit list hides
                bits = max((c.bits for c in stream.format.components), default=8)
        except (av.FFmpegError, IndexError) as error:
            raise _damaged(path, error) from error
        self._times = sorted(t for t in packets if t is not None)
        self._by_time = len(set(self._times)) == len(packets)
        self._key_times = sorted(keys)
        shape = (len(packets), *(() if self.is_grey else (3,)), *size)
        check_shape(shape, escape(path))
        said = f"The film stores {bits} bits a value and was read as 8: small differences are lost."
        deep = self.is_grey and bits == 16
        self._format = "gray16le" if deep else "gray" if self.is_grey else "rgb24"
        notes = (left_out(path, said),) if bits > 8 and not deep else ()
        super().__init__(shape=shape, dtype=np.dtype(np.uint16 if deep else np.uint8), notes=notes)

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Decode the frame, unless it is the one at hand, and cut the rectangle out."""
        with self._lock:
            frame = self._frame(at[0])
        plane = frame if self.is_grey else frame[..., at[1]]
        return plane[rows.start : rows.stop, columns.start : columns.stop]

    def __getstate__(self) -> dict[str, Any]:
        """Travel to another process without the open file."""
        return {**self.__dict__, "_container": None, "_frames": None, "_now": None}

    def _frame(self, wanted: int) -> NDArray[Any]:
        if self._now is not None and self._now[0] == wanted:
            return self._now[1]
        try:
            number = -1 if self._now is None else self._now[0]
            if self._frames is None or not number < wanted < self._next_key(number):
                number = self._begin(wanted)
            frame: Any = None
            while number < wanted:
                frame = next(self._frames, None)
                if frame is None:
                    raise _damaged(self.path, f"frame {wanted} of {self.shape[0]} is missing")
                number = self._number(frame, number)
            pixels = frame.to_ndarray(format=self._format)
        except av.FFmpegError as error:
            raise _damaged(self.path, error) from error
        if pixels.shape[:2] != self.shape[-2:]:
            raise _damaged(self.path, f"frame {wanted} has another size")
        self._now = (wanted, np.asarray(pixels, dtype=self.dtype))
        return self._now[1]

    def _next_key(self, number: int) -> int:
        """Return up to which frame decoding goes on from ``number`` rather than seek."""
        if not self._by_time:
            return self.shape[0]
        later = [t for t in self._key_times if t > self._times[max(number, 0)]]
        return self._times.index(later[1]) if len(later) > 1 else self.shape[0]

    def _begin(self, wanted: int) -> int:
        """Open the film, or go back, at or before the wanted frame; return the number before."""
        if self._container is not None:
            self._container.close()
        self._container = av.open(str(self.path))
        stream = self._container.streams.video[0]
        stream.codec_context.thread_count = 1
        if self._by_time and wanted:
            self._container.seek(self._times[wanted], stream=stream, backward=True)
        self._frames = self._container.decode(stream)
        self._now = None
        return -1

    def _number(self, frame: Any, before: int) -> int:
        """Return the number of a decoded frame: by its time, or by counting."""
        if self._by_time and frame.pts is not None:
            return int(np.searchsorted(self._times, frame.pts))
        return before + 1


def _damaged(path: Path, error: object) -> FileFormatError:
    return FileFormatError(
        f"{escape(path)}: cannot be decoded as a film ({error}). Copy or export it again, as MP4, "
        "MOV or AVI."
    )
