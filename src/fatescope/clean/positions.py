"""The rules on tables of positions, beyond those on the numbers of cells in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.clean.counts import find_count_faults, stretched
from fatescope.clean.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.clean.settings import AnnotationSettings

_WRAP = 256
_LETTERS = "AEMPCDZ"
"""With which the names of cells begin."""
_NEAR = 0.25
"""A leap is one of 256 where it is so, give or take this share of it."""


def find_position_faults(
    frame: IntArray,
    name: NDArray[Any],
    position: FloatArray,
    *,
    limits: AnnotationSettings,
    n_frames: int | None = None,
) -> list[Fault]:
    """Return what is wrong with a table of one row per cell and frame, in order of frames.

    Parameters
    ----------
    frame : ndarray of int, shape (n,)
        From 0.
    name : ndarray of str, shape (n,)
        Of the cell; groups are their first letters.
    position : ndarray of float, shape (n, d)
        In pixels, as stored.
    limits : AnnotationSettings
    n_frames : int, optional
        Length of the movie, where there is one.
    """
    order = np.argsort(frame, kind="stable")
    frame, name, position = frame[order], name[order].astype(str), position[order]
    again = repeated_positions(frame, name)
    found = list(_by_frame(frame, again))
    frame, name, position = frame[~again], name[~again], position[~again]
    multiplied = len(frame) > 0 and list(stretched(np.unique(frame), limits))
    end = None if multiplied else _end(frame, position, n_frames)
    if end is not None:
        found.append(Fault(end, "after-end", float(frame[-1] - end + 1), 0.0))
        inside = frame < end
        frame, name, position = frame[inside], name[inside], position[inside]
    frames = np.unique(frame)
    if len(frames) >= limits.least_frames:
        found += stretched(frames, limits)
        found += _wrapped(frame, name, position, limits)
        total, counts = count_by_letter(frame, name)
        faults = find_count_faults(frames, counts, total=total, limits=limits)
        found += [f for f in faults if f.rule != "stretched"]
    return sorted(found, key=lambda f: f.frame)


def count_by_letter(
    frame: IntArray, name: NDArray[Any]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Count rows of each frame that occurs, all and by the first letter of the name.

    Cells that have no name yet, such as Nuc12, come and go; they are no group.
    """
    frames, at = np.unique(frame, return_inverse=True)
    letter = name.astype("U1")
    by_letter: dict[str, FloatArray] = {
        str(one): np.bincount(at[letter == one], minlength=len(frames)).astype(np.float64)
        for one in np.unique(letter)
        if str(one) in _LETTERS
    }
    return np.bincount(at, minlength=len(frames)).astype(np.float64), by_letter


def repeated_positions(frame: IntArray, name: NDArray[Any]) -> BoolArray:
    """Return which rows have the frame and the name of an earlier one; no name is no repeat."""
    _, code = np.unique(name, return_inverse=True)
    both = frame.astype(np.int64) * (int(code.max(initial=0)) + 1) + code
    _, first = np.unique(both, return_index=True)
    again = np.ones(len(frame), dtype=np.bool_)
    again[first] = False
    return np.asarray(again & (name != ""))


def _by_frame(frame: IntArray, again: BoolArray) -> Iterator[Fault]:
    for one, times in zip(*np.unique(frame[again], return_counts=True), strict=True):
        yield Fault(int(one), "duplicate-row", float(times), 0.0)


def _end(frame: IntArray, position: FloatArray, n_frames: int | None) -> int | None:
    """Return the first frame that the recording does not have.

    It is known from the movie; without one, the last rows are repeated as they are, which cells
    that live never do.
    """
    if not len(frame):
        return None
    if n_frames is not None and frame[-1] >= n_frames:
        return int(frame[frame >= n_frames][0])
    frames = np.unique(frame)
    last = position[frame == frames[-1]]
    first = len(frames) - 1
    while first > 0 and np.array_equal(position[frame == frames[first - 1]], last):
        first -= 1
    return int(frames[first + 1]) if first < len(frames) - 1 else None


def _wrapped(
    frame: IntArray, name: NDArray[Any], position: FloatArray, limits: AnnotationSettings
) -> Iterator[Fault]:
    """Positions beyond 255 that went through eight bits: many cells leap by 256 and back."""
    if position.max() < _WRAP:
        return
    places = {
        int(t): dict(zip(name[frame == t].tolist(), position[frame == t], strict=True))
        for t in np.unique(frame)
    }
    good: dict[str, FloatArray] = {}
    for t, cells in places.items():
        known = [c for c in cells if c in good]
        leaps = np.array([good[c] - cells[c] for c in known])
        turns = np.rint(leaps / _WRAP) if len(leaps) else leaps
        wraps = (turns >= 1) & (np.abs(leaps - turns * _WRAP) < _NEAR * _WRAP)
        share = float(wraps.any(axis=1).mean()) if len(leaps) else 0.0
        below = max((float(p.max()) for p in cells.values()), default=0.0) < _WRAP
        if share > limits.wrapped_share and below:
            yield Fault(t, "wrapped", share, limits.wrapped_share)
            continue
        good.update(cells)
