"""Runs: stretches of a row over which label images do not change.

A megapixel of 650 nuclei has about 30,000 runs, and sums over runs have closed forms, so that
counting by runs costs a tenth of counting by pixels and stays in whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs in reading order: ``n`` of them, in an array of ``d`` axes.

    ``start`` is the place in the flattened array, ``values`` the constant value in each array
    that was given.
    """

    start: IntArray  # (n,)
    length: IntArray  # (n,)
    values: tuple[NDArray[Any], ...]  # each (n,)
    shape: tuple[int, ...]  # of the arrays, d axes

    @property
    def corner(self) -> IntArray:
        """Position of the first pixel of each run, shape (d, n)."""
        return np.stack(np.unravel_index(self.start, self.shape))


def find_runs(arrays: Sequence[NDArray[Any]]) -> Runs:
    """Return the runs along the last axis in which none of ``arrays`` changes.

    Parameters
    ----------
    arrays : sequence of ndarray
        Of one shape, with at least one axis. A run ends with its row; give flat arrays where it
        may go on.

    Examples
    --------
    >>> runs = find_runs([np.array([[0, 7, 7], [7, 7, 0]])])
    >>> runs.length.tolist(), runs.values[0].tolist(), runs.corner.tolist()
    ([1, 2, 2, 1], [0, 7, 7, 0], [[0, 0, 1, 1], [0, 1, 0, 2]])
    """
    shape = arrays[0].shape
    flat = [np.ascontiguousarray(a).reshape(-1) for a in arrays]
    size = flat[0].size
    if size == 0:
        none = np.zeros(0, dtype=np.int64)
        return Runs(start=none, length=none, values=tuple(f[:0] for f in flat), shape=shape)
    new = np.empty(size, dtype=bool)
    new[0] = True
    np.not_equal(flat[0][1:], flat[0][:-1], out=new[1:])
    for other in flat[1:]:
        new[1:] |= other[1:] != other[:-1]
    new[:: shape[-1]] = True
    start = np.flatnonzero(new)
    return Runs(
        start=start,
        length=np.diff(start, append=size),
        values=tuple(f[start] for f in flat),
        shape=shape,
    )
