"""A movie laid over the growth of recorded embryos, at every start and tempo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.growth.curves import FIRST_MIN, N_MINUTES, UNKNOWN
from fatescope.lineage.growth.errors import evidence_of

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.growth.curves import GrowthCurves
    from fatescope.lineage.growth.errors import Evidence, FrameErrors

_TEMPO_STEP = 0.045
"""Of the logarithm of the tempos that are tried first."""
_TEMPI = np.exp(np.arange(np.log(0.4), np.log(6.2), _TEMPO_STEP))
"""Minutes of the clock for one frame, where nobody says the interval."""
_TEMPO_SPREAD = 0.1
"""Of the logarithm of the tempo of embryos, at one interval."""
_STARTS = np.arange(-120, 251, 4)
_COARSE_FRAMES, _MOST_FRAMES = 60, 160
"""Of longer movies so many frames are matched, evenly taken: at first, and near what fits."""
_KEPT, _DRAWN = 2000, 800
"""Hypotheses that are looked at closely, and those that stand for all of them in the end."""
_BEYOND_SHARE = 0.93
"""After an embryo's recording ends, it has at least this share of its last number of cells."""
_AFTER, _OVER_SHARE = 12, 0.9
"""Frames that are kept of those after the last recorded stage; and the share of these, and of all
frames from there on, that must say so."""
_LEAST_SPREAD = 0.05
"""What a frame may err by at least, in the logarithm of its count."""


@dataclass(frozen=True, kw_only=True)
class GrowthMatch:
    """Hypotheses that explain a movie, each as often as it is likely; the likeliest comes first.

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
    chance: FloatArray,
    used: BoolArray,
    cells: FloatArray,
    curves: GrowthCurves,
    *,
    interval_min: float | None,
    errors: FrameErrors,
    floor: float = 0.02,
) -> GrowthMatch:
    """Weigh every embryo, start and tempo by what the frames say.

    Parameters
    ----------
    chance : ndarray of float, shape (frames, bins)
        Of each number of cells.
    used : ndarray of bool, shape (frames,)
        Frames that count; the others are bridged.
    cells : ndarray of float, shape (bins,)
        The numbers, even in their logarithm.
    curves : GrowthCurves
    interval_min : float or None
        Between frames; ``None``: any that recordings have.
    errors : FrameErrors
        How frames of one movie err together.
    floor : float
        Chance that a frame says nothing; of the fit alone.

    Notes
    -----
    First on a coarse grid, then, near what fits, minute by minute and with finer tempos. What
    comes out are even draws from the weights of all these: the few best alone would make
    intervals too narrow.
    """
    frames = np.flatnonzero(used)
    mean, spread = count_moments(chance[frames], cells)
    growth = _Growth(curves)
    last = _end(mean, float(np.median(growth.beyond)))
    frames, mean, spread = frames[:last], mean[:last], spread[:last]
    tempi = _TEMPI if interval_min is None else _near(interval_min)
    prior = _Prior(curves, interval_min)
    some = _evenly(len(frames), _COARSE_FRAMES)
    evidence = evidence_of(mean[some], spread[some], frames[some], errors)
    score = _coarse(evidence, mean[some], frames[some], growth, tempi)
    score = errors.trust * score + prior.log(tempi)[None, :, None]
    embryo, start, tempo = _finer(score, tempi)
    some = _evenly(len(frames), _MOST_FRAMES)
    evidence = evidence_of(mean[some], spread[some], frames[some], errors)
    expected = growth.expected(embryo, start, tempo, frames[some], mean[some])
    weighted = -0.5 * errors.trust * evidence.away(expected) + prior.log(tempo)
    drawn, weight = _draw(weighted)
    best = drawn[0]
    said = chance[frames[some]]
    return GrowthMatch(
        embryo=embryo[drawn],
        start=start[drawn],
        tempo=tempo[drawn],
        weight=weight,
        fit=_fit(said, np.log(cells), expected[best], floor=floor),
    )


def count_moments(chance: FloatArray, cells: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and spread of the natural logarithm of the count, as each frame says it.

    Parameters
    ----------
    chance : ndarray of float, shape (frames, bins)
    cells : ndarray of float, shape (bins,)
    """
    log_cells = np.log(cells)
    mean = chance @ log_cells
    variance = chance @ log_cells**2 - mean**2
    return mean, np.sqrt(np.maximum(variance, _LEAST_SPREAD**2))


class _Growth:
    """Logarithms of the counts of recorded embryos, and what may come after their ends."""

    def __init__(self, curves: GrowthCurves) -> None:
        known = curves.total != UNKNOWN
        self.log = np.log(np.maximum(curves.total, 1)).astype(np.float32)
        self.log[~known] = np.nan
        last = np.where(known, curves.total, 1).max(axis=1)
        self.beyond = np.log(np.maximum(_BEYOND_SHARE * last, 1)).astype(np.float32)

    def expected(
        self,
        embryo: IntArray,
        start: FloatArray,
        tempo: FloatArray,
        frames: IntArray,
        mean: FloatArray,
    ) -> FloatArray:
        """Return the logarithm of the count in frames, (h, n).

        After the end of a recording any count is as good that is not much below its last, and
        unknown (NaN); a frame that says less is away from the last one.
        """
        place = np.rint(start[:, None] + tempo[:, None] * frames).astype(np.int64) - FIRST_MIN
        out = self.log[embryo[:, None], np.clip(place, 0, N_MINUTES - 1)]
        return self._ended(out, self.beyond[embryo][:, None], mean)

    def of(self, embryo: int, place: IntArray, mean: FloatArray) -> FloatArray:
        """Return the same for one embryo at places of the clock, (h, n)."""
        return self._ended(self.log[embryo][place], self.beyond[embryo], mean)

    @staticmethod
    def _ended(out: FloatArray, beyond: FloatArray, mean: FloatArray) -> FloatArray:
        ended = np.isnan(out)
        if not ended.any():
            return out
        less = ended & (mean < beyond)
        return np.where(less, beyond, out).astype(np.float32)


