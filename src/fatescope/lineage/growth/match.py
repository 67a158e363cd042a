"""A movie laid over the growth of recorded embryos, at every start and tempo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.growth.curves import FIRST_MIN, N_MINUTES, UNKNOWN

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.growth.curves import GrowthCurves

_TEMPI = np.exp(np.linspace(np.log(0.45), np.log(2.6), 44))
"""Minutes of the clock for one frame that are tried, where nobody says the interval."""
_TEMPO_SPREAD = 0.1
"""Of the logarithm of the tempo of embryos, at one interval."""
_FIRST_START, _LAST_START = -120, 250
_MOST_FRAMES = 160
"""Of longer movies so many frames are matched, evenly taken."""
_KEPT = 600
_BEYOND_SHARE = 0.93
"""After an embryo's recording ends, it has at least this share of its last number of cells."""


@dataclass(frozen=True, kw_only=True)
class Match:
    """The hypotheses that explain a movie, the likeliest first.

    Parameters
    ----------
    embryo : ndarray of int, shape (h,)
    start : ndarray of float, shape (h,)
        Minute of the clock at frame 0.
    tempo : ndarray of float, shape (h,)
        Minutes of the clock from one frame to the next.
    weight : ndarray of float, shape (h,)
        Probabilities; their sum is 1.
    fit : float
        Mean logarithm, over frames, of the chance of what the best hypothesis says.
    """

    embryo: IntArray
    start: FloatArray
    tempo: FloatArray
    weight: FloatArray
    fit: float

    def minutes(self, n_frames: int) -> FloatArray:
        """Return the minute of the clock for each hypothesis and frame, (h, n_frames)."""
        return np.asarray(self.start[:, None] + self.tempo[:, None] * np.arange(n_frames))


def match_growth(
    log_chance: FloatArray,
    used: BoolArray,
    cells: FloatArray,
    curves: GrowthCurves,
    *,
    interval_min: float | None,
    trust: float,
) -> Match:
    """Weigh every embryo, start and tempo by what the frames say.

    Parameters
    ----------
    log_chance : ndarray of float, shape (frames, bins)
        Logarithm of the chance of each number of cells.
    used : ndarray of bool, shape (frames,)
        Frames that count; the others are bridged.
    cells : ndarray of float, shape (bins,)
        The numbers, even in their logarithm.
    curves : GrowthCurves
    interval_min : float or None
        Between frames; ``None``: any that recordings have.
    trust : float
        How much a frame counts beside an independent one.
    """
    frames = np.flatnonzero(used)
    every = max(1, len(frames) // _MOST_FRAMES)
    frames = frames[::every]
    starts = np.arange(_FIRST_START, _LAST_START + 1)
    tempi = _TEMPI if interval_min is None else _TEMPI[_near(interval_min)]
    prior = _log_prior(tempi, curves, interval_min)
    score = np.empty((len(curves), len(tempi), len(starts)), dtype=np.float32)
    by_minute = np.stack(
        [_of_minutes(log_chance[frames], cells, total).ravel() for total in curves.total]
    )
    row = np.arange(len(frames))[:, None] * N_MINUTES
    for j, tempo in enumerate(tempi):
        place = np.rint(starts[None] + tempo * frames[:, None]).astype(np.int64) - FIRST_MIN
        where = (np.clip(place, 0, N_MINUTES - 1) + row).ravel()
        for k, values in enumerate(by_minute):
            score[k, j] = values[where].reshape(place.shape).sum(axis=0)
    weighted = trust * every * score.astype(np.float64) + prior[None, :, None]
    return _best(weighted, score, starts, tempi, len(frames))


def _of_minutes(log_chance: FloatArray, cells: FloatArray, total: IntArray) -> FloatArray:
    """Return the logarithm of the chance of each frame at each minute of one embryo."""
    step = np.log2(cells[1] / cells[0])
    known = total != UNKNOWN
    place = np.log2(np.maximum(total, 1) / cells[0]) / step
    low = np.clip(np.floor(place).astype(int), 0, len(cells) - 2)
    part = np.clip(place - low, 0, 1)
    out = log_chance[:, low] * (1 - part) + log_chance[:, low + 1] * part
    if not known.all():
        last = max(int(total[known].max(initial=1)), 1)
        beyond = cells >= _BEYOND_SHARE * last
        chance = np.exp(log_chance[:, beyond]).mean(axis=1) if beyond.any() else 1e-6
        out[:, ~known] = np.log(np.maximum(chance, 1e-9))[:, None]
    return np.asarray(out, dtype=np.float32)


def _near(interval_min: float) -> BoolArray:
    return np.asarray(np.abs(np.log(_TEMPI / interval_min)) < 4 * _TEMPO_SPREAD)


def _log_prior(tempi: FloatArray, curves: GrowthCurves, interval_min: float | None) -> FloatArray:
    """Return the logarithm of how common a tempo is: around those of recordings, or as given."""
    centres = curves.tempo if interval_min is None else np.array([interval_min])
    away = np.log(tempi[:, None] / centres[None]) / _TEMPO_SPREAD
    density = np.exp(-0.5 * away**2).mean(axis=1)
    return np.asarray(np.log(0.98 * density + 0.02))


def _best(
    weighted: FloatArray, score: FloatArray, starts: IntArray, tempi: FloatArray, n_frames: int
) -> Match:
    order = np.argsort(-weighted, axis=None, kind="stable")[:_KEPT]
    k, j, s = np.unravel_index(order, weighted.shape)
    weight = np.exp(weighted.ravel()[order] - weighted.max())
    return Match(
        embryo=k,
        start=starts[s].astype(float),
        tempo=tempi[j],
        weight=weight / weight.sum(),
        fit=float(score.ravel()[order[0]]) / max(n_frames, 1),
    )
