"""Labels on the working grid, brought back to the input grid with smooth outlines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.decoders.labels import PlaneLabels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.predict.decoders.join import Joined
    from fatescope.predict.scratch import Rows, Scratch
    from fatescope.predict.tiling import TileGrid

_BAND_PX = 2**17
"""Pixels of a band of rows that stays near the processor, and so costs half."""


@dataclass(frozen=True, slots=True)
class Corners:
    """For target pixels along one axis the two neighbours on a coarser or finer grid."""

    low: NDArray[np.intp]
    high: NDArray[np.intp]
    part: NDArray[np.float32]  # weight of ``high``


def make_corners(index: NDArray[np.intp], *, scale: float, length: int) -> Corners:
    """Return where input pixels ``index`` lie on a working axis of ``length`` pixels."""
    at = np.clip((index + 0.5) * scale - 0.5, 0, length - 1)
    low = np.minimum(np.floor(at).astype(np.intp), max(0, length - 2))
    high = np.minimum(low + 1, length - 1)
    return Corners(low, high, (at - low).astype(np.float32))


def outline_labels(
    labels: NDArray[np.uint32],
    foreground: NDArray[np.uint8],
    rows: Corners,
    columns: Corners,
    *,
    least: int,
) -> NDArray[np.uint32]:
    """Bring labels back to the input grid with smooth outlines.

    Where the four working pixels around an input pixel agree, that is the label. Elsewhere the
    interpolated foreground decides whether the pixel belongs to a nucleus, and the label with
    the largest interpolated share (background apart) says to which.

    Parameters
    ----------
    labels : ndarray of uint32, shape (y, x)
        Working grid.
    foreground : ndarray of uint8, shape (y, x)
        The foreground map behind ``labels``.
    rows, columns : Corners
        Of the wanted input rows and columns, relative to ``labels``.
    least : int
        Least foreground of a pixel of a nucleus, 0..255.

    Returns
    -------
    ndarray of uint32, shape (len(rows.low), len(columns.low))
    """
    out = np.empty((len(rows.low), len(columns.low)), np.uint32)
    height = max(1, _BAND_PX // max(1, out.shape[1]))
    for first in range(0, len(out), height):
        band = slice(first, first + height)
        top, stop = int(rows.low[band][0]), int(rows.high[band][-1]) + 1
        near = Corners(rows.low[band] - top, rows.high[band] - top, rows.part[band])
        _outline_band(out[band], labels[top:stop], foreground[top:stop], near, columns, least)
    return out


def _outline_band(
    out: NDArray[np.uint32],
    labels: NDArray[np.uint32],
    foreground: NDArray[np.uint8],
    rows: Corners,
    columns: Corners,
    least: int,
) -> None:
    """Fill ``out``; only where labels differ is anything computed for single pixels."""
    out[:] = labels[rows.low][:, columns.low]
    most, n_differ = _cells(labels)
    differ = (n_differ > 0)[rows.low][:, columns.low]
    at = np.flatnonzero(differ)
    if not len(at):
        return
    y = np.repeat(np.arange(len(out)), differ.sum(axis=1))
    x = at - y * out.shape[1]
    low, high = rows.low.take(y) * labels.shape[1], rows.high.take(y) * labels.shape[1]
    left, right = columns.low.take(x), columns.high.take(x)
    down, across = rows.part.take(y), columns.part.take(x)
    corners = (low + left, low + right, high + left, high + right)
    up, before = 1 - down, 1 - across
    weights = (up * before, up * across, down * before, down * across)
    shade = sum(w * foreground.reshape(-1).take(c) for w, c in zip(weights, corners, strict=True))

    cell = rows.low.take(y) * most.shape[1] + left
    label = most.reshape(-1).take(cell)
    # One label has all the shares, unless it is only at corners that have no weight.
    on_edge = (down == 0) | (down == 1) | (across == 0) | (across == 1)
    unsure = np.flatnonzero(on_edge | (n_differ.reshape(-1).take(cell) > 1))
    label[unsure] = _largest_share(
        [labels.reshape(-1).take(c[unsure]) for c in corners], [w[unsure] for w in weights]
    )
    label[shade < least] = 0
    out.reshape(-1)[at] = label


def _cells(labels: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return for each pixel and its neighbours below and to the right what is among them.

    Returns
    -------
    most : ndarray of uint32
        The largest label.
    n_differ : ndarray of uint8
        0 where all are the same, 1 where one label meets background, 2 where labels meet.
    """
    most = least = labels
    least_label = labels - np.uint32(1)  # background becomes the largest number
    for axis in (0, 1):
        lower, upper = _neighbours(axis, labels.shape[axis])
        most = np.maximum(most[lower], most[upper])
        least = np.minimum(least[lower], least[upper])
        least_label = np.minimum(least_label[lower], least_label[upper])
    several = least_label != most - np.uint32(1)
    return most, (least != most).view(np.uint8) + (several & (most > 0)).view(np.uint8)


