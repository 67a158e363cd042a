"""Classes at pixels to a class map and objects, each with its probability of being dead.

Objects are the connected pixels that are the nucleus of a living or of a dead cell; pieces wider
than one nucleus are divided by the distance to their outline. Which of both an object is, all of
its pixels decide together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.tiling import FULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.models.outputs import PixelClasses

NO_CLASS = 255
"""In a class map: no class is likely enough."""

_ROUND = 1.6
"""A piece whose area is below this many circles of its own greatest inner radius is one object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifiedPlane:
    """What the maps of a plane say; labels are numbered from 1 without gaps."""

    classes: NDArray[np.uint8]  # (Y, X): place among the channels, `NO_CLASS` where unsure
    labels: LabelImage  # (Y, X)
    p_dead: FloatArray  # (n,) of each object
    score: FloatArray  # (n,) how surely its pixels are a nucleus, 0..1


def decode_classes(maps: NDArray[np.uint8], output: PixelClasses) -> ClassifiedPlane:
    """Return the likeliest class of each pixel, and the objects.

    Parameters
    ----------
    maps : ndarray of uint8, shape (C, Y, X)
        Probability of each class, 0 to `FULL`.
    output : PixelClasses
        What the classes are called, and how objects are made of them.
    """
    classes = _likeliest(maps, output)
    nothing = np.zeros(0)
    if not output.live:
        none = np.zeros(classes.shape, np.int32)
        return ClassifiedPlane(classes=classes, labels=none, p_dead=nothing, score=nothing)
    live, dead = (maps[output.channels.index(c)] for c in (output.live, output.dead))
    both = live.astype(np.uint16) + dead
    pieces = divide_pieces(both >= output.foreground * FULL, apart_px=output.apart_px)
    labels = _without_small(pieces, output.min_area_px)
    at = np.flatnonzero(labels)
    label = labels.ravel()[at]
    n = int(label.max(initial=0))
    sums = [np.bincount(label, m.ravel()[at], minlength=n + 1)[1:] for m in (dead, both)]
    area = np.bincount(label, minlength=n + 1)[1:]
    return ClassifiedPlane(
        classes=classes,
        labels=labels,
        p_dead=sums[0] / np.maximum(sums[1], 1),
        score=np.minimum(sums[1] / np.maximum(area, 1) / FULL, 1.0),
    )


def _likeliest(maps: NDArray[np.uint8], output: PixelClasses) -> NDArray[np.uint8]:
    classes = np.zeros(maps.shape[1:], np.uint8)
    most = maps[0].copy()
    for number in range(1, len(maps)):
        more = maps[number] > most
        classes[more] = number
        np.maximum(most, maps[number], out=most)
    if output.least_p > 0:
        classes[most < output.least_p * FULL] = NO_CLASS
    return classes


def divide_pieces(foreground: NDArray[np.bool_], *, apart_px: float) -> LabelImage:
    """Label the pieces of a foreground; a piece of several round parts becomes several objects.

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

    labels, n = cc3d.connected_components(foreground, connectivity=4, return_N=True)
    labels = np.asarray(labels, np.int32)
    if n == 0:
        return labels
    distance = edt.edt(foreground, black_border=False, parallel=1)
    boxes = cc3d.statistics(labels)
    area = boxes["voxel_counts"]
    at = np.flatnonzero(foreground)
    widest = np.zeros(n + 1, np.float32)
    np.maximum.at(widest, labels.ravel()[at], distance.ravel()[at])
    long = area > _ROUND * np.pi * np.maximum(widest, 1.0) ** 2
    last = n
    for label in (np.flatnonzero(long[1:]) + 1).tolist():
        rows, columns = boxes["bounding_boxes"][label][:2]
        window = (slice(rows.start, rows.stop), slice(columns.start, columns.stop))
        mine = labels[window] == label
        parts = _parts(mine, np.where(mine, distance[window], 0), apart_px)
        for part in range(2, int(parts.max()) + 1):
            last += 1
            labels[window][parts == part] = last
    return labels


def _parts(
    mine: NDArray[np.bool_], distance: NDArray[np.float32], apart_px: float
) -> NDArray[np.int32]:
    """Divide one piece by flooding its distance from its summits, the highest first."""
    from scipy import ndimage
    from skimage.segmentation import watershed

    smooth = ndimage.gaussian_filter(distance, 1.0, mode="constant")
    top = (smooth == ndimage.maximum_filter(smooth, size=3, mode="constant")) & mine
    y, x = np.nonzero(top)
    order = np.lexsort((x, y, -smooth[y, x]))
    kept: list[int] = []
    for i in order.tolist():
        near = [k for k in kept if (y[i] - y[k]) ** 2 + (x[i] - x[k]) ** 2 < apart_px**2]
        if not near and smooth[y[i], x[i]] > 1:
            kept.append(i)
    if len(kept) < 2:
        return mine.astype(np.int32)
    markers = np.zeros(mine.shape, np.int32)
    markers[y[kept], x[kept]] = np.arange(1, len(kept) + 1)
    return np.asarray(watershed(-smooth, markers, mask=mine), np.int32)


def _without_small(labels: LabelImage, min_area_px: int) -> LabelImage:
    """Drop small objects and number the others from 1, in the order of their first pixels."""
    flat = labels.ravel()
    at = np.flatnonzero(flat)
    label = flat[at]
    n = int(label.max(initial=0))
    area = np.bincount(label, minlength=n + 1)
    first = np.full(n + 1, flat.size)
    first[label[::-1]] = at[::-1]
    keep = area >= max(1, min_area_px)
    keep[0] = False
    number = np.zeros(n + 1, np.int32)
    order = np.argsort(first, kind="stable")
    order = order[keep[order]]
    number[order] = np.arange(1, len(order) + 1)
    out = np.zeros(flat.shape, np.int32)
    out[at] = number[label]
    return out.reshape(labels.shape)
