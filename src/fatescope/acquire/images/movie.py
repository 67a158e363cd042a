"""MP4, MOV and AVI films as images: frames by their number, decoded when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np

from fatescope.acquire.images.announced import check_shape
from fatescope.acquire.images.film_looks import (
    check_container,
    check_times,
    describe_film,
    is_cover,
)
from fatescope.acquire.images.lazy import FrameError, OwnLock, PlanePixels
from fatescope.acquire.images.meaning import with_axes
from fatescope.base import FileFormatError, Image, escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fatescope.acquire.images.meaning import Role


def read_movie(path: Path, *, axes: str | None, role: Role = "image") -> Image:
    """Open a film; axes are TCYX (red, green, blue), or TYX where the film shows no colour.

    Notes
    -----
    Frames count from 0 in the order in which they are shown, and are turned as players turn them.
    Opening reads the film's packets, to count them: what the header says is a guess in some
    formats. It decodes frames until one has colour, so all of a grey film (up to a size). One frame
    is held at a time; reading forward decodes each frame once, reading back begins at the whole
    frame before. The time between frames is that of playing, so the interval stays unknown.

    A frame whose packet is damaged, and those after it that build on it, up to the next whole
    frame, are unknown: to read one raises `FrameError`.
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
        self._frames: Iterator[Any] | None = None
        self._at = -1  # the frame that was decoded last
        self._now: tuple[int, NDArray[Any]] | None = None
        self._lock = OwnLock()
        self._unknown: set[int] = set()
        try:
            with av.open(str(path)) as container:
                stream = _film_of(container, path)
                self._stream, tick_s = stream.index, float(stream.time_base or 0)
                stream_size = (stream.height, stream.width)
                notes = check_container(container, stream, path)
                packets = [p for p in container.demux(stream) if p.size]
        except av.FFmpegError as error:
            raise _damaged(path, error) from error
        self._stored = [(p.pts, p.is_keyframe) for p in packets]
        shown = [p.pts for p in packets if not p.is_discard]  # others an edit list hides
        self._times = sorted(t for t in shown if t is not None)
        self._by_time = len(set(self._times)) == len(shown)
        self._key_times = sorted(t for t, is_key in self._stored if is_key and t is not None)
        self._n = len(shown)
        check_shape((self._n, stream_size[0], stream_size[1]), escape(path))
        look = describe_film(self._some_frames, n=self._n, path=path)
        self._close()
        if look is None:
            raise _damaged(path, "none of its frames is whole")
        self.is_grey, self._look = look.is_grey, look
        notes += [*look.notes, *(check_times(self._times, tick_s, path) if self._by_time else ())]
        lead = (self._n,) if self.is_grey else (self._n, 3)
        super().__init__(shape=(*lead, *look.size), dtype=look.dtype, notes=tuple(notes))

    def read_plane(self, at: tuple[int, ...], rows: range, columns: range) -> NDArray[Any]:
        """Decode the frame, unless it is the one at hand, and cut the rectangle out."""
        with self._lock:
            frame = self._frame(at[0])
        plane = frame if self.is_grey else frame[..., at[1]]
        return plane[rows.start : rows.stop, columns.start : columns.stop]

    def __getstate__(self) -> dict[str, Any]:
        """Travel to another process without the open file."""
        return {**self.__dict__, "_container": None, "_frames": None, "_at": -1, "_now": None}

    def _frame(self, wanted: int) -> NDArray[Any]:
        if self._now is not None and self._now[0] == wanted:
            return self._now[1]
        frame = self._decoded(wanted)
        if frame is None:
            raise FrameError(
                f"{escape(self.path)}: frame {wanted} of {self._n} cannot be decoded: it, or one "
                "that it builds on, is damaged. Copy the film again, or do without this frame."
            )
        pixels = self._look.pixels(frame)
        if pixels.shape[:2] != self.shape[-2:]:
            raise FrameError(f"{escape(self.path)}: frame {wanted} has another size.")
        self._now = (wanted, np.asarray(pixels, dtype=self.dtype))
        return self._now[1]

    def _decoded(self, wanted: int) -> Any:
        """Return a frame by its number, or nothing where it cannot be decoded."""
        if wanted in self._unknown:
            return None
        frame: Any = None
        try:
            if self._frames is None or not self._at < wanted < self._next_key(self._at):
                self._begin(wanted)
            while self._at < wanted:
                frame = next(self._frames or iter(()), None)
                if frame is None:
                    self._close()
                    return None
                self._at = self._number(frame, self._at)
        except av.FFmpegError as error:
            raise _damaged(self.path, error) from error
        return frame if self._at == wanted and wanted not in self._unknown else None

    def _some_frames(self, numbers: Sequence[int]) -> Iterator[Any]:
        """Yield those of the frames that can be decoded, in order."""
        frames = map(self._decoded, numbers)
        return (frame for frame in frames if frame is not None)

    def _next_key(self, number: int) -> int:
        """Return up to which frame decoding goes on from ``number`` rather than seek."""
        if not self._by_time:
            return self._n
        later = [t for t in self._key_times if t > self._times[max(number, 0)]]
        return self._times.index(later[1]) if len(later) > 1 else self._n

    def _begin(self, wanted: int) -> None:
        """Open the film, or go back, at or before the wanted frame."""
        self._close()
        self._container = av.open(str(self.path))
        stream = self._container.streams[self._stream]
        stream.codec_context.thread_count = 1
        stream.codec_context.options = {"err_detect": "explode"}  # rather than paint over damage
        if self._by_time and wanted:
            self._container.seek(self._times[wanted], stream=stream, backward=True)
        self._frames = self._decode(stream)

    def _close(self) -> None:
        if self._container is not None:
            self._container.close()
        self._container = self._frames = None
        self._at = -1

    def _decode(self, stream: Any) -> Iterator[Any]:
        """Yield frames; what is damaged, and what builds on that, is kept in mind as unknown."""
        first = None
        for packet in self._container.demux(stream):
            first = packet.pts if first is None else first
            frames, is_whole = _decode_packet(packet)
            leads = first is not None and packet.pts is not None and packet.pts < first
            if not is_whole and not leads:  # what leads in a key frame builds on frames before it
                self._lose(packet.pts)
            for frame in frames:
                if frame.is_corrupt:
                    self._lose(frame.pts)
                yield frame

    def _lose(self, time: int | None) -> None:
        """Keep in mind that a frame is unknown, and those stored after it up to a whole one."""
        if not self._by_time or time is None:
            raise _damaged(self.path, "a frame is damaged, and frames have no times")
        stored = iter(self._stored)
        for at, _ in stored:
            if at == time:
                self._unknown.add(self._place(time))
                break
        for at, is_key in stored:
            if is_key:
                return
            self._unknown.add(self._place(at))

    def _place(self, time: int) -> int:
        return int(np.searchsorted(self._times, time))

    def _number(self, frame: Any, before: int) -> int:
        """Return the number of a decoded frame: by its time, or by counting."""
        if self._by_time and frame.pts is not None:
            return self._place(frame.pts)
        return before + 1


