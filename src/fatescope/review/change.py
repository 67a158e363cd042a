"""What an edit did to the labels of one frame: pixels, the label before, the label after.

A change carries the old labels beside the new ones. So its inverse needs nothing but itself, and
applying it to labels that have changed in between is refused instead of overwriting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fatescope.base.types import IntArray

_LARGEST = np.iinfo(np.uint32).max


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Runs of pixels of one frame that get another label.

    Parameters
    ----------
    frame : int
    runs : ndarray of int, shape (n, 4)
        Start, length, old and new label of each run, in rising order. Pixels are counted in the
        reading order of the whole frame, (Y, X) or (Z, Y, X).
    """

    frame: int
    runs: IntArray

    @property
    def n_pixels(self) -> int:
        """How many pixels change."""
        return int(self.runs[:, 1].sum())

    @property
    def labels(self) -> tuple[int, ...]:
        """All labels that lose or gain a pixel, background left out."""
        found = np.unique(self.runs[:, 2:])
        return tuple(found[found > 0].tolist())

    def apply(self, labels: NDArray[np.uint32]) -> None:
        """Change the labels of the frame in place.

        Raises
        ------
        InputError
            If a pixel lies outside, or does not hold the old label. Then nothing is changed.
        """
        flat = labels.reshape(-1)
        if not np.shares_memory(flat, labels):
            raise InputError("labels that are edited must lie in memory in one piece.")
        start, length, old, new = self.runs.T
        if len(self.runs) and int((start + length).max()) > flat.size:
            raise InputError("the change lies outside of these labels.")
        at = _positions(start, length)
        if not np.array_equal(flat[at], np.repeat(old, length).astype(flat.dtype)):
            raise InputError(
                "these pixels have changed since the edit was made. Look again, and repeat it."
            )
        flat[at] = np.repeat(new, length)

    def inverse(self) -> Change:
        """Return the change that leads back."""
        return Change(self.frame, self.runs[:, [0, 1, 3, 2]])


def _positions(start: IntArray, length: IntArray) -> IntArray:
    """Return every pixel of the runs, in order."""
    before = np.cumsum(length) - length
    at: IntArray = np.arange(int(length.sum())) + np.repeat(start - before, length)
    return at


def change_between(
    labels: NDArray[np.uint32],
    region: tuple[slice, ...],
    after: NDArray[Any],
    *,
    frame: int,
) -> Change:
    """Return the change that turns a region of the labels into ``after``.

    Parameters
    ----------
    labels : ndarray of uint32, shape (Y, X) or (Z, Y, X)
        Of the whole frame.
    region : tuple of slice
        With begin and end, a slice for each axis.
    after : ndarray of int
        Of the region's shape.
    frame : int

    Raises
    ------
    InputError
        If nothing would change, or a label is too large.

    Examples
    --------
    >>> labels = np.array([[0, 5], [5, 5]], dtype=np.uint32)
    >>> whole = (slice(0, 2), slice(0, 2))
    >>> change_between(labels, whole, np.where(labels == 5, 7, 0), frame=0).runs.tolist()
    [[1, 3, 5, 7]]
    """
    before = labels[region]
    if after.size and not 0 <= int(after.min()) <= int(after.max()) <= _LARGEST:
        raise InputError(f"labels are whole numbers from 0 to {_LARGEST}.")
    local = np.nonzero(before != after)
    if not len(local[0]):
        raise InputError("nothing would change.")
    old, new = before[local].astype(np.int64), after[local].astype(np.int64)
    shifted = tuple(n + s.start for n, s in zip(local, region, strict=True))
    at = np.ravel_multi_index(shifted, labels.shape).astype(np.int64)
    breaks = (np.diff(at) != 1) | (np.diff(old) != 0) | (np.diff(new) != 0)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    length = np.diff(np.append(first, len(at)))
    return Change(frame, np.stack([at[first], length, old[first], new[first]], axis=1))


def change_to_record(change: Change) -> dict[str, Any]:
    """Return a change as plain values, for a line of a journal."""
    return {"frame": change.frame, "runs": change.runs.ravel().tolist()}


def change_from_record(record: Mapping[str, Any]) -> Change:
    """Return the change that `change_to_record` wrote.

    Raises
    ------
    InputError
        If the record is damaged.
    """
    try:
        runs = np.array(record["runs"], dtype=np.int64).reshape(-1, 4)
        frame = int(record["frame"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise InputError(f"the record of an edit is damaged ({error!r}).") from error
    length, outside = runs[:, 1], (runs < 0).any() or (runs[:, 2:] > _LARGEST).any()
    if outside or (length < 1).any() or (np.diff(runs[:, 0]) < length[:-1]).any():
        raise InputError("the record of an edit is damaged: its runs are not in order.")
    return Change(frame, runs)
