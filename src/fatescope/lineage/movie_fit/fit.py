"""Lay a table on a movie at every offset, size and orientation, and say how sure the best is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.lineage.movie_fit.dots import Dots
from fatescope.lineage.movie_fit.pose import Pose
from fatescope.lineage.movie_fit.stack import coarser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fatescope.base import Lineage
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.movie_fit.stack import FrameStack

RATES = (0.333, 0.4, 0.5, 0.57, 0.667, 0.8, 1.25, 1.5, 1.75, 2.0, 2.4, 3.0)
"""Frames of the movie for one of the table that are tried where one for one does not fit."""
_RATES_TRIED = 2
_SCALES = np.exp(np.linspace(np.log(0.5), np.log(2.0), 13))
_LEAST_CELLS = 4
_COARSE_BY = 2
_COARSE_FRAMES, _FINE_FRAMES, _JUDGED_FRAMES = 8, 16, 40
_COARSE_STEP = 4
"""Frames from one offset to the next at first; nuclei move little in so many."""
_CANDIDATES = 5
_AROUND = 6
"""Frames on either side of the best offset that are held against it."""
_LEAST_SHARPNESS = 0.4
"""Of the likeness of dots and light, what a nucleus aside takes away; wrong tables lose less."""
_LEAST_LIKENESS = 0.6
"""Of dots and light; wrong tables have 0.3 to 0.55 at their best place, right ones 0.8."""
_SIMPLE = (1 / 3, 1 / 2, 2 / 3, 3 / 2, 2.0, 3.0)
"""Rates that are taken where they fit as well as one near them."""
_AS_WELL, _NEAR_RATE = 0.01, 0.05
_RESAMPLES = 1000
SURE = 0.9
"""At least this sure, or it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieFit:
    """How a table lies on a movie, and how sure that is.

    Parameters
    ----------
    pose : Pose
    likeness : float
        Mean correlation of the drawn nuclei with the light of the frames.
    sharpness : float
        Share of it that is lost where the nuclei are laid a nucleus aside.
    sure_pair, sure_frame, sure_turn : float
        Shares of resampled frames in which table and movie belong together, this offset is
        better than all near it, and this orientation better than every other.
    by_offset : mapping of int to float
        Likeness at frames around the best offset.
    """

    pose: Pose
    likeness: float
    sharpness: float
    sure_pair: float
    sure_frame: float
    sure_turn: float
    by_offset: dict[int, float]

    @property
    def sure(self) -> float:
        """Return how sure all of it is, 0 to 1."""
        return min(self.sure_pair, self.sure_frame, self.sure_turn)

    @property
    def is_told(self) -> bool:
        """Return whether it is sure enough to be used."""
        return self.sure >= SURE


def fit_table(stack: FrameStack, lineage: Lineage, *, seed: int = 1) -> MovieFit:
    """Find how a table lies on a movie.

    Parameters
    ----------
    stack : FrameStack
        All frames of the movie.
    lineage : Lineage
        In its own pixels and frames.
    seed : int
        Of the resampling.

    Raises
    ------
    InputError
        If the table has no frame with four nuclei, or the movie fewer than eight frames.

    Notes
    -----
    Rates other than one frame for one are tried only where that does not fit; so a table that
    fits at once takes a few seconds, one that belongs to another movie some times as long.
    """
    frames = usable_frames(lineage)
    if len(stack) < 8:
        raise InputError(f"the movie has {len(stack)} frames; 8 are the least that can be matched.")
    rough = coarser(stack, _COARSE_BY)
    found = _rough_poses(1.0, rough, lineage, frames, scales=_SCALES, step=_COARSE_STEP)
    best = _closer(found, stack, lineage, frames, seed=seed)
    if best is not None and best.is_told:
        return best
    tried = [
        _rough_poses(r, rough, lineage, frames, scales=_SCALES[::2], step=2 * _COARSE_STEP)
        for r in RATES
    ]
    for other in sorted((t for t in tried if t), key=lambda t: -t[0][0])[:_RATES_TRIED]:
        fit = _closer(other, stack, lineage, frames, seed=seed)
        if fit is not None and (best is None or fit.sure > best.sure):
            best = fit
    if best is None:
        raise InputError("the movie and the table have too few frames in common to be matched.")
    return best


