"""From frames to minutes of the atlas: first by how many cells there are, then by births."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

_SLOPE_FRAMES = 10
_MOST_CELLS = 380
_SMOOTH_MIN = 10.0
_LAG_STEP_MIN = 2.5
"""How much a daughter's lag differs from her mother's."""
_LAG_SEEN_MIN = 3.0
"""How far one birth lies from the common clock; sisters, born together, count twice."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Minutes of the atlas at frames; straight between and beyond them."""

    frame: FloatArray
    minute: FloatArray

    @staticmethod
    def line(offset: float, frames_per_minute: float) -> Clock:
        """Return ``frame = offset + frames_per_minute * minute``."""
        frame = np.array([0.0, 100.0])
        return Clock(frame, (frame - offset) / frames_per_minute)

    def minutes(self, frame: IntArray | FloatArray) -> FloatArray:
        """Return the minute of each frame."""
        f = np.asarray(frame, dtype=float)
        k = min(_SLOPE_FRAMES, len(self.frame) - 1)
        before = (self.minute[k] - self.minute[0]) / (self.frame[k] - self.frame[0])
        after = (self.minute[-1] - self.minute[-1 - k]) / (self.frame[-1] - self.frame[-1 - k])
        inside = np.interp(f, self.frame, self.minute)
        early = self.minute[0] + (f - self.frame[0]) * before
        late = self.minute[-1] + (f - self.frame[-1]) * after
        outside = np.where(f < self.frame[0], early, np.where(f > self.frame[-1], late, inside))
        return np.asarray(outside)

    @property
    def minutes_per_frame(self) -> float:
        """The median step."""
        step = np.median(np.diff(self.minute) / np.diff(self.frame))
        return float(max(step, 1e-3))


def clocks_from_counts(atlas: Atlas, frame: IntArray, *, most: int = 3) -> list[Clock]:
    """Return the straight clocks that explain the number of nuclei per frame, the best first.

    Every pace from a quarter of a minute to four minutes per frame is tried at every start; the
    cost is the mean absolute difference of the logarithm of counts.
    """
    start = int(frame.min())
    count = np.bincount(frame - start).astype(float)
    at = np.arange(len(count)) + start
    used = (count >= 1) & (count <= _MOST_CELLS)
    if not used.any():
        return [Clock.line(float(start), 1.0)]
    at, count = at[used], count[used]
    weight = np.where(count >= 0.8 * np.maximum.accumulate(count), 1.0, 0.1)
    weight = weight * np.where(count >= 4, 1.0, 0.3)
    thin = np.unique(np.round(np.linspace(0, len(at) - 1, 80)).astype(int))
    at, count, weight = at[thin], count[thin], weight[thin]
    minutes, curve = atlas.count_curve
    anchor = float(at[np.argmax(count >= np.median(count))])
    pace = np.exp(np.arange(np.log(0.25), np.log(4.0), 0.04))
    begin = np.arange(-22.0, 200.0, 2.0)
    asked = begin[None, :, None] + (at - anchor)[None, None, :] / pace[:, None, None]
    log = np.interp(asked, minutes, np.log2(curve), left=-2, right=9)
    cost = (np.abs(log - np.log2(count)) * weight).sum(2) / weight.sum()
    found: list[tuple[float, float]] = []
    for flat in np.argsort(cost, axis=None, kind="stable")[:4000]:
        u, v = np.unravel_index(flat, cost.shape)
        offset, p = anchor - pace[u] * begin[v], float(pace[u])
        if all(abs(np.log(p / q)) > 0.12 or abs((offset - o) / p) > 8 for o, q in found):
            found.append((float(offset), p))
        if len(found) == most:
            break
    return [Clock.line(o, p) for o, p in found]


def clock_from_births(
    atlas: Atlas, *, frame: FloatArray, name: IntArray, first: int, last: int, before: Clock
) -> Clock:
    """Fit the clock to births: a robust line, then a smooth correction of it.

    ``frame`` (k,): frames of the first appearance of daughters; ``name`` (k,); ``first``, ``last``:
    frames between which the clock is wanted; ``before``: returned where fewer than nine births are
    known, or time would run backwards.
    """
    if len(frame) < 9:
        return before
    minute = atlas.birth_min[name]
    trust = 1 / np.maximum(atlas.birth_sd[name], 1.5)
    weight, a, b = trust, 0.0, 1.0
    for _ in range(6):
        design = np.stack([np.ones_like(minute), minute], axis=1) * weight[:, None]
        a, b = np.linalg.lstsq(design, frame * weight, rcond=None)[0]
        rest = (frame - a - b * minute) * trust
        weight = trust / np.sqrt(1 + (rest / (2 * (np.median(np.abs(rest)) + 0.1))) ** 2)
    if b <= 0.1:
        return before
    grid = np.arange(first, last + 2.0)
    straight, seen = (grid - a) / b, (frame - a) / b
    off = np.clip(minute - seen, -25, 25)
    kernel = np.exp(-0.5 * ((straight[:, None] - seen) / _SMOOTH_MIN) ** 2) * trust
    bend = np.zeros(len(grid))
    for _ in range(4):
        robust = 1 / np.sqrt(1 + ((off - np.interp(seen, straight, bend)) / 6) ** 2)
        bend = (kernel * robust) @ off / ((kernel * robust).sum(1) + 2.0)
    curved = np.maximum.accumulate(straight + bend) + np.arange(len(grid)) * 1e-6
    return Clock(grid, curved)


def birth_lags(atlas: Atlas, *, minute: FloatArray, name: IntArray) -> FloatArray:
    """Return how much later than in the atlas each cell of this embryo is born, in minutes.

    A lineage that is slow stays slow: from mother to daughter a lag changes by a few minutes (a
    random walk down the tree, which is smoothed exactly), so one strange cell counts little.

    ``minute`` (k,): births by the clock; ``name`` (k,).

    The result: shape (n,): cells that were not seen are as late as their mothers.
    """
    n = len(atlas)
    trust, pull = np.zeros(n), np.zeros(n)
    np.add.at(trust, name, _LAG_SEEN_MIN**-2)
    np.add.at(pull, name, (minute - atlas.birth_min[name]) / _LAG_SEEN_MIN**2)
    mother = atlas.mother.tolist()  # names are sorted so that mothers come first
    for i in range(n - 1, -1, -1):
        if mother[i] >= 0:
            passed = 1 / (1 + trust[i] * _LAG_STEP_MIN**2)
            trust[mother[i]] += trust[i] * passed
            pull[mother[i]] += pull[i] * passed
    lag = np.zeros(n)
    for i in range(n):
        above = lag[mother[i]] if mother[i] >= 0 else 0.0
        hold = _LAG_STEP_MIN**-2
        lag[i] = (pull[i] + above * hold) / (trust[i] + hold)
    return lag
