"""The rules on where things lie: a side that is black, and frames that depart and come back.

An embryo moves by itself, often quickly. What a fault does and an embryo does not: the frames
before and after it fit each other, and both see the faulty frame displaced in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.clean.fault import Fault
from fatescope.clean.likeness import best_shift, best_tear, likeness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.base.types import IntArray
    from fatescope.clean.likeness import Tear
    from fatescope.clean.movie import Movie

_FITS = 1.6
"""Frames after a stage has moved for good are at most so many times as unlike as usual."""
_STANDS_OUT = 1.25
_LEAST_DROP = 0.15
"""Share of the unlikeness that putting back the part of a torn frame takes away, at least."""
_AGREE, _AGREE_SHARE = 1.6, 0.3
"""Shifts seen from before and from after agree within so many blocks, or this share of them."""
_SAME_SIDE, _AS_FAR = 0.85, 2.0
"""Or they have the same direction (cosine), and one is at most so many times the other."""
_BETTER = 0.9
"""A torn frame is less unlike so than if all of it were shifted."""
_SAME_ROW = 4
_STAYS_GAIN = 0.7
_RESTLESS = 1.2
"""A frame that lies elsewhere, or belongs elsewhere, is so many times as unlike as neighbours are
in the restless moments near. Of 116 such faults the least is 1.23; a twitching embryo has 1.15."""
_MOVED_ON = 1.6
"""The same where a stage has moved for good, which cells that divide may look like."""
_LEAST = 0.01
"""Frames that are less unlike than this are the same, however still a movie is."""


@dataclass(frozen=True, slots=True)
class _Away:
    """Frames that depart from those before and after, which fit each other."""

    before: int
    frames: tuple[int, ...]
    after: int


def find_moved(movie: Movie) -> Iterator[Fault]:
    """Everything lies elsewhere (jump), or only what is below some row (torn), or in no place."""
    sound = movie.sound()
    far = _far(movie)
    i = 1
    while i < len(sound):
        faults = _excursion(movie, sound, i, far)
        if faults:
            yield from faults
            i += len(faults) + 1
            continue
        shift = _stays_away(movie, sound, i, far)
        if shift:
            yield Fault(int(sound[i]), "jump", shift * movie.record.block, far * movie.record.block)
        i += 1


def _far(movie: Movie) -> float:
    """Return the least shift, in blocks."""
    return max(2.0, movie.limits.jump_share * float(max(movie.record.small.shape[1:])))


def _departs(movie: Movie, before: int, frame: int, times: float) -> bool:
    usual = movie.usual_unlike(frame, 1)
    return movie.unlike(before, frame) > times * usual + _LEAST


def _excursion(movie: Movie, sound: IntArray, i: int, far: float) -> list[Fault]:
    """Return the shortest run of frames from ``sound[i]`` on that departs and comes back."""
    before, frame = int(sound[i - 1]), int(sound[i])
    if frame - before > movie.limits.longest or i + 1 >= len(sound):
        return []
    usual = movie.usual_unlike(frame, 1)
    across = movie.unlike(before, int(sound[i + 1]))
    if usual > movie.limits.too_unlike or movie.unlike(before, frame) <= min(usual, across):
        return []
    for m in range(1, movie.limits.longest + 1):
        if i + m >= len(sound) or sound[i + m] - sound[i + m - 1] > movie.limits.longest:
            return []
        away = _Away(before, tuple(int(f) for f in sound[i : i + m]), int(sound[i + m]))
        if m > 1 and not _stands_out(movie, away):
            continue
        named = [_named(movie, away, f, far) for f in away.frames]
        faults = [f for f in named if f is not None]
        if len(faults) == m:
            return faults
        if m == 1 and not _departs(movie, before, frame, movie.limits.departs):
            return []
    return []


def _stands_out(movie: Movie, away: _Away) -> bool:
    """Say whether the frames before and after are more alike than any between is to either."""
    apart = movie.unlike(away.before, away.after)
    least = min(min(movie.unlike(away.before, f), movie.unlike(f, away.after)) for f in away.frames)
    return least > _STANDS_OUT * max(apart, movie.usual_unlike(away.before, 1)) + _LEAST


def _named(movie: Movie, away: _Away, frame: int, far: float) -> Fault | None:
    """Say what explains the departure of a frame, seen from before and from after alike."""
    small, limits, block = movie.record.small, movie.limits, movie.record.block
    near = (away.before, away.after)
    usual = min(movie.usual_unlike(frame, 1), movie.unlike(*near))
    u = [movie.unlike(j, frame) for j in near]
    if min(u) <= usual:
        return None
    reach = max(small.shape[1:]) // 4
    shifts = [best_shift(small[j], small[frame], reach=reach) for j in near]
    length = float(np.mean([np.hypot(s[0], s[1]) for s in shifts]))
    moved = min(_explained(u[k], 1 - s[2], usual) for k, s in enumerate(shifts))
    is_jump = moved > limits.gain and _same_shift(*shifts) and length >= far
    tears = [best_tear(small[j], small[frame], least=far, reach=reach) for j in near]
    torn = min(_explained(u[k], t.unlike, usual) for k, t in enumerate(tears))
    drop = min((u[k] - t.unlike) / u[k] for k, t in enumerate(tears))
    is_torn = torn > limits.gain_part and drop > _LEAST_DROP and _same_tear(*tears)
    if is_torn and all(t.unlike < _BETTER * t.whole for t in tears):
        return Fault(frame, "torn", float(abs(tears[0].shift)) * block, far * block)
    if min(u) < _RESTLESS * movie.restless(away.frames):
        return None
    if is_jump:
        return Fault(frame, "jump", length * block, far * block)
    value = min(u) - movie.unlike(*near)
    limit = max(limits.foreign, movie.usual_unlike(frame, 1))
    return Fault(frame, "foreign", value, limit) if value > limit else None


def _explained(unlike: float, left: float, usual: float) -> float:
    """Return the share of an unlikeness, beyond what is usual, that a displacement explains."""
    return (unlike - left) / max(unlike - usual, 1e-6)


def _same_shift(a: tuple[int, int, float], b: tuple[int, int, float]) -> bool:
    """Say whether two frames see a third one displaced to the same side, about as far.

    What moves by itself lies to one side of where it was, and to the other side of where it will
    be; embryos turn meanwhile, so the two shifts need not be quite the same.
    """
    long = sorted((float(np.hypot(*a[:2])), float(np.hypot(*b[:2]))))
    if float(np.hypot(a[0] - b[0], a[1] - b[1])) <= _AGREE:
        return True
    along = a[0] * b[0] + a[1] * b[1]
    return along > _SAME_SIDE * long[0] * long[1] and long[1] <= _AS_FAR * long[0]


def _same_tear(a: Tear, b: Tear) -> bool:
    apart = abs(a.shift - b.shift)
    same = apart <= max(_AGREE, _AGREE_SHARE * abs(a.shift))
    return a.lower == b.lower and abs(a.row - b.row) <= _SAME_ROW and same


def _stays_away(movie: Movie, sound: IntArray, i: int, far: float) -> float:
    """Return by how many blocks all lies elsewhere from this frame on; 0: it does not."""
    small = movie.record.small
    before, frame = int(sound[i - 1]), int(sound[i])
    earlier = [int(f) for f in sound[max(i - 3, 0) : i - 1]]
    later = [int(f) for f in sound[i + 1 : i + 3]]
    if min(len(earlier), len(later)) < 2 or frame - before > movie.limits.longest:
        return 0.0
    usual = movie.usual_unlike(frame, 1)
    departs = _departs(movie, before, frame, movie.limits.departs)
    if (
        usual > movie.limits.too_unlike
        or not departs
        or movie.unlike(before, frame) < _MOVED_ON * movie.restless((before, frame))
        or any(
            movie.unlike(frame, f) > _FITS * usual * (k + 1) + _LEAST for k, f in enumerate(later)
        )
    ):
        return 0.0
    reach = max(small.shape[1:]) // 4
    first = best_shift(small[before], small[frame], reach=reach)
    others = [(before, f) for f in later] + [(f, frame) for f in earlier]
    same = all(_same_shift(first, best_shift(small[a], small[b], reach=reach)) for a, b in others)
    length = float(np.hypot(first[0], first[1]))
    gain = _explained(movie.unlike(before, frame), 1 - first[2], usual)
    return length if same and length >= far and gain > _STAYS_GAIN else 0.0


def find_cropped(movie: Movie) -> Iterator[Fault]:
    """Find a black side of the frame where the frames around all show something."""
    small, limit = movie.record.small, movie.limits.cropped_share
    found: dict[int, tuple[float, int, IntArray]] = {}
    for axis in (1, 2):
        highest = small.max(axis=3 - axis)
        # Bodies come and go at the rim of an embryo: a row is lost where most frames around
        # have light in it, and is judged by those that have least.
        usual = movie.usual(highest, share=0.2)
        ratio = highest / np.maximum(usual, 1e-6)
        for ends in (slice(None), slice(None, None, -1)):
            shows, part = (usual > 1.2)[:, ends], ratio[:, ends]
            dead = shows & (part < 0.35)
            for frame in np.flatnonzero(dead.any(axis=1) & ~movie.taken).tolist():
                live = np.flatnonzero(shows[frame] & ~dead[frame])
                depth = int(live[0]) if len(live) else 0
                share = float(dead[frame, :depth].sum()) / dead.shape[1]
                bright = limit <= share < 0.7 and np.median(part[frame, live]) > 0.7
                if bright and share > found.get(frame, (0.0,))[0]:
                    whole = live[live > depth]  # the first may be black in part
                    found[frame] = share, axis, np.arange(dead.shape[1])[ends][whole]
    for frame, (share, axis, rows) in found.items():
        if _stays(movie, frame, axis, rows, movie.neighbours(frame, besides=found)):
            yield Fault(frame, "cropped", share, limit)


def _stays(movie: Movie, frame: int, axis: int, live: IntArray, near: list[int]) -> bool:
    """Say whether rows (axis 1) or columns of a frame show what its neighbours show there.

    Where a stage moved, a side is black too, but all lies elsewhere.
    """
    small = movie.record.small
    seen = small[frame].take(live, axis=axis - 1)
    alike = max((likeness(small[j].take(live, axis=axis - 1), seen) for j in near), default=0.0)
    if 1 - alike > movie.may_differ(frame):
        return False
    reach = max(small.shape[1:]) // 4
    shifts = [best_shift(small[j], small[frame], reach=reach) for j in near]
    return not any(np.hypot(*s[:2]) >= _far(movie) and s[2] > alike for s in shifts)


def find_foreign_ends(movie: Movie) -> Iterator[Fault]:
    """Find a first or last frame that is like a far frame instead of its neighbours."""
    small, n = movie.record.small, len(movie.taken)
    for frame, near in ((0, slice(1, 11)), (n - 1, slice(-11, -1))):
        far = np.array([likeness(small[frame], other) for other in small])
        away = np.abs(np.arange(n) - frame) > movie.limits.around
        if not away.any() or movie.taken[frame]:
            continue
        value = float(far[away].max() - far[near].max())
        if 1 - far[near].max() < _RESTLESS * movie.restless([frame]):
            continue
        if value > 2 * movie.limits.foreign and far[away].max() > 0.6:
            yield Fault(frame, "foreign", value, 2 * movie.limits.foreign)