def usable_frames(lineage: Lineage) -> IntArray:
    """Return the frames of a table that can be matched: four nuclei, and not the darkest ones.

    Raises `InputError` if there are fewer than four.
    """
    frame, n = np.unique(lineage.frame, return_counts=True)
    frames = frame[n >= _LEAST_CELLS]
    frames = frames[len(frames) // 8 :]  # the first are dark
    if len(frames) < _LEAST_CELLS:
        raise InputError(
            f"the table has {len(frames)} frames with {_LEAST_CELLS} nuclei or more; "
            f"{_LEAST_CELLS} are the least that can be matched."
        )
    return np.asarray(frames)


def _closer(
    found: Sequence[tuple[float, Pose]],
    stack: FrameStack,
    lineage: Lineage,
    frames: IntArray,
    *,
    seed: int,
) -> MovieFit | None:
    """Return the best of some rough poses, refined and judged."""
    if not found:
        return None
    chosen = _evenly(frames, _FINE_FRAMES)
    refined = [_refined(pose, stack, lineage, chosen) for _, pose in found]
    refined.sort(key=lambda one: -one[0])
    return _judged([p for _, p in refined], stack, lineage, frames, seed=seed)


def _orientations() -> Iterator[Pose]:
    for transposed in (False, True):
        for flip_y in (False, True):
            for flip_x in (False, True):
                yield Pose(transposed=transposed, flip_y=flip_y, flip_x=flip_x)


def _offsets(frames: IntArray, rate: float, n: int, step: int) -> IntArray:
    """Return offsets at which two thirds of the table are in the movie, or as much as can be."""
    at = rate * frames
    span = float(at.max() - at.min())
    most = 0.34 * min(span, n) + max(0.0, span - n)
    low, high = -at.min() - most, n - 1 - at.max() + most
    low, high = min(low, high), max(low, high)
    return (step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)).astype(np.int64)


def _rough_poses(
    rate: float,
    stack: FrameStack,
    lineage: Lineage,
    frames: IntArray,
    *,
    scales: FloatArray,
    step: int,
) -> list[tuple[float, Pose]]:
    """Return the best poses with their likeness, the best first; not all of one orientation."""
    chosen = _evenly(frames, _COARSE_FRAMES)
    offsets = _offsets(frames, rate, len(stack), step)
    found: list[tuple[float, Pose]] = []
    for turned in _orientations():
        each = []
        for scale in scales.tolist():
            pose = replace(turned, scale=scale, rate=rate)
            dots = Dots.of(lineage, chosen, pose, stack)
            if dots is None:
                continue
            for offset in offsets.tolist():
                value, shift = dots.best_place(stack, offset)
                each.append((value, replace(pose, offset=float(offset), shift_px=shift)))
        found += sorted(each, key=lambda e: -e[0])[:2]
    found.sort(key=lambda e: -e[0])
    kept = found[:_CANDIDATES]
    turns = {p.matrix.tobytes() for _, p in kept}
    others = [e for e in found if e[1].matrix.tobytes() not in turns]
    return kept + others[:1] if len(turns) == 1 else kept


def _refined(
    pose: Pose, stack: FrameStack, lineage: Lineage, frames: IntArray
) -> tuple[float, Pose]:
    """Return the best pose near one, and its likeness: size, place and offset a little changed."""
    middle = float(np.median(frames))
    best = (-1.0, pose)
    for reach, step, rates in ((4, 0.06, 1.0), (3, 0.03, 1.0), (2, 0.015, 1.0)):
        begin = best[1] if best[0] > -1 else pose
        for factor in (1 - step, 1.0, 1 + step):
            for change in (1.0,) if pose.rate == 1 else (1 - step * rates, 1.0, 1 + step * rates):
                rate = begin.rate * change
                start = begin.offset + (begin.rate - rate) * middle
                tried = replace(begin, scale=begin.scale * factor, rate=rate)
                dots = Dots.of(lineage, frames, tried, stack)
                if dots is None:
                    continue
                for shift in range(-reach, reach + 1):
                    offset = start + shift
                    offset = float(round(offset)) if rate == 1 else offset
                    value, place = dots.best_place(stack, offset)
                    if value > best[0]:
                        best = value, replace(tried, offset=offset, shift_px=place)
    return best if pose.rate == 1 else _simpler(best, stack, lineage, frames)