def _film_of(container: Any, path: Path) -> Any:
    """Return the first film of a file; the image of a cover is none."""
    films = [s for s in container.streams.video if not is_cover(s)]
    if not films:
        raise FileFormatError(f"{escape(path)}: holds sound and no film. Leave the file out.")
    return films[0]


def _decode_packet(packet: Any) -> tuple[list[Any], bool]:
    """Return the frames that a packet gives, and whether it was whole."""
    if packet.stream.codec_context.name != "ffv1":
        return _frames_of(packet)
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)  # only its log says that a checksum does not fit
    try:
        with av.logging.Capture() as said:
            frames, is_whole = _frames_of(packet)
        return frames, is_whole and not said
    finally:
        av.logging.set_level(level)


def _frames_of(packet: Any) -> tuple[list[Any], bool]:
    if (
        packet.stream.codec_context.name != "rawvideo"
        and packet.size
        and not bytes(packet).strip(b"\0")
    ):
        return [], False  # a hole in a file: some codecs draw it as no change
    try:
        return packet.decode(), True
    except av.FFmpegError:
        return [], False


def _damaged(path: Path, error: object) -> FileFormatError:
    return FileFormatError(
        f"{escape(path)}: cannot be decoded as a film ({error}). Copy or export it again, as MP4, "
        "MOV or AVI."
    )
