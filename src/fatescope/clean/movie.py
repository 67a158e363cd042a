"""A record with what is usual around each frame; faults that are known do not count.

All rules look at departures from the frames around. Those must be sound themselves: where a lamp
flickers for ten frames, they would say that calm is unusual. So each rule marks its frames, and the
next one's medians pass over them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.clean.likeness import likeness

if TYPE_CHECKING:
    from collections.abc import Collection

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.clean.record import FrameRecord
    from fatescope.clean.settings import CleanSettings


@dataclass(slots=True)
class Movie:
    """A record, its limits, and the frames that are explained already."""

    record: FrameRecord
    limits: CleanSettings
    taken: BoolArray = field(init=False)
    _alike: dict[tuple[int, int], float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.taken = np.zeros(len(self.record), dtype=np.bool_)

    def sound(self) -> IntArray:
        """Return the frames that no rule has taken."""
        return np.flatnonzero(~self.taken)

    def usual(self, values: FloatArray, *, share: float = 0.5) -> FloatArray:
        """Return the running median (or another share) over sound frames, for every frame.

        A step stays a step, a rise stays a rise. ``values`` may have further axes.
        """
        sound = self.sound()
        if not len(sound):
            return np.asarray(values, dtype=np.float64)
        size = (self.limits.around, *(1,) * (values.ndim - 1))
        at = ndi.percentile_filter(values[sound], 100 * share, size, mode="reflect")
        near = np.clip(np.searchsorted(sound, np.arange(len(values))), 0, len(sound) - 1)
        before = np.maximum(near - 1, 0)
        frames = np.arange(len(values))
        closer = np.abs(sound[before] - frames) < np.abs(sound[near] - frames)
        return np.asarray(at[np.where(closer, before, near)], dtype=np.float64)

    def unlike(self, a: int, b: int) -> float:
        """Return by how much two frames are not alike, 0 to 2."""
        key = (a, b) if a < b else (b, a)
        if key not in self._alike:
            self._alike[key] = 1 - likeness(self.record.small[a], self.record.small[b])
        return self._alike[key]

    def neighbours(self, frame: int, besides: Collection[int] = ()) -> list[int]:
        """Return the nearest sound frame before and after, those that there are.

        Frames ``besides`` are suspected too and do not speak for it.
        """
        sound = self.sound()
        sound = sound[~np.isin(sound, list(besides))]
        before, after = sound[sound < frame], sound[sound > frame]
        return [*before[-1:].tolist(), *after[:1].tolist()]

    def usual_unlike(self, frame: int, distance: int) -> float:
        """Return the median unlikeness of sound frames so far apart, near a frame.

        Where none are so far apart, that of neighbours, once for each step.
        """
        sound = self.sound()
        if len(sound) <= distance:
            return distance * self.usual_unlike(frame, 1) if distance > 1 else 1.0
        here = int(np.searchsorted(sound, frame))
        half = self.limits.around // 2 + distance
        near = range(max(here - half, 0), min(here + half, len(sound) - distance))
        if not near:
            near = range(max(len(sound) - distance - half, 0), len(sound) - distance)
        pairs = [(int(sound[k]), int(sound[k + distance])) for k in near]
        return float(np.median([self.unlike(*pair) for pair in pairs]))

    def restless(self, frames: Collection[int]) -> float:
        """Return how unlike neighbours are in the restless moments near, `frames` themselves apart.

        An embryo that turns in its shell is calm for a while and restless for a while. What a fault
        does must stand out from that, not only from the median.
        """
        half = self.limits.around // 2 + 1
        first, last = max(min(frames) - half, 0), min(max(frames) + half, len(self.taken) - 1)
        apart = self.taken.copy()
        apart[list(frames)] = True
        pairs = [t for t in range(first, last) if not apart[t] and not apart[t + 1]]
        return float(np.quantile([self.unlike(t, t + 1) for t in pairs], 0.9)) if pairs else 0.0

    def may_differ(self, frame: int) -> float:
        """Return how unlike its neighbours a frame may be that shows the same scene."""
        usual = self.usual_unlike(frame, 1)
        return min(max(3 * usual, 0.1), max(1.2 * usual, 0.4))

    def scatter(self, values: FloatArray) -> float:
        """Return the standard deviation that the middle half of the sound values speaks for.

        Few frames know it badly, so theirs is taken wider.
        """
        some = values[self.sound()]
        if not len(some):
            return np.inf
        width = float(np.median(np.abs(some - np.median(some)))) * 1.4826
        return width * (1 + 4 / len(some))
