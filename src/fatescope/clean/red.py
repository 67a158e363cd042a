"""The rules on red dirt: saturated red that comes and goes, or comes at once and stays.

A rise of red over more than ten frames is the reporter, and no finding. A shape that comes within
two frames and stays, or that goes so, is dirt for as long as it is there; one that takes a little
longer is perhaps the reporter, and is said once, as ``info``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.clean.fault import Fault
from fatescope.clean.likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray
    from fatescope.clean.movie import Movie

_AT_ONCE, _SOON = 1, 7
"""Frames between a fifth and four fifths of the change: of dirt, and of what is not surely dirt."""
_REACH = 10
_FULL, _NONE = 0.35, 0.1
_RESTLESS, _LARGER = 0.3, 3.0
"""Unlikeness of neighbours from which an embryo turns so fast that its own red comes and goes; and
by how much larger dirt must be then."""
_OTHER_SCENE = 0.4
"""Unlikeness of what is not red up to which it may be the same embryo, moving."""
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
        if sizes[frame] < limit[frame] * _larger(movie, suspects, frame):
            continue
        beside = movie.neighbours(frame, besides=suspects)
        if not _rest_is_bright(movie, frame, shape, beside) and _rest_is_same(
            movie, frame, shape, beside
        ):
            yield Fault(frame, rule, float(sizes[frame]), float(limit[frame]))


def find_lasting_red(movie: Movie) -> Iterator[Fault]:
    """Find saturated red that stays for more than a few frames, but comes or goes suddenly."""
    seen: set[int] = set()
    told = False
    for backward in (False, True):
        step = -1 if backward else 1
        red, small = movie.record.red[::step], movie.record.small[::step]
        for at, shape in _arrivals(movie, red):
            frames = _while_there(red, shape, at)
            lasts = _duration(small, shape, at)
            here = len(red) - 1 - at if backward else at
            if shape.sum() < movie.limits.red_blocks * _larger(movie, [here], here):
                continue
            if lasts is None or _moved_only(red, shape, at):
                continue
            frames = [len(red) - 1 - t if backward else t for t in frames]
            if not backward and _rest_is_bright(movie, at, shape, [max(at - 2, 0)]):
                continue
            rule, size = "line" if is_line(shape) else "patch", float(shape.sum())
            limit = float(movie.limits.red_blocks)
            if lasts <= _AT_ONCE:
                fresh = [t for t in sorted(frames) if t not in seen]
                seen.update(fresh)
                yield from (Fault(t, rule, size, limit) for t in fresh)
            elif lasts <= _SOON and not told and not backward:
                told = True
                yield Fault(frames[0], rule, size, limit, severity="info")


def _larger(movie: Movie, suspects: list[int], frame: int) -> float:
    """Return how many times as large as usual dirt must be near a frame."""
    own = [s for s in suspects if abs(s - frame) <= movie.limits.around]
    return _LARGER if movie.restless(own) > _RESTLESS else 1.0


def _arrivals(movie: Movie, red: NDArray[np.float32]) -> Iterator[tuple[int, BoolArray]]:
    """Yield frames from which on a new shape of saturated red stays, each with the shape."""
    limits, n = movie.limits, len(red)
    full = red > _FULL
    some = full.sum(axis=(1, 2)) >= limits.red_blocks
    waits = 0
    for t in range(2, n - limits.red_frames):
        if t < waits or not some[t]:
            continue
        stays = full[t : t + limits.red_frames + 1].all(axis=0)
        shape = _largest(stays & (red[max(t - _REACH, 0)] < _NONE))
        line = is_line(shape)
        pure = float(red[t][shape].mean()) if shape.any() else 0.0
        if shape.sum() >= limits.red_blocks and (line or pure > limits.red_pure):
            yield t, shape
            waits = t + _REACH + 2


def _while_there(red: NDArray[np.float32], shape: BoolArray, at: int) -> list[int]:
    there = red[at:, shape].mean(axis=1) > _FULL
    gone = np.flatnonzero(~there)
    return list(range(at, at + (int(gone[0]) if len(gone) else len(there))))


def _duration(small: NDArray[np.float32], shape: BoolArray, at: int) -> int | None:
    """Return how many frames its light took to change; ``None`` where it hardly changed."""
    before = max(at - 2 * _REACH, 0)
    light = small[before : at + 3, shape].mean(axis=1)
    change = float(light[-1] - light[0])
    if abs(change) < 0.3 * float(light[-1]):
        return None
    way = (light - light[0]) / change
    return int(np.count_nonzero((way > 0.2) & (way < 0.8)))


def _moved_only(red: NDArray[np.float32], shape: BoolArray, at: int) -> bool:
    """Say whether there is as much red in the frame as before: then it has moved."""
    total = red.sum(axis=(1, 2))
    more = float(total[at] - total[max(at - 2, 0)])
    return more < 0.5 * float(shape.sum())


def _rest_is_bright(movie: Movie, frame: int, shape: BoolArray, near: list[int]) -> bool:
    """Say whether what is not red has much more light than before too: then gain made the red."""
    small = movie.record.small
    rest = ~ndi.binary_dilation(shape, iterations=2)
    if not near or not rest.any():
        return False
    before = float(np.mean([small[j][rest].mean() for j in near]))
    now = float(small[frame][rest].mean())
    return now > movie.limits.bright_share * before and now - before > _GREY


def _rest_is_same(movie: Movie, frame: int, shape: BoolArray, near: list[int]) -> bool:
    """Say whether what is not red shows the same scene: a frame of another movie is not dirt."""
    rest = ~ndi.binary_dilation(shape, iterations=2)
    if not near or not rest.any():
        return True
    small = movie.record.small
    apart = min(1 - likeness(small[j][rest], small[frame][rest]) for j in near)
    return apart <= max(movie.may_differ(frame), _OTHER_SCENE)


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
