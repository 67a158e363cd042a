"""Classes at pixels to a class map and objects, each with its probability of being dead.

Objects are the connected pixels that are the nucleus of a living or of a dead cell; pieces wider
than one nucleus are divided among the discs that fill them. Which of both an object is, all of
its pixels decide together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.predict.decoders.discs import divide_pieces
from fatescope.predict.tiling import FULL

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, LabelImage
    from fatescope.models.outputs import PixelClasses

NO_CLASS = 255
"""In a class map: no class is likely enough."""


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
    foreground = np.add(live, dead, dtype=np.uint16) >= output.foreground * FULL
    pieces = divide_pieces(foreground, apart_px=output.apart_px)
    labels = _without_small(pieces, output.min_area_px)
    at = np.flatnonzero(labels)
    label = labels.ravel()[at]
    n = int(label.max(initial=0))
    pixels = [m.ravel()[at].astype(np.float64) for m in (dead, live)]
    sums = [np.bincount(label, p, minlength=n + 1)[1:] for p in (pixels[0], pixels[0] + pixels[1])]
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
