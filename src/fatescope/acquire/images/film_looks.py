"""What the frames of a film are: grey or in colour, how deep, which way up; and what is said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.meaning import left_out
from fatescope.base import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_COMPARED_PX = 2**28
"""Up to so many pixels, a film is grey where all its frames are; in a larger one some are seen."""
_SOME = 64
_GREY = {8: "gray", 9: "gray9le", 10: "gray10le", 12: "gray12le", 14: "gray14le", 16: "gray16le"}
"""By depth: the layout in which grey keeps its values."""
_NEUTRAL = 128
"""What both colour differences of grey are, in 8 bits; a codec may miss it by 1."""
_PLANAR = {f"yuv{j}{k}p" for j in ("", "j") for k in (410, 411, 420, 422, 440, 444)}
_UNEVEN = 1.5
"""An interval this many times longer or shorter than the usual one is another one."""
_ONE = 2**16
"""1 in a display matrix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmLook:
    """How the frames of a film become arrays."""

    is_grey: bool
    layout: str
    """The name that FFmpeg has for it."""
    first_only: bool
    """Grey that is stored as red, green and blue: red is read."""
    bits: int
    turn: tuple[bool, bool, bool]
    """Whether rows and columns are exchanged, then rows are reversed, then columns."""
    size: tuple[int, int]
    dtype: np.dtype[Any]
    notes: tuple[Finding, ...]

    def pixels(self, frame: Any) -> NDArray[Any]:
        """Return a decoded frame as (Y, X), or (Y, X, 3) in colour, the way it is shown."""
        pixels = frame.to_ndarray(format=self.layout)
        if self.first_only:
            pixels = pixels[..., 0] >> (8 * self.dtype.itemsize - self.bits)
        exchange, rows, columns = self.turn
        pixels = pixels.swapaxes(0, 1) if exchange else pixels
        return np.ascontiguousarray(pixels[:: -1 if rows else 1, :: -1 if columns else 1])


def describe_film(
    frames: Callable[[Sequence[int]], Iterator[Any]], *, n: int, path: Path
) -> FilmLook | None:
    """Look at the frames of a film until one has colour; return nothing where none is whole.

    Parameters
    ----------
    frames : callable
        Decodes those of the frames, by their numbers, that can be decoded.
    n : int
        How many frames the film has.
    path : Path
        The film, for what is said of it.
    """
    first = next(frames(range(n)), None)
    if first is None:
        return None
    bits = max((c.bits for c in first.format.components), default=8)
    is_grey, some = _shows_grey(frames, first, n)
    stored_grey = first.format.name.startswith(("gray", "ya", "mono"))
    first_only = is_grey and not stored_grey and _is_rgb(first)
    depth = min((b for b in _GREY if b >= bits), default=32)
    if first_only or not is_grey:
        layout = "rgb48le" if first_only and bits > 8 else "rgb24"
    else:
        layout = _GREY.get(depth, "grayf32le")
    turn, notes = _turn(first, path)
    if not is_grey and bits > 8:
        said = f"The film stores {bits} bits a value and was read as 8: small differences are lost."
        notes.append(left_out(path, said))
    if some:
        said = f"Grey in the {_SOME} of {n} frames that were looked at: colours of others are lost."
        notes.append(left_out(path, said))
    if any(c.is_alpha for c in first.format.components) and np.ptp(_alpha(first)):
        notes.append(left_out(path, "The film has transparency; the transparency was left out."))
    if first.interlaced_frame:
        said = "The film is interlaced: its odd and even rows were recorded one after the other, "
        said += "and are read as one frame. What moves is torn; deinterlace it first."
        notes.append(left_out(path, said))
    height, width = first.height, first.width
    sample = first.to_ndarray(format=layout)
    return FilmLook(
        is_grey=is_grey,
        layout=layout,
        first_only=first_only,
        bits=bits if layout == "rgb48le" else 8,
        turn=turn,
        size=(width, height) if turn[0] else (height, width),
        dtype=sample.dtype,
        notes=tuple(notes),
    )


