"""From what a file says about time to frames: numbers that are frames, and times on a clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.scale import MIN
from fatescope.acquire.lineages.headers import NAMES, Column
from fatescope.acquire.lineages.text import number_of
from fatescope.base.errors import FileFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNEVEN = 0.25
"""Of a step: two times further off from whole steps belong to no even movie."""


def frames_of_times(
    values: NDArray[Any], column: Column, *, file: str
) -> tuple[NDArray[np.int64], int, float | None]:
    """Return the frame of each row from 0, where the file begins to count, and its interval.

    Parameters
    ----------
    values : ndarray
        Of the column that says when.
    column : Column
        ``frame`` and its like count from 0; ``time`` and its like from 1, or from 0 if they begin
        there. A column in a unit of time is a clock, and even steps of it are frames.

    Returns
    -------
    frame : ndarray of int64
    first : int
        0 or 1; pixels begin there too.
    interval : float or None
        Minutes between frames, where a clock with a unit says so.

    Raises
    ------
    FileFormatError
        If a time is missing or not whole, or a clock does not go in even steps.
    """
    if column.unit in MIN or column.key in NAMES["clock"].split():
        frame, step = even_frames(as_float(values), file=file)
        factor = MIN.get(column.unit)
        return frame, 0, step * factor if step and factor else None
    frame = whole_frames(values, file=file)
    first = 0 if column.key in NAMES["frame"].split() or frame.min(initial=1) == 0 else 1
    return frame - first, first, None


def even_frames(times: NDArray[np.float64], *, file: str) -> tuple[NDArray[np.int64], float | None]:
    """Return the frame of each time of a movie in even steps, and the step (none: one time).

    Frames that are in no row are counted, too. Time 0 is frame 0 if the times lie on its grid.

    Raises
    ------
    FileFormatError
        If a time is missing, or the steps are not even.
    """
    if not np.isfinite(times).all():
        raise FileFormatError(f"{file}: the column of times holds values that are missing.")
    distinct, of_row = np.unique(times, return_inverse=True)
    if len(distinct) < 2:
        return np.zeros(len(times), dtype=np.int64), None
    steps = np.diff(distinct)
    step = float(np.median(steps[steps < 1.5 * steps.min()]))
    count = np.round(steps / step)
    if (np.abs(steps / step - count) > _UNEVEN).any() or np.median(count) != 1:
        worst = int(np.argmax(np.abs(steps / step - count)))
        raise FileFormatError(
            f"{file}: its times are not those of frames in even steps ({distinct[worst]:g} is "
            f"followed by {distinct[worst + 1]:g}, elsewhere the step is {step:g}). Give a column "
            "frame with the number of the frame."
        )
    begin = round(distinct[0] / step)
    begin = begin if abs(distinct[0] / step - begin) <= _UNEVEN else 0
    frame = begin + np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    spread = float(distinct[-1] - distinct[0]) / float(count.sum())
    return frame[of_row.ravel()], float(f"{spread:.6g}")


def whole_frames(values: NDArray[Any], *, file: str) -> NDArray[np.int64]:
    """Return a column of times as whole numbers, or raise `FileFormatError`."""
    if np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64)
    numbers = as_float(values)
    if not (np.isfinite(numbers) & (numbers == np.round(numbers))).all():
        raise FileFormatError(
            f"{file}: the column of times holds values that are empty or not whole. Times are "
            "frame numbers; give minutes as frames and the interval with --interval-min."
        )
    return np.clip(numbers, -(2**62), 2**62).astype(np.int64)


def as_float(values: NDArray[Any]) -> NDArray[np.float64]:
    """Return numbers, NaN where a text is missing or no number."""
    if values.dtype != object:
        return values.astype(np.float64)
    return np.array([number_of(v) for v in values.tolist()], dtype=np.float64)
