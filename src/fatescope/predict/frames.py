"""An image as frames, each a stack of planes of one channel, read when needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.predict.normalise import PlaneStatistics, plane_statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.image import Image
    from fatescope.predict.plane import PlaneView

HELD_BYTES = 96 * 2**20
"""A plane up to this size is read once and held; a larger one is read in parts, twice."""

_BAND_PX = 4_000_000  # read at a time; memory, never a result


@dataclass(slots=True)
class Plane:
    """One plane of one channel."""

    image: Image
    at: dict[str, int]  # T, C, Z
    view: PlaneView | None = field(default=None, repr=False)  # the last one of the whole plane
    _held: NDArray[Any] | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.image.size("Y"), self.image.size("X")

    def __getitem__(self, window: tuple[slice, ...], /) -> NDArray[Any]:
        """Read a block, by slices for rows and columns, in the stored type."""
        n_bytes = self.shape[0] * self.shape[1] * self.image.dtype.itemsize
        if self._held is None and n_bytes <= HELD_BYTES:
            self._held = self.image.read(**self.at)
        if self._held is not None:
            return self._held[window]
        return self.image.read(**self.at, Y=window[0], X=window[1])

    def parts(self) -> Iterator[NDArray[Any]]:
        """Yield the plane in bands of full rows."""
        rows, columns = self.shape
        height = max(1, _BAND_PX // columns)
        for y0 in range(0, rows, height):
            yield self[y0 : min(y0 + height, rows), :]

    def release(self) -> None:
        """Let go of pixels and maps that are held."""
        self._held = self.view = None


@dataclass(slots=True)
class ImageFrame:
    """All planes of one frame, in the order of Z."""

    frame: int
    planes: tuple[Plane, ...]
    stacked: bool  # True where the image has an axis Z
    _statistics: PlaneStatistics | None = field(default=None, repr=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, rows and columns."""
        return len(self.planes), *self.planes[0].shape

    def __getitem__(self, window: tuple[slice, ...], /) -> NDArray[Any]:
        """Read a block of the volume, by slices for planes, rows and columns."""
        return np.stack([plane[window[1:]] for plane in self.planes[window[0]]])

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
