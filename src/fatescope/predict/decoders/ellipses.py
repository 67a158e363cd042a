"""A label image of boxes: the ellipse in each box, painted where it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray


class EllipseLabels:
    """Labels of one frame, (Y, X) or (Z, Y, X): read in blocks, they are those of the whole.

    A pixel in several ellipses belongs to the one whose centre is nearest, in parts of that
    ellipse's own axes. The pixel at the centre of a box always belongs to it.

    Parameters
    ----------
    shape : tuple of int
        (Y, X) or (Z, Y, X).
    corners : sequence of ndarray of float, shape (n, 4)
        Boxes ``y0, x0, y1, x1`` of each plane; labels count on from plane to plane, from 1.
    """

    def __init__(self, shape: tuple[int, ...], corners: Sequence[FloatArray]) -> None:
        self.shape = shape
        self._corners = list(corners)
        self._first = np.cumsum([1, *map(len, corners)])
        self.dtype: np.dtype[Any] = np.min_scalar_type(int(self._first[-1]) - 1)

    def __getitem__(self, index: Any, /) -> NDArray[Any]:
        """Return a block, by slices for Y and X; before them a number, or a slice, for Z."""
        given = index if isinstance(index, tuple) else (index,)
        given = tuple(i for i in given if i is not Ellipsis)
        given += (slice(None),) * (len(self.shape) - len(given))
        rows, columns = (
            slice(*i.indices(n)) for i, n in zip(given[-2:], self.shape[-2:], strict=True)
        )
        if len(given) == 2:
            return self._paint(0, rows, columns)
        if isinstance(given[0], slice):
            planes = range(*given[0].indices(self.shape[0]))
            return np.stack([self._paint(z, rows, columns) for z in planes])
        return self._paint(int(given[0]), rows, columns)

    def _paint(self, z: int, rows: slice, columns: slice) -> NDArray[Any]:
        corners, first = self._corners[z], int(self._first[z])
        out = np.zeros((rows.stop - rows.start, columns.stop - columns.start), self.dtype)
        nearest = np.full(out.shape, np.inf, np.float32)
        meets = (corners[:, 0] < rows.stop) & (corners[:, 2] > rows.start)
        meets &= (corners[:, 1] < columns.stop) & (corners[:, 3] > columns.start)
        for i in np.flatnonzero(meets).tolist():
            y0, x0, y1, x1 = corners[i].tolist()
            top, left = max(int(y0), rows.start), max(int(x0), columns.start)
            bottom = min(int(np.ceil(y1)), rows.stop)
            right = min(int(np.ceil(x1)), columns.stop)
            y, x = np.arange(top, bottom), np.arange(left, right)
            away_y = (2 * y + 1 - y0 - y1) / (y1 - y0)
            away_x = (2 * x + 1 - x0 - x1) / (x1 - x0)
            away = (away_y[:, None] ** 2 + away_x**2).astype(np.float32)
            middle = (y == int((y0 + y1) / 2))[:, None] & (x == int((x0 + x1) / 2))
            away[middle] = -1
            window = (
                slice(top - rows.start, bottom - rows.start),
                slice(left - columns.start, right - columns.start),
            )
            mine = (away <= 1) & (away < nearest[window])
            nearest[window][mine] = away[mine]
            out[window][mine] = first + i
        return out