def check_container(container: Any, film: Any, path: Path) -> list[Finding]:
    """Say what a file holds beside a film, and which form its pixels have."""
    films = [s for s in container.streams.video if not is_cover(s)]
    notes = []
    if len(films) > 1:
        said = f"The file holds {len(films)} films; the first was read and the others left out."
        notes.append(left_out(path, said))
    if (ratio := film.sample_aspect_ratio) and ratio != 1:
        said = f"The film says that its pixels are {float(ratio):.3g} times as wide as high; they "
        said += "were read as squares. Give their size with --spacing-um Y,X."
        notes.append(left_out(path, said))
    return notes


def is_cover(stream: Any) -> bool:
    """Say whether a stream is one still image that players show beside sound."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def check_times(times: Sequence[int], tick_s: float, path: Path) -> list[Finding]:
    """Say that the frames of a film are shown at uneven times."""
    steps = np.diff(times)
    usual = float(np.median(steps)) if len(steps) else 0.0
    if usual <= 0:
        return []
    odd = (steps > _UNEVEN * usual) | (steps * _UNEVEN < usual)
    if not odd.any():
        return []
    after = int(np.argmax(odd))
    longest = float(steps.max()) * tick_s
    reason = f"Frames are shown at uneven times: {odd.sum()} of {len(steps)} steps differ from the "
    reason += f"usual {usual * tick_s:.3g} s, first after frame {after}; the longest is "
    reason += f"{longest:.3g} s. Frames may be missing, so numbers of frames are no times."
    return [
        Finding(
            file=str(path),
            rule="uneven-times",
            severity="warning",
            value=round(longest, 6),
            limit=round(_UNEVEN * usual * tick_s, 6),
            reason=reason,
        )
    ]


def _shows_grey(
    frames: Callable[[Sequence[int]], Iterator[Any]], first: Any, n: int
) -> tuple[bool, bool]:
    """Say whether a film shows grey alone, and whether only some frames were looked at."""
    if first.format.name.startswith(("gray", "ya", "mono")):
        return True, False
    is_large = n * first.width * first.height > _COMPARED_PX
    numbers = np.linspace(0, n - 1, _SOME).astype(int).tolist() if is_large else range(n)
    is_grey = not any(map(_has_colour, frames(numbers)))
    return is_grey, is_grey and is_large


def _has_colour(frame: Any) -> bool:
    if _is_rgb(frame):
        layout = "rgb48le" if max(c.bits for c in frame.format.components) > 8 else "rgb24"
        pixels = frame.to_ndarray(format=layout)
        return bool((pixels[..., 1:] != pixels[..., :1]).any())
    scale = 1
    if frame.format.name in _PLANAR:
        differences = [_plane(p) for p in frame.planes[1:3]]
    elif frame.format.name.endswith("p10le"):
        differences, scale = [_plane(p, "<u2") for p in frame.planes[1:3]], 4
    else:
        differences = list(frame.to_ndarray(format="yuv444p")[1:])
    low, high = (_NEUTRAL - 1) * scale, (_NEUTRAL + 1) * scale
    return any(d.max() > high or d.min() < low for d in differences)


def _plane(plane: Any, dtype: str = "u1") -> NDArray[Any]:
    rows = np.frombuffer(plane, dtype).reshape(plane.height, -1)
    return rows[:, : plane.width]


def _is_rgb(frame: Any) -> bool:
    return bool(frame.format.is_rgb or frame.format.has_palette)


def _alpha(frame: Any) -> NDArray[Any]:
    return np.asarray(frame.to_ndarray(format="rgba")[..., 3])


def _turn(frame: Any, path: Path) -> tuple[tuple[bool, bool, bool], list[Finding]]:
    """Read the matrix by which players turn a film, in quarter turns and mirrors."""
    stored = frame.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return (False, False, False), []
    a, b, _, c, d = np.frombuffer(bytes(stored), np.int32)[:5].tolist()
    if b == c == 0 and abs(a) == abs(d) == _ONE:
        return (False, d < 0, a < 0), []
    if a == d == 0 and abs(b) == abs(c) == _ONE:
        return (True, b < 0, c < 0), []
    said = "The film asks players to turn or stretch it, by no quarter turn; it was read as stored."
    return (False, False, False), [left_out(path, said)]