class _Prior:
    """How common a tempo is: around those of recordings, or as given."""

    def __init__(self, curves: GrowthCurves, interval_min: float | None) -> None:
        self._centres = curves.tempo if interval_min is None else np.array([interval_min])

    def log(self, tempi: FloatArray) -> FloatArray:
        unique, place = np.unique(tempi, return_inverse=True)
        away = np.log(unique[:, None] / self._centres[None]) / _TEMPO_SPREAD
        density = np.exp(-0.5 * away**2).mean(axis=1)
        return np.asarray(np.log(0.98 * density + 0.02))[place]


def _evenly(n: int, most: int) -> IntArray:
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).round().astype(np.int64)


def _end(mean: FloatArray, beyond: float) -> int:
    """Return how many frames say when an embryo was at a recorded stage.

    After the last recorded stage all frames are alike; some of them are kept, for they say that
    it is over.
    """
    later = np.append(np.cumsum((mean >= beyond)[::-1])[::-1], 0)
    left = np.arange(len(mean), -1, -1)
    next_ones = np.minimum(np.arange(len(mean)) + _AFTER, len(mean))
    soon = (later[:-1] - later[next_ones]) / (left[:-1] - left[next_ones])
    over = np.flatnonzero(np.minimum(later[:-1] / left[:-1], soon) >= _OVER_SHARE)
    return min(int(over[0]) + _AFTER, len(mean)) if len(over) else len(mean)


def _near(interval_min: float) -> FloatArray:
    """Return the tempos of embryos at a known interval."""
    reach = 4 * _TEMPO_SPREAD
    return np.asarray(interval_min * np.exp(np.arange(-reach, reach + 1e-9, _TEMPO_STEP)))


def _coarse(
    evidence: Evidence, mean: FloatArray, frames: IntArray, growth: _Growth, tempi: FloatArray
) -> FloatArray:
    """Return the logarithm of the likelihood, (embryos, tempi, starts)."""
    mean = mean.astype(np.float32)
    score = np.empty((len(growth.log), len(tempi), len(_STARTS)))
    for j, tempo in enumerate(tempi):
        place = np.rint(_STARTS[:, None] + tempo * frames).astype(np.int64) - FIRST_MIN
        place = np.clip(place, 0, N_MINUTES - 1)
        for k in range(len(growth.log)):
            score[k, j] = -0.5 * evidence.away(growth.of(k, place, mean))
    return score


def _finer(score: FloatArray, tempi: FloatArray) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return embryos, starts and tempos around the best of a coarse grid, evenly spaced."""
    order = np.argsort(-score, axis=None, kind="stable")[:_KEPT]
    k, j, s = (v[:, None, None] for v in np.unravel_index(np.sort(order), score.shape))
    shift = np.arange(-2, 2)[None, :, None] + 0.5
    factor = np.exp(_TEMPO_STEP * np.array([-1, 0, 1]) / 3)[None, None, :]
    shape = (k.shape[0], shift.shape[1], factor.shape[2])
    return (
        np.broadcast_to(k, shape).ravel(),
        np.broadcast_to(_STARTS[s] + shift, shape).ravel(),
        np.broadcast_to(tempi[j] * factor, shape).ravel(),
    )


def _draw(weighted: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return even draws by weight, each once with how often it came; the likeliest comes first."""
    weight = np.exp(weighted - weighted.max())
    upto = np.cumsum(weight) / weight.sum()
    rows = np.searchsorted(upto, (np.arange(_DRAWN) + 0.5) / _DRAWN)
    drawn, often = np.unique(np.minimum(rows, len(weight) - 1), return_counts=True)
    order = np.argsort(-weighted[drawn], kind="stable")
    return drawn[order], often[order] / _DRAWN


def _fit(chance: FloatArray, log_cells: FloatArray, expected: FloatArray, *, floor: float) -> float:
    """Return the mean logarithm of the chance of what one hypothesis says."""
    bins = chance.shape[1]
    sure = (1 - floor) * chance + floor / bins
    place = np.interp(np.nan_to_num(expected), log_cells, np.arange(bins))
    low = np.minimum(place.astype(np.int64), bins - 2)
    part = place - low
    row = np.arange(len(chance))
    logs = np.log(sure)
    at = logs[row, low] * (1 - part) + logs[row, low + 1] * part
    at = np.where(np.isnan(expected), np.log(sure.max(axis=1) / 2), at)
    return float(at.mean())
