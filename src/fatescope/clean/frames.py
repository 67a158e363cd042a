"""The rules on frames of a movie: each looks for what departs from the frames around it.

A movie is dark by nature at its start, and an embryo that moves in its shell makes its end
restless. So no frame is assessed by itself: every limit is taken from the frames around, and what
comes slowly or stays is how the movie is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.clean.fault import Fault
from fatescope.clean.likeness import best_shift, likeness, likeness_to_next

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.clean.record import FrameRecord
    from fatescope.clean.settings import CleanSettings


@dataclass(slots=True)
class _Movie:
    """A record, what is usual around each frame, and the frames that are explained already."""

    record: FrameRecord
    limits: CleanSettings
    next: FloatArray = field(
        init=False
    )  # likeness to the frame before; the first has that to the next
    usual: FloatArray = field(init=False)  # the same, median of the frames around
    light: FloatArray = field(init=False)  # mean brightness, by the frames around
    taken: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        small = self.record.small
        alike = likeness_to_next(small, 1) if len(small) > 1 else np.ones(0)
        self.next = np.concatenate([alike[:1], alike]) if len(alike) else np.ones(1)
        self.usual = around(self.next, self.limits.around)
        self.light = self.record.mean / np.maximum(
            around(self.record.mean, self.limits.around), 0.1
        )
        self.taken = np.zeros(len(small), dtype=np.bool_)


def find_frame_faults(record: FrameRecord, limits: CleanSettings) -> list[Fault]:
    """Return the frames that something is wrong with, in order; each has one rule at most.

    Parameters
    ----------
    record : FrameRecord
    limits : CleanSettings
    """
    movie = _Movie(record, limits)
    found: list[Fault] = []
    for rule in (_flicker, _black, _red, _moved, _cropped, _foreign, _light, _blurred, _still):
        faults = [f for f in rule(movie) if not movie.taken[f.frame]]
        movie.taken[[f.frame for f in faults]] = True
        found += faults
    return sorted(found, key=lambda f: f.frame)


def around(values: FloatArray, width: int) -> FloatArray:
    """Return the running median; a step stays a step, a rise stays a rise."""
    return np.asarray(ndi.median_filter(values, width, mode="reflect"))


def _flicker(movie: _Movie) -> Iterator[Fault]:
    """Bright and dim by turns: steps of brightness that change their sign, several in a row."""
    limit = movie.limits.flicker_step
    step = np.diff(np.log(np.maximum(movie.record.mean, 0.1)), prepend=np.nan)
    big = np.where(np.abs(np.nan_to_num(step)) > limit, np.sign(np.nan_to_num(step)), 0)
    first = 0
    while first < len(big):
        last = first
        while last + 1 < len(big) and big[last] != 0 and big[last + 1] == -big[last]:
            last += 1
        if last - first >= movie.limits.flicker_turns:
            for frame in range(first, last):
                yield Fault(frame, "flicker", float(np.exp(step[frame])), float(np.exp(limit)))
        first = last + 1


def _black(movie: _Movie) -> Iterator[Fault]:
    """Nothing but noise where the frames around show something."""
    limit = movie.limits.black_share
    peak = movie.record.peak / np.maximum(around(movie.record.peak, movie.limits.around), 0.1)
    for frame in np.flatnonzero(peak < limit).tolist():
        yield Fault(frame, "black", float(peak[frame]), limit)


def _alike_around(movie: _Movie, frame: int) -> float:
    """Return the likeness to the more alike of the two neighbours."""
    near = [j for j in (frame - 1, frame + 1) if 0 <= j < len(movie.taken)]
    small = movie.record.small
    return max((likeness(small[frame], small[j]) for j in near), default=1.0)


def _light(movie: _Movie) -> Iterator[Fault]:
    """Much less or much more light than the frames around have, for a few frames."""
    scatter = movie.limits.scatter_times * _spread(np.log(np.maximum(movie.light, 1e-3)))
    low = min(movie.limits.dark_share, float(np.exp(-scatter)))
    high = max(movie.limits.bright_share, float(np.exp(scatter)))
    for frame in np.flatnonzero(movie.light < low).tolist():
        yield Fault(frame, "dark", float(movie.light[frame]), low)
    for frame in np.flatnonzero(movie.light > high).tolist():
        alike = _alike_around(movie, frame) > movie.usual[frame] / 2
        rule = "saturated" if alike else "foreign"
        yield Fault(frame, rule, float(movie.light[frame]), high)


def _spread(values: FloatArray) -> float:
    """Return the standard deviation that the middle half of the values speaks for."""
    return float(np.median(np.abs(values - np.median(values)))) * 1.4826


def _still(movie: _Movie) -> Iterator[Fault]:
    """Find the frame before once more: once is a duplicate, for longer the movie is frozen."""
    limit = movie.limits.still_share
    change, moved = np.nan_to_num(movie.record.change), np.nan_to_num(movie.record.moved)
    width = 2 * movie.limits.around + 1
    usual = np.maximum(around(change, width), 1e-6)
    still = (change < 2 * limit * usual) & (moved < limit * around(moved, width))
    still |= change < movie.limits.still
    still[0] = False
    runs, n = ndi.label(still & ~movie.taken)
    for frames in (np.flatnonzero(runs == k) for k in range(1, n + 1)):
        rule = "duplicate" if len(frames) == 1 else "frozen"
        for frame in frames.tolist():
            yield Fault(frame, rule, float(change[frame] / usual[frame]), limit)


def _blurred(movie: _Movie) -> Iterator[Fault]:
    """Fine detail is lost while the coarse image stays."""
    limit = movie.limits.blurred_share
    ratio = movie.record.sharp / np.maximum(around(movie.record.sharp, movie.limits.around), 1e-6)
    for frame in np.flatnonzero(ratio < limit).tolist():
        yield Fault(frame, "blurred", float(ratio[frame]), limit)


def _red(movie: _Movie) -> Iterator[Fault]:
    """Saturated red that comes and goes: along the edge or straight a line, else a patch."""
    red, limits = movie.record.red, movie.limits
    some = np.flatnonzero(red.sum(axis=(1, 2)) > limits.red_blocks / 2).tolist()
    sizes = np.zeros(len(red))
    shapes: dict[int, tuple[str, float]] = {}
    for frame in some:
        near = red[max(frame - limits.red_frames, 0) : frame + limits.red_frames + 1]
        fresh = red[frame] * (np.median(near, axis=0) < 0.1)
        shape = _largest(fresh > 0.15)
        rule = "line" if _is_line(shape) else "patch"
        if rule == "patch":
            shape = _largest(fresh > 0.35)
        sizes[frame] = shape.sum()
        shapes[frame] = rule, float(fresh[shape].mean()) if shape.any() else 0.0
    usual = ndi.percentile_filter(sizes, 75, 2 * movie.limits.around - 1, mode="reflect")
    for frame, (rule, pure) in shapes.items():
        limit = max(limits.red_blocks, 3 * float(usual[frame]))
        if sizes[frame] >= limit and (rule == "line" or pure > limits.red_pure):
            yield Fault(frame, rule, float(sizes[frame]), limit)


def _largest(where: BoolArray) -> BoolArray:
    """Return the largest connected part."""
    parts, n = ndi.label(where, np.ones((3, 3)))
    return np.asarray(parts == int(np.argmax(np.bincount(parts.ravel())[1:])) + 1) if n else where


def _is_line(shape: BoolArray) -> bool:
    """Say whether a shape follows an edge of the frame for half its length, or is long and thin."""
    edges = (shape[0], shape[-1], shape[:, 0], shape[:, -1])
    if max(float(edge.mean()) for edge in edges) > 0.5:
        return True
    at = np.argwhere(shape).astype(np.float64)
    if len(at) < max(shape.shape) / 4:
        return False
    long, thin = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(at.T)), 1 / 12))[::-1]
    return bool(long > 6 * thin)


def _moved(movie: _Movie) -> Iterator[Fault]:
    """Everything lies elsewhere (jump), or only what is below some row (torn)."""
    small, limits = movie.record.small, movie.limits
    reach = max(small.shape[1:]) // 4
    before, moving = 0, False
    for frame in range(1, len(small)):
        if movie.taken[frame]:
            continue
        if frame - before > limits.longest:
            before, moving = frame - 1, False
        steps = 1 if moving else frame - before
        alike = likeness(small[before], small[frame])
        usual = float(movie.usual[frame])
        if 1 - alike > steps * limits.departs * (1 - usual) or alike < 0.6 * usual:
            top, bottom, whole = (
                _shift_gain(small[before][rows], small[frame][rows], reach)
                for rows in _parts(small.shape[1])
            )
            far = limits.jump_px / movie.record.block
            parts = sorted((top, bottom))
            if parts[0][0] <= 1 and parts[1][0] >= far and parts[1][1] > limits.gain_part:
                shift = parts[1][0] * movie.record.block
                yield Fault(frame, "torn", shift, limits.jump_px)
                continue
            restless = movie.usual[frame] < limits.restless
            least = limits.gain * (0.8 if restless else 1.0)
            if whole[0] >= far and whole[1] > least:
                yield Fault(frame, "jump", whole[0] * movie.record.block, limits.jump_px)
                moving = True
                continue
        before, moving = frame, False


def _parts(rows: int) -> tuple[slice, slice, slice]:
    third = max(rows // 3, 1)
    return slice(0, third), slice(rows - third, rows), slice(0, rows)


def _shift_gain(a: np.ndarray, b: np.ndarray, reach: int) -> tuple[float, float]:
    """Return by how many blocks ``b`` is shifted, and how much of the unlikeness that explains."""
    down, right, shifted = best_shift(a, b, reach=reach)
    here = likeness(a, b)
    return float(np.hypot(down, right)), (shifted - here) / max(1 - here, 1e-6)


def _cropped(movie: _Movie) -> Iterator[Fault]:
    """Find a black side of the frame where the frames around show something."""
    small, limit = movie.record.small, movie.limits.cropped_share
    for axis in (1, 2):
        highest = small.max(axis=3 - axis)
        usual = ndi.median_filter(highest, (movie.limits.around, 1), mode="reflect")
        ratio = highest / np.maximum(usual, 1e-6)
        for ends in (slice(None), slice(None, None, -1)):
            shows, part = (usual > 1.2)[:, ends], ratio[:, ends]
            dead = shows & (part < 0.35)
            for frame in np.flatnonzero(dead.any(axis=1)).tolist():
                live = np.flatnonzero(shows[frame] & ~dead[frame])
                depth = int(live[0]) if len(live) else 0
                share = float(dead[frame, :depth].sum()) / dead.shape[1]
                bright = limit <= share < 0.7 and np.median(part[frame, live]) > 0.7
                if bright and _stays(movie, frame, axis, np.arange(dead.shape[1])[ends][live]):
                    yield Fault(frame, "cropped", share, limit)


def _stays(movie: _Movie, frame: int, axis: int, live: IntArray) -> bool:
    """Say whether rows (axis 1) or columns of a frame show what those around it show there."""
    half = movie.limits.around // 2
    near = movie.record.small[max(frame - half, 0) : frame + half + 1]
    usual = np.median(near, axis=0).take(live, axis=axis - 1)
    seen = movie.record.small[frame].take(live, axis=axis - 1)
    return likeness(usual, seen) > float(movie.usual[frame]) / 2


def _foreign(movie: _Movie) -> Iterator[Fault]:
    """Unlike both neighbours, which are like each other; at the ends, like a far frame instead."""
    small = movie.record.small
    for frame in range(1, len(small) - 1):
        if movie.taken[frame - 1 : frame + 2].any():
            continue
        limit = max(movie.limits.foreign, 1 - float(movie.usual[frame]))
        across = likeness(small[frame - 1], small[frame + 1])
        value = across - max(movie.next[frame], movie.next[frame + 1])
        if value > limit:
            yield Fault(frame, "foreign", float(value), limit)
    for frame, near in ((0, slice(1, 11)), (len(small) - 1, slice(-11, -1))):
        far = np.array([likeness(small[frame], other) for other in small])
        away = np.abs(np.arange(len(small)) - frame) > movie.limits.around
        if not away.any() or movie.taken[frame]:
            continue
        value = float(far[away].max() - far[near].max())
        if value > 2 * movie.limits.foreign and far[away].max() > 0.6:
            yield Fault(frame, "foreign", value, 2 * movie.limits.foreign)
