"""Pieces of a foreground divided among the discs that fill them.

A nucleus is nearly a disc; nuclei that touch are a piece wider than its own greatest inner radius
says. Summits of the distance to the outline are the middles of discs, and their height is the
radius.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.smooth import smooth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray, LabelImage

    _Window = tuple[int, tuple[slice, slice]]

_ROUND = 1.6
"""A piece whose area is below this many circles of its own greatest inner radius is one object."""

_SHEET_PX = 2**18
_GAP_PX = 8
"""Pixels between pieces on a sheet: twice the reach of the smoothing."""


def divide_pieces(foreground: NDArray[np.bool_], *, apart_px: float) -> LabelImage:
    """Label the pieces of a foreground; a piece of several round parts becomes several objects.

    A pixel belongs to the disc that it lies deepest in, or is least far from; discs are those
    around the summits of the distance to the outline.

    Parameters
    ----------
    foreground : ndarray of bool, shape (Y, X)
    apart_px : float
        Middles of two objects are at least so far apart.

    Returns
    -------
    ndarray of int32, shape (Y, X)
        Numbered in the order of rows, from 1.
    """
    import cc3d
    import edt

    labels, n = cc3d.connected_components(
        foreground, connectivity=4, return_N=True, out_dtype=np.uint32
    )
    labels = np.asarray(labels.view(np.int32))
    if n == 0:
        return labels
    squared = edt.edtsq(foreground, black_border=False, parallel=1)
    at = np.flatnonzero(foreground)
    label_at = labels.ravel()[at]
    widest = np.ones(n + 1, np.float32)
    np.maximum.at(widest, label_at, squared.ravel()[at])
    long = np.bincount(label_at, minlength=n + 1) > _ROUND * np.pi * widest
    of_long = long[label_at]
    windows = _windows(label_at[of_long], *np.divmod(at[of_long], foreground.shape[1]))
    last = n
    for number, window, tops in _summits(labels, squared, windows, apart_px=apart_px):
        rows, columns = np.nonzero(labels[window] == number)
        beyond = [
            np.hypot(rows - y, columns - x) - radius
            for (y, x), radius in zip(tops, np.sqrt(squared[window][tuple(tops.T)]), strict=True)
        ]
        disc = np.argmin(beyond, axis=0)
        labels[window][rows, columns] = np.where(disc, last + disc, number)
        last += len(tops) - 1
    return labels


def _windows(label: IntArray, row: IntArray, column: IntArray) -> list[_Window]:
    """Return the pieces that pixels belong to, with the window that holds each."""
    if not len(label):
        return []
    order = np.argsort(label, kind="stable")
    first = np.flatnonzero(np.diff(label[order], prepend=-1))
    ends = [
        (np.minimum.reduceat(place[order], first), np.maximum.reduceat(place[order], first) + 1)
        for place in (row, column)
    ]
    rows, columns = (zip(*(e.tolist() for e in pair), strict=True) for pair in ends)
    return [
        (n, (slice(*r), slice(*c)))
        for n, r, c in zip(label[order][first].tolist(), rows, columns, strict=True)
    ]


def _summits(
    labels: LabelImage, squared: NDArray[np.float32], windows: list[_Window], *, apart_px: float
) -> Iterator[tuple[int, tuple[slice, slice], IntArray]]:
    """Yield the pieces with several summits of their smoothed distance to the outline.

    Of two summits that are near each other the higher one counts. Pieces lie side by side on a
    sheet while they are smoothed, which is ten times faster than one by one.

    Yields
    ------
    label, window, summits (n, 2) in the window, the highest first
    """
    for sheet, places in _sheets(labels, squared, windows):
        height = smooth(sheet, sigma=1.0, beyond="zero")
        highest = height
        for axis in range(2):
            around = [np.roll(highest, step, axis) for step in (-1, 1)]
            highest = np.maximum(highest, np.maximum(*around))
        high = (sheet > 0) & (height > 1) & (height >= highest)
        for (label, window), first in places:
            rows, columns = window
            mine = (
                slice(0, rows.stop - rows.start),
                slice(first, first + columns.stop - columns.start),
            )
            y, x = np.nonzero(high[mine])
            order = np.lexsort((x, y, -height[mine][y, x]))
            tops: list[list[int]] = []
            for at in np.column_stack([y, x])[order].tolist():
                if all((at[0] - t[0]) ** 2 + (at[1] - t[1]) ** 2 >= apart_px**2 for t in tops):
                    tops.append(at)
            if len(tops) > 1:
                yield label, window, np.array(tops)


def _sheets(
    labels: LabelImage, squared: NDArray[np.float32], windows: list[_Window]
) -> Iterator[tuple[FloatArray, list[tuple[_Window, int]]]]:
    """Yield sheets with the distances of some pieces, and the column at which each begins."""
    windows = sorted(windows, key=lambda w: w[1][0].stop - w[1][0].start)  # alike in height
    while windows:
        places: list[tuple[_Window, int]] = []
        width = 0
        for window in windows:
            rows, columns = window[1]
            if places and (rows.stop - rows.start) * width > _SHEET_PX:
                break
            places.append((window, width))
            width += columns.stop - columns.start + _GAP_PX
        windows = windows[len(places) :]
        tallest = places[-1][0][1][0]
        sheet = np.zeros((tallest.stop - tallest.start + _GAP_PX, width))
        for (number, (rows, columns)), first in places:
            piece = np.where(labels[rows, columns] == number, np.sqrt(squared[rows, columns]), 0)
            sheet[: piece.shape[0], first : first + piece.shape[1]] = piece
        yield sheet, places
