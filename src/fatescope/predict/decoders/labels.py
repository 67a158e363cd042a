"""Labels of planes and frames, where they wait: in memory or on disk, read in blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from fatescope.predict.scratch import Rows

Index = tuple[int | slice, ...]


@dataclass(frozen=True, slots=True)
class PlaneLabels:
    """The nuclei of a plane: labels 1..n in raster order of their first pixel."""

    shape: tuple[int, int]
    n: int
    scores: NDArray[np.float32]  # (n,), mean predicted foreground of each
    number: NDArray[np.uint32]  # from what is stored to the label
    stored: Rows

    def rows(self, first: int, stop: int) -> NDArray[Any]:
        """Return labels of rows ``first..stop``, in the smallest unsigned type that holds n."""
        number = self.number.astype(np.min_scalar_type(self.n))
        return np.asarray(number[self.stored.read(first, stop)])

    def bands(self, height: int = 512) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the first row and the labels of bands of ``height`` full rows."""
        for first in range(0, self.shape[0], height):
            yield first, self.rows(first, min(first + height, self.shape[0]))

    def array(self) -> NDArray[Any]:
        """Return the labels of the whole plane, shape (Y, X)."""
        return self.rows(0, self.shape[0])

    def close(self) -> None:
        """Free the scratch space."""
        self.stored.close()


def drop_small(plane: PlaneLabels, least_px: float) -> PlaneLabels:
    """Return the plane without nuclei of fewer than ``least_px`` pixels, renumbered."""
    area = np.zeros(plane.n + 1, np.int64)
    for _, labels in plane.bands():
        area += np.bincount(labels.reshape(-1), minlength=plane.n + 1)
    keep = area >= least_px
    keep[0] = False
    number = (np.cumsum(keep) * keep).astype(np.uint32)
    return replace(
        plane, n=int(keep.sum()), scores=plane.scores[keep[1:]], number=number[plane.number]
    )


@dataclass(frozen=True, slots=True)
class FrameLabels:
    """The nuclei of one frame: labels 1..n by their first pixel, 0 is background."""

    frame: int
    shape: tuple[int, ...]  # (Y, X) or (Z, Y, X)
    n: int
    scores: NDArray[np.float32]  # (n,), mean predicted foreground of each, 0..1
    planes: tuple[PlaneLabels, ...]
    numbers: tuple[NDArray[Any], ...]  # for each plane, from what is stored to the frame's label
    own_px: float = 0.0  # diameter at which it was looked at again; 0: at that which was estimated

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned type that holds the labels."""
        return np.min_scalar_type(self.n)

    def __getitem__(self, index: Index) -> NDArray[Any]:
        """Return a block, by (Y, X) or (Z, Y, X) with slices for Y and X, as `dtype`."""
        z = index[0] if len(index) == 3 else 0
        rows, columns = index[-2:]
        if not (isinstance(z, int) and isinstance(rows, slice) and isinstance(columns, slice)):
            raise TypeError("index a frame's labels by a plane number and two slices")
        first, stop, _ = rows.indices(self.shape[-2])
        block = self.planes[z].stored.read(first, stop)
        # Every stored number has a label; "clip" leaves the check out, which is half of the cost.
        return np.asarray(self.numbers[z].take(block[:, columns], mode="clip"))

    def blocks(self, indices: Iterable[Index]) -> Iterator[NDArray[Any]]:
        """Yield the block of each index, for a writer that takes them in its own order."""
        for index in indices:
            yield self[index]

    def array(self) -> NDArray[Any]:
        """Return all labels, in the smallest unsigned type."""
        whole = (slice(None), slice(None))
        planes = [self[(z, *whole)] for z in range(len(self.planes))]
        return planes[0] if len(self.shape) == 2 else np.stack(planes)

    def close(self) -> None:
        """Free the scratch space; nothing can be read after this."""
        for plane in self.planes:
            plane.close()
