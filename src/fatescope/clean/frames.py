"""The rules on frames of a movie: each looks for what departs from the frames around it.

A movie is dark by nature at its start, and an embryo that moves in its shell makes its end
restless. So no frame is assessed by itself: every limit is taken from the frames around, and what
comes slowly or stays is how the movie is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.clean.fault import Fault
from fatescope.clean.likeness import likeness
from fatescope.clean.moved import find_cropped, find_foreign_ends, find_moved
from fatescope.clean.movie import Movie
from fatescope.clean.red import find_lasting_red, find_red

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fatescope.base.types import FloatArray
    from fatescope.clean.record import FrameRecord
    from fatescope.clean.settings import CleanSettings

_GAINS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
_BLURS = (0.0, 1.0, 2.0, 4.0)
"""Widths of blur, in blocks."""
_CELLS = 8
"""Parts along each side of a frame whose light is compared."""
_WHITE = 0.02
_ALIKE = 0.65
_AT_ONCE, _SHORTLY = 4.0, 6
"""Change of a frame beside that of the next, where a movie stops, and frames before in which it
must. Of 24 rendered movies through two codecs, those that the codec slows down have 2.9 at most;
nine of ten that are shown again have 9 and more."""
_LEAST_LIGHT = 0.25
"""Mean grey levels of 255 that a dark frame lacks at least: less is rounding, not light."""
_AT_MOST = 1.5
"""Usual change of a restless time, by that of the whole movie, beside which a frame is still."""


def find_frame_faults(record: FrameRecord, limits: CleanSettings) -> list[Fault]:
    """Return the frames that something is wrong with, in order; each has one rule at most.

    A movie of fewer than ``limits.fewest_frames`` frames has too few to say what is usual.

    Parameters
    ----------
    record : FrameRecord
    limits : CleanSettings
    """
    movie = Movie(record, limits)
    found: list[Fault] = []
    if len(record) < limits.fewest_frames:
        return found
    for rule in (
        _flicker,
        _black,
        find_red,
        find_lasting_red,
        _light,
        find_cropped,
        _blurred,
        _still,
        find_moved,
        find_foreign_ends,
    ):
        faults = [f for f in rule(movie) if not movie.taken[f.frame]]
        movie.taken[[f.frame for f in faults if f.severity != "info"]] = True
        found += faults
    return sorted(found, key=lambda f: f.frame)


def _flicker(movie: Movie) -> Iterator[Fault]:
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


def _black(movie: Movie) -> Iterator[Fault]:
    """Nothing but noise where the frames around show something."""
    record, limit = movie.record, movie.limits.black_share
    peak = record.peak / np.maximum(movie.usual(record.peak), 0.1)
    contrast = record.small.std(axis=(1, 2))
    even = contrast / np.maximum(movie.usual(contrast), 1e-3)
    darker = peak < movie.limits.dark_share
    for frame in np.flatnonzero((peak < limit) | ((even < limit / 2) & darker)).tolist():
        yield Fault(frame, "black", float(min(peak[frame], even[frame])), limit)


def _light(movie: Movie) -> Iterator[Fault]:
    """Much less or much more light than the frames around have, all over, for a few frames."""
    light = movie.record.mean / np.maximum(movie.usual(movie.record.mean), 0.1)
    wide = movie.limits.scatter_times * movie.scatter(np.log(np.maximum(light, 1e-3)))
    low = min(movie.limits.dark_share, float(np.exp(-wide)))
    lost = movie.usual(movie.record.mean) - movie.record.mean
    high = max(movie.limits.bright_share, float(np.exp(wide)))
    is_dark = (light < low) & (lost > _LEAST_LIGHT)
    dark, bright = (np.flatnonzero(x).tolist() for x in (is_dark, light > high))
    for frame in dark:
        near = movie.neighbours(frame, besides=dark)
        if _everywhere(movie, frame, near, low) and _below(movie.record.mean, frame, near, low):
            yield Fault(frame, "dark", float(light[frame]), low)
    washed = (movie.record.white > 0.5) & (movie.usual(movie.record.white) < 0.1)
    for frame in bright + [f for f in np.flatnonzero(washed).tolist() if f not in bright]:
        if _is_clipped(movie, frame, movie.neighbours(frame, besides=bright)):
            yield Fault(frame, "saturated", float(light[frame]), high)


def _below(values: FloatArray, frame: int, near: list[int], limit: float) -> bool:
    """Say whether a value is low beside the sound neighbours too, not only beside the median.

    What sinks and rises slowly, as light does through the planes of a volume, is no fault.
    """
    lowest = min((float(values[j]) for j in near), default=0.0)
    return float(values[frame]) < (1 + limit) / 2 * lowest


def _everywhere(movie: Movie, frame: int, near: list[int], low: float) -> bool:
    """Say whether no part of a frame kept its light, and what is left looks as it did."""
    small = movie.record.small
    if not near:
        return False
    before = np.mean([small[j] for j in near], axis=0)
    here, there = (_parts_of(x) for x in (small[frame], before))
    shows = there > max(1.0, 0.2 * float(there.max()))
    kept = float(np.quantile(here[shows] / there[shows], 0.75)) if shows.any() else 0.0
    least = _ALIKE * (1 - movie.usual_unlike(frame, 1))
    return kept < (1 + low) / 2 and likeness(small[frame], before) > least


def _parts_of(small: np.ndarray) -> np.ndarray:
    """Return the mean light of coarse parts of a thumbnail."""
    rows, columns = (max(n // _CELLS, 1) for n in small.shape)
    cut = small[: small.shape[0] // rows * rows, : small.shape[1] // columns * columns]
    shape = (cut.shape[0] // rows, rows, cut.shape[1] // columns, columns)
    return np.asarray(cut.reshape(shape).mean(axis=(1, 3)))


def _is_clipped(movie: Movie, frame: int, near: list[int]) -> bool:
    """Say whether a bright frame is a neighbour with more light, cut at white."""
    small, white = movie.record.small, movie.record.white
    if float(small[frame].std()) < 1.0:
        return True
    limit = max(2 * movie.usual_unlike(frame, 1), 0.15)
    for j in near:
        lifted = (np.minimum(small[j] * g, 255) for g in _GAINS)
        if 1 - max(likeness(a, small[frame]) for a in lifted) < limit:
            return True
    usual = max((float(white[j]) for j in near), default=0.0)
    alike = max((1 - movie.unlike(frame, j) for j in near), default=0.0)
    return bool(white[frame] > 3 * usual + _WHITE and alike > 0.35)


def _still(movie: Movie) -> Iterator[Fault]:
    """Find the frame before once more: once is a duplicate, for longer the movie is frozen."""
    limit = movie.limits.still_share
    change, moved = np.nan_to_num(movie.record.change), np.nan_to_num(movie.record.moved)
    width = 2 * movie.limits.around + 1
    disturbed = movie.taken | np.concatenate([[True], movie.taken[:-1]])
    calm = np.flatnonzero(~disturbed)
    if not len(calm):
        return
    # An embryo that turns fast and pauses for a frame is not shown twice: pauses are as all frames.
    most = _AT_MOST * float(np.median(change[calm]))
    usual = np.clip(_median_at(change, calm, width), 1e-6, max(most, 1e-6))
    usual_moved = _median_at(moved, calm, width)
    # A movie without noise is nearly still by nature; then only what is quite still is repeated.
    logs = np.log(np.maximum(change[calm] / usual[calm], 1e-6))
    spread = float(np.median(np.abs(logs))) * 1.4826 * (1 + 4 / len(calm))
    low = min(2 * limit, float(np.exp(-movie.limits.still_scatter * spread)))
    still = (change < low * usual) & (moved < limit * usual_moved)
    still |= change < movie.limits.still
    still[0] = False
    limits = np.maximum(low, np.where(change < movie.limits.still, movie.limits.still / usual, 0))
    runs, n = ndi.label(still & ~movie.taken)
    for frames in (np.flatnonzero(runs == k) for k in range(1, n + 1)):
        if not _stops_at_once(change, int(frames[0])):
            continue
        rule = "duplicate" if len(frames) == 1 else "frozen"
        for frame in frames.tolist():
            yield Fault(frame, rule, float(change[frame] / usual[frame]), float(limits[frame]))


def _stops_at_once(change: np.ndarray, first: int) -> bool:
    """Say whether a movie stood still from one frame to the next shortly before ``first``.

    A codec that is short of bits lets it stop little by little. The first frame after the one that
    is whole in itself is no measure: what changes there is the quality.
    """
    course = change[max(first - _SHORTLY, 2) : first + 1]
    if len(course) < 2:
        return True
    return bool((course[:-1] >= _AT_ONCE * course[1:]).any())


def _median_at(values: np.ndarray, some: np.ndarray, width: int) -> np.ndarray:
    """Return the running median over some frames, for every frame."""
    at = ndi.median_filter(values[some], width, mode="reflect")
    return np.asarray(np.interp(np.arange(len(values)), some, at))


def _blurred(movie: Movie) -> Iterator[Fault]:
    """Fine detail is lost while the coarse image stays."""
    ratio = movie.record.sharp / np.maximum(movie.usual(movie.record.sharp), 1e-6)
    limit = movie.limits.blurred_share
    suspects = np.flatnonzero(ratio < limit).tolist()
    for frame in suspects:
        near = movie.neighbours(frame, besides=suspects)
        if _below(movie.record.sharp, frame, near, limit) and _is_blur_of(movie, frame, near):
            yield Fault(frame, "blurred", float(ratio[frame]), limit)


def _is_blur_of(movie: Movie, frame: int, near: list[int]) -> bool:
    """Say whether a frame is like one of its neighbours, as it is or blurred."""
    small = movie.record.small
    allowed = movie.may_differ(frame)
    smooth = (ndi.gaussian_filter(small[j], width) for j in near for width in _BLURS)
    return any(1 - likeness(one, small[frame]) < allowed for one in smooth)