def _simpler(
    best: tuple[float, Pose], stack: FrameStack, lineage: Lineage, frames: IntArray
) -> tuple[float, Pose]:
    """Return a pose with a simple rate and a whole offset, where it fits about as well."""
    value, pose = best
    middle = float(np.median(frames))
    for rate in _SIMPLE:
        near = abs(np.log(rate / pose.rate)) < _NEAR_RATE
        dots = Dots.of(lineage, frames, replace(pose, rate=rate), stack) if near else None
        if dots is None:
            continue
        start = round(pose.offset + (pose.rate - rate) * middle)
        for offset in (start - 1, start, start + 1):
            found, place = dots.best_place(stack, float(offset))
            if found > value - _AS_WELL and (found > best[0] or best[1].rate != rate):
                best = found, replace(pose, rate=rate, offset=float(offset), shift_px=place)
    return best


def _judged(
    poses: Sequence[Pose], stack: FrameStack, lineage: Lineage, frames: IntArray, *, seed: int
) -> MovieFit | None:
    """Hold the best pose against the frames around it, and against other orientations."""
    best = poses[0]
    inside = np.rint(best.offset + best.rate * frames)
    inside = (inside >= _AROUND) & (inside < len(stack) - _AROUND)
    if inside.sum() < _LEAST_CELLS:
        inside = np.ones(len(frames), dtype=np.bool_)
    chosen = _evenly(frames[inside], _JUDGED_FRAMES)
    dots = Dots.of(lineage, chosen, best, stack)
    if dots is None:
        return None
    around = np.arange(-_AROUND, _AROUND + 1)
    by_offset = np.stack([dots.at_place(stack, best.offset + o) for o in around], axis=1)
    here, aside = dots.at_place(stack, best.offset), dots.aside(stack, best.offset)
    others = _other_turns(poses, stack, lineage, chosen)
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(chosen), size=(_RESAMPLES, len(chosen)))
    value = np.nanmean(here[rows], axis=1)
    lost = 1 - np.nanmean(aside[rows], axis=1) / np.maximum(value, 1e-6)
    near = np.nanmean(by_offset[rows], axis=1)
    best_near = np.nanargmax(near, axis=1) == _AROUND
    turned = np.ones(_RESAMPLES, dtype=np.bool_)
    for other in others:
        turned &= value > np.nanmean(other[rows], axis=1)
    likeness = float(np.nanmean(here))
    return MovieFit(
        pose=best,
        likeness=likeness,
        sharpness=1 - float(np.nanmean(aside)) / max(likeness, 1e-6),
        sure_pair=float(((lost > _LEAST_SHARPNESS) & (value > _LEAST_LIKENESS)).mean()),
        sure_frame=float(best_near.mean()),
        sure_turn=float(turned.mean()),
        by_offset={
            int(o): float(v) for o, v in zip(around, np.nanmean(by_offset, axis=0), strict=True)
        },
    )


def _other_turns(
    poses: Sequence[Pose], stack: FrameStack, lineage: Lineage, frames: IntArray
) -> list[FloatArray]:
    """Return the likeness by frame of the best pose of every other orientation."""
    own = poses[0].matrix.tobytes()
    seen, out = {own}, []
    for pose in poses[1:]:
        if pose.matrix.tobytes() in seen:
            continue
        seen.add(pose.matrix.tobytes())
        dots = Dots.of(lineage, frames, pose, stack)
        if dots is not None:
            out.append(dots.at_place(stack, pose.offset))
    return out


def _evenly(frames: IntArray, most: int) -> IntArray:
    if len(frames) <= most:
        return frames
    return np.asarray(frames[np.linspace(0, len(frames) - 1, most).round().astype(int)])
