"""The rules on red dirt: saturated red that comes and goes, or comes at once and stays.

Red that rises slowly is the reporter. A shape that is there for long without a sudden beginning or
end is most likely reporter too, and is said as ``info``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.clean.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.base.types import BoolArray
    from fatescope.clean.movie import Movie

_GREY = 0.3
"""Grey levels of 255 by which a background that is brighter differs."""


def find_red(movie: Movie) -> Iterator[Fault]:
    """Saturated red that comes and goes: along the edge or straight a line, else a patch."""
    red, limits = movie.record.red, movie.limits
    some = np.flatnonzero(red.sum(axis=(1, 2)) > limits.red_blocks / 2).tolist()
    sizes = np.zeros(len(red))
    shapes: dict[int, tuple[str, float, BoolArray]] = {}
    for frame in some:
        near = red[max(frame - limits.red_frames, 0) : frame + limits.red_frames + 1]
        fresh = red[frame] * (np.median(near, axis=0) < 0.1)
        shape = _largest(fresh > 0.15)
        rule = "line" if is_line(shape) else "patch"
        if rule == "patch":
            shape = _largest(fresh > 0.35)
        sizes[frame] = shape.sum()
        shapes[frame] = rule, float(fresh[shape].mean()) if shape.any() else 0.0, shape
    usual = ndi.percentile_filter(sizes, 75, 2 * movie.limits.around - 1, mode="reflect")
    limit = np.maximum(limits.red_blocks, 3 * usual)
    suspects = [
        frame
        for frame, (rule, pure, _) in shapes.items()
        if sizes[frame] >= limit[frame] and (rule == "line" or pure > limits.red_pure)
    ]
    for frame in suspects:
        rule, _, shape = shapes[frame]
        if not _rest_is_bright(movie, frame, shape, movie.neighbours(frame, besides=suspects)):
            yield Fault(frame, rule, float(sizes[frame]), float(limit[frame]))


def _rest_is_bright(movie: Movie, frame: int, shape: BoolArray, near: list[int]) -> bool:
    """Say whether what is not red has much more light than before too: then gain made the red."""
    small = movie.record.small
    rest = ~ndi.binary_dilation(shape, iterations=2)
    if not near or not rest.any():
        return False
    before = float(np.mean([small[j][rest].mean() for j in near]))
    now = float(small[frame][rest].mean())
    return now > movie.limits.bright_share * before and now - before > _GREY


def _largest(where: BoolArray) -> BoolArray:
    """Return the largest connected part."""
    parts, n = ndi.label(where, np.ones((3, 3)))
    return np.asarray(parts == int(np.argmax(np.bincount(parts.ravel())[1:])) + 1) if n else where


def is_line(shape: BoolArray) -> bool:
    """Say whether a shape follows an edge of the frame for half its length, or is long and thin."""
    edges = (shape[0], shape[-1], shape[:, 0], shape[:, -1])
    if max(float(edge.mean()) for edge in edges) > 0.5:
        return True
    at = np.argwhere(shape).astype(np.float64)
    if len(at) < max(shape.shape) / 4:
        return False
    long, thin = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(at.T)), 1 / 12))[::-1]
    return bool(long > 6 * thin)
