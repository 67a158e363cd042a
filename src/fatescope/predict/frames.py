"""An image as frames, each a stack of planes of one channel, read when needed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import SettingsError
from fatescope.base.finding import Finding
from fatescope.predict.normalise import PlaneStatistics, plane_statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.image import Image

HELD_BYTES = 96 * 2**20
"""A plane up to this size is read once and held; a larger one is read in parts, twice."""

_BAND_PX = 4_000_000
_NUCLEAR = re.compile(r"dapi|hoechst|h2b|h3-|nucle|nls|histone|draq|sytox", re.IGNORECASE)


@dataclass(slots=True)
class Plane:
    """One plane of one channel."""

    image: Image
    at: dict[str, int]  # T, C, Z
    _held: NDArray[Any] | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.size("Y"), self.image.size("X")

    def __call__(self, y0: int, y1: int, x0: int, x1: int, /) -> NDArray[Any]:
        """Read rows ``y0..y1`` and columns ``x0..x1``, in the stored type."""
        n_bytes = self.shape[0] * self.shape[1] * self.image.dtype.itemsize
        if self._held is None and n_bytes <= HELD_BYTES:
            self._held = self.image.read(**self.at)
        if self._held is not None:
            return self._held[y0:y1, x0:x1]
        return self.image.read(**self.at, Y=slice(y0, y1), X=slice(x0, x1))

    def parts(self) -> Iterator[NDArray[Any]]:
        """Yield the plane in bands of full rows."""
        rows, columns = self.shape
        height = max(1, _BAND_PX // columns)
        for y0 in range(0, rows, height):
            yield self(y0, min(y0 + height, rows), 0, columns)

    def release(self) -> None:
        """Let go of pixels that are held."""
        self._held = None


@dataclass(slots=True)
class Frame:
    """All planes of one frame, in the order of Z."""

    frame: int
    planes: tuple[Plane, ...]
    stacked: bool  # True where the image has an axis Z
    _statistics: PlaneStatistics | None = field(default=None, repr=False)

    def parts(self) -> Iterator[NDArray[Any]]:
        """Yield the pixels of all planes, in parts."""
        for plane in self.planes:
            yield from plane.parts()
            if len(self.planes) > 1:
                plane.release()

    def release(self) -> None:
        """Let go of pixels that are held."""
        for plane in self.planes:
            plane.release()

    def statistics(self, percentiles: tuple[float, float]) -> PlaneStatistics:
        """Return percentiles over the whole frame; they are measured once."""
        if self._statistics is None:
            self._statistics = plane_statistics(self.parts, percentiles=percentiles)
        return self._statistics

    def findings(self, file: str, percentiles: tuple[float, float]) -> list[Finding]:
        """Return what is odd about the pixels: not finite, empty, constant."""
        seen = self.statistics(percentiles)
        found = []
        if seen.n_not_finite:
            found.append(
                Finding(
                    file=file,
                    frame=self.frame,
                    rule="not-finite",
                    severity="warning",
                    value=float(seen.n_not_finite),
                    limit=0.0,
                    reason=f"{seen.n_not_finite} of {seen.n_pixels} pixels are NaN or infinite; "
                    "they count as background.",
                )
            )
        if seen.constant:
            rule = "empty" if seen.most == 0 else "constant"
            found.append(
                Finding(
                    file=file,
                    frame=self.frame,
                    rule=rule,
                    severity="warning",
                    value=seen.most,
                    reason=f"All pixels have the value {seen.most:g}; no nucleus can be found.",
                )
            )
        return found


def open_frames(image: Image, *, channel: str | None = None) -> tuple[list[Frame], list[Finding]]:
    """Divide an image into frames of one channel; nothing is read unless a channel is looked for.

    Parameters
    ----------
    image : Image
    channel : str, optional
        Name or number of the channel with the nuclei. Without it, a channel whose name speaks
        of nuclei is taken, else the one with the most contrast, and a finding says so.

    Raises
    ------
    SettingsError
        If there is no such channel.
    """
    number, findings = choose_channel(image, channel)
    frames = []
    for t in range(image.size("T")):
        planes = tuple(Plane(image, {"T": t, "C": number, "Z": z}) for z in range(image.size("Z")))
        frames.append(Frame(t, planes, "Z" in image.axes))
    return frames, findings


def choose_channel(image: Image, channel: str | None) -> tuple[int, list[Finding]]:
    """Return the number of the channel with the nuclei, and a finding where it was assumed."""
    n, names = image.size("C"), list(image.channels)
    if channel is not None:
        if channel in names:
            return names.index(channel), []
        if channel.isdecimal() and int(channel) < n:
            return int(channel), []
        listed = ", ".join([*names, *(str(i) for i in range(n))])
        raise SettingsError(
            f"channel = {channel!r}: image {image.name!r} has no such channel; it has {listed}."
        )
    if n == 1:
        return 0, []
    named = [i for i, name in enumerate(names) if _NUCLEAR.search(name)]
    if len(named) == 1:
        return named[0], []
    number = _most_contrast(image, named or range(n))
    name = f" ({names[number]})" if names else ""
    reason = (
        f"The image has {n} channels and none was chosen, so channel {number}{name}, the one with "
        "the most contrast, was taken. Choose with --channel."
    )
    finding = Finding(
        file=image.name,
        rule="assumed-channel",
        severity="warning",
        value=float(number),
        reason=reason,
    )
    return number, [finding]


def _most_contrast(image: Image, channels: Sequence[int]) -> int:
    rows = image.size("Y")
    middle = slice(max(0, rows // 2 - 256), rows // 2 + 256)
    best, most = channels[0], -1.0
    for c in channels:
        part = image.read(T=0, C=c, Z=image.size("Z") // 2, Y=middle).astype(np.float64)
        low, high = np.percentile(part[np.isfinite(part)], (1, 99.8)) if part.size else (0, 0)
        if high - low > most:
            best, most = c, float(high - low)
    return best