def _neighbours(axis: int, length: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return slices for pixels and for the next along ``axis``; a single one is its own."""
    lower, upper = slice(0, max(1, length - 1)), slice(min(1, length - 1), None)
    before = (slice(None),) * axis
    return (*before, lower), (*before, upper)


def _largest_share(
    corners: Sequence[NDArray[np.uint32]], weights: Sequence[NDArray[np.float32]]
) -> NDArray[np.uint32]:
    """Return the label with the largest weight among four corners, the first of equals."""
    inside = [
        np.where(label > 0, weight, np.float32(-1))
        for label, weight in zip(corners, weights, strict=True)
    ]
    best = np.zeros(len(corners[0]), np.uint32)
    most = np.zeros(len(best), np.float32)
    for label, weight in zip(corners, inside, strict=True):
        share = sum(
            np.where(other == label, w, np.float32(0))
            for other, w in zip(corners, inside, strict=True)
        )
        better = (label > 0) & (weight > 0) & (share > most)
        best[better] = label[better]
        most[better] = np.asarray(share)[better]
    return best


def outline_nuclei(
    joined: Joined,
    grid: TileGrid,
    labels: Rows,
    shade: Rows,
    scratch: Scratch,
    least: int,
    part_px: int,
) -> PlaneLabels:
    """Bring labels from the working grid to the input grid; number those that are left."""
    rows, columns = grid.shape
    working_rows, working_columns = grid.working_shape
    out = scratch.rows((rows, columns), np.dtype(np.uint32))
    across = make_corners(np.arange(columns), scale=grid.scale[1], length=working_columns)
    height = max(1, part_px // columns)
    order: list[NDArray[np.uint32]] = []
    seen = np.zeros(joined.n + 1, np.bool_)
    seen[0] = True
    for first in range(0, rows, height):
        index = np.arange(first, min(first + height, rows))
        down = make_corners(index, scale=grid.scale[0], length=working_rows)
        top, bottom = int(down.low.min()), int(down.high.max()) + 1
        down = Corners(down.low - top, down.high - top, down.part)
        found = joined.label_of[labels.read(top, bottom)]
        band = outline_labels(found, shade.read(top, bottom), down, across, least=least)
        out.write(first, band)
        order.append(new_labels(band, seen))
    labels.close()
    shade.close()
    kept = np.concatenate(order)
    number = np.zeros(joined.n + 1, np.uint32)
    number[kept] = np.arange(1, len(kept) + 1)
    scores = joined.score[kept.astype(np.intp) - 1]
    return PlaneLabels((rows, columns), len(kept), scores, number, out)


def new_labels(band: NDArray[np.uint32], seen: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Return labels not seen before, in the order of their first pixel; mark them seen."""
    at = np.flatnonzero(band)
    label = band.reshape(-1)[at]
    first = np.full(len(seen), -1, np.int64)
    first[label[::-1]] = at[::-1]
    new = np.flatnonzero((first >= 0) & ~seen)
    seen[new] = True
    return new[np.argsort(first[new], kind="stable")].astype(np.uint32)
