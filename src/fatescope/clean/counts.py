"""The rules on numbers of cells in frames, whole and by group.

An embryo's cells hardly ever become fewer: a few programmed deaths, late. So what departs from the
nearest curve that never falls is a fault of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

from fatescope.clean.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.clean.settings import AnnotationSettings

_WRAP = 256
_NEAR_END = 0.85
"""Numbers that went through eight bits leap from near 256 to near 0, or back."""
_BEFORE = 9
"""Frames whose median says how many cells there were; a rise is shorter than half of them."""


def find_count_faults(
    frame: IntArray,
    counts: Mapping[str, FloatArray],
    *,
    total: FloatArray,
    limits: AnnotationSettings,
    n_frames: int | None = None,
) -> list[Fault]:
    """Return what is wrong with a table of numbers of cells, in order of frames.

    Parameters
    ----------
    frame : ndarray of int, shape (n,)
        From 0; in any order, also twice.
    counts : mapping of str to ndarray of float, shape (n,)
        Cells of each group, for instance of each first letter; NaN: unknown.
    total : ndarray of float, shape (n,)
        All cells, also those of no group.
    limits : AnnotationSettings
    n_frames : int, optional
        Length of the movie, where there is one.
    """
    found = list(twice(frame))
    _, rows = np.unique(frame, return_index=True)
    frame, total = frame[rows], total[rows]
    counts = {name: values[rows] for name, values in counts.items()}
    if n_frames is not None and len(frame) and frame[-1] >= n_frames:
        first = int(frame[np.searchsorted(frame, n_frames)])
        found.append(Fault(first, "after-end", float(frame[-1] + 1 - n_frames), 0.0))
        inside = frame < n_frames
        frame, total = frame[inside], total[inside]
        counts = {name: values[inside] for name, values in counts.items()}
    known = ~np.isnan(total)
    frame, total = frame[known], total[known]
    counts = {name: values[known] for name, values in counts.items()}
    if len(frame) >= limits.least_frames:
        found += stretched(frame, limits)
        found += _numbers(frame, counts, total, limits)
    return sorted(found, key=lambda f: f.frame)


def twice(frame: IntArray) -> Iterator[Fault]:
    """Frames that a table of counts holds more than once."""
    values, times = np.unique(frame, return_counts=True)
    for at in np.flatnonzero(times > 1).tolist():
        yield Fault(int(values[at]), "duplicate-row", float(times[at]), 1.0)


def stretched(frame: IntArray, limits: AnnotationSettings) -> Iterator[Fault]:
    """Frames without rows at even distances all along: times were multiplied.

    ``frame`` is sorted and has no value twice.
    """
    step = np.diff(frame)
    holes = np.flatnonzero(step > 1)
    share = 1 - len(frame) / (int(frame[-1]) - int(frame[0]) + 1)
    if share < limits.stretched_share or len(holes) < limits.least_frames / 2:
        return
    thirds = np.bincount(holes * 3 // len(step), minlength=3)
    if thirds.min() > 0.5 * thirds.max() and np.median(step[holes]) <= 3:
        yield Fault(int(frame[0]), "stretched", 1 / (1 - share), 1 / (1 - limits.stretched_share))


def _numbers(
    frame: IntArray,
    counts: Mapping[str, FloatArray],
    total: FloatArray,
    limits: AnnotationSettings,
) -> Iterator[Fault]:
    wrapped = list(_wrapped(frame, counts, total))
    yield from wrapped
    if wrapped:
        return
    begin = 0
    while begin < len(frame):
        cliff = _cliff(total[begin:], limits)
        end = len(frame) if cliff is None else begin + cliff[0]
        here = slice(begin, end)
        groups = {n: v[here] for n, v in counts.items()}
        if begin:
            groups = {n: v for n, v in groups.items() if _is_many(v, total[here], limits)}
        yield from _stretch(frame[here], groups, total[here], limits)
        if cliff is not None:
            yield Fault(int(frame[end]), "cliff", cliff[1], limits.cliff_share)
        begin = end


def _is_many(values: FloatArray, total: FloatArray, limits: AnnotationSettings) -> bool:
    """Say whether a group has a good part of the cells that are followed after a cliff.

    Few are: that a small group has none of them for a while is an effect of the cliff.
    """
    least = max(limits.least_cells, limits.cliff_share * float(np.median(total)))
    return bool(np.median(values) >= least)


def _stretch(
    frame: IntArray,
    counts: Mapping[str, FloatArray],
    total: FloatArray,
    limits: AnnotationSettings,
) -> Iterator[Fault]:
    """Find what is wrong for a while between two cliffs, or where there is none."""
    gone = np.zeros(len(frame), dtype=np.bool_)
    for name, values in counts.items():
        for at in _gaps(values, total, limits):
            gone[at] = True
            yield Fault(int(frame[at]), "vanished", 0.0, 1.0, name)
    yield from _apart(frame, total, gone, limits)


def _apart(
    frame: IntArray, total: FloatArray, gone: BoolArray, limits: AnnotationSettings
) -> Iterator[Fault]:
    """Too many or too few cells for a while; the worst first, which then count no longer."""
    out = gone.copy()
    while not out.all():
        usual = np.interp(frame, frame[~out], _usual(total[~out], limits.count_frames))
        limit = np.maximum(limits.least_cells, limits.apart_share * usual)
        apart = np.where(out, 0.0, total - usual)
        worst = int(np.argmax(np.abs(apart) / limit))
        if abs(apart[worst]) <= limit[worst]:
            return
        out[worst] = True
        rule = "rise" if apart[worst] > 0 else "fall"
        yield Fault(int(frame[worst]), rule, float(abs(apart[worst])), float(limit[worst]))


def _usual(values: FloatArray, width: int) -> FloatArray:
    """Return, for every row, the number of cells that the rows within `width` of it speak for."""
    windows = (slice(max(at - width, 0), at + width + 1) for at in range(len(values)))
    return np.array([growing(values[w].tolist())[at - w.start] for at, w in enumerate(windows)])


def growing(values: Sequence[float]) -> list[float]:
    """Return the curve that never falls and is nearest to values, by absolute differences.

    A wave of divisions is no departure from it, and a short fall or rise moves it nowhere.

    Examples
    --------
    >>> growing([28, 44, 44, 44, 34, 33, 46, 46])
    [28, 44, 44, 44, 44, 44, 46, 46]

    References
    ----------
    Barlow RE, Bartholomew DJ, Bremner JM, Brunk HD (1972) Statistical inference under order
    restrictions, chapter 1: adjacent violators are pooled, here by medians.
    """
    pools: list[list[float]] = []
    for value in values:
        pool = [value]
        while pools and _median(pools[-1]) > _median(pool):
            pool = sorted(pools.pop() + pool)
        pools.append(pool)
    return [_median(pool) for pool in pools for _ in pool]


def _median(ordered: Sequence[float]) -> float:
    """Return the median of values in order, the lower one of two."""
    return ordered[(len(ordered) - 1) // 2]


def _cliff(total: FloatArray, limits: AnnotationSettings) -> tuple[int, float] | None:
    """Return from which row on many cells are missing for good, and their share."""
    for at in range(1, len(total)):
        before = float(np.median(total[max(at - _BEFORE, 0) : at]))
        after = total[at:]
        lost = 1 - total[at] / max(before, 1)
        if lost < limits.cliff_share or before - total[at] < limits.least_cells:
            continue
        later = after[: limits.count_frames]
        if (
            len(after) >= limits.count_frames // 2
            and (later < (1 - limits.cliff_share) * before).all()
        ):
            return at, float(lost)
    return None


def _gaps(values: FloatArray, total: FloatArray, limits: AnnotationSettings) -> list[int]:
    """Return the rows in which a group has no cell, though it has some before and after.

    The cells of the other groups stay: where they fall too, cells are missing at random.
    """
    parts, n = ndi.label(values == 0)
    rows: list[int] = []
    for at in (np.flatnonzero(parts == k) for k in range(1, n + 1)):
        first, last = int(at[0]), int(at[-1])
        if first == 0 or last == len(values) - 1 or len(at) < limits.vanished_frames:
            continue
        if len(at) > limits.count_frames:
            continue
        others = total - values
        usual = float(np.median(others[max(first - _BEFORE, 0) : first]))
        if others[at].min() >= (1 - limits.apart_share / 2) * usual - 1:
            rows += at.tolist()
    return rows


def _wrapped(
    frame: IntArray, counts: Mapping[str, FloatArray], total: FloatArray
) -> Iterator[Fault]:
    """Numbers beyond 255, or below 0, that went through eight bits."""
    seen: set[int] = set()
    for name, values in (*counts.items(), ("", total)):
        step = np.diff(values, prepend=values[0])
        for at in np.flatnonzero(np.abs(step) > 0.8 * _WRAP).tolist():
            highest = max(values[at - 1], values[at])
            if highest > _NEAR_END * _WRAP and values.max() < _WRAP and frame[at] not in seen:
                seen.add(int(frame[at]))
                yield Fault(int(frame[at]), "wrapped", float(abs(step[at])), 0.8 * _WRAP, name)
