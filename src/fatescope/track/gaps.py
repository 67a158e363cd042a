"""Join tracks over frames in which an object was not found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray

_NEVER = 1e6  # beyond any cost: these two are not joined


def links_to_next_frame(parent: IntArray, frame: IntArray) -> IntArray:
    """Return the links from one frame to the very next; longer ones are for `close_track_gaps`."""
    near = parent >= 0
    near[near] = frame[near] - frame[parent[near]] == 1
    return np.where(near, parent, -1)


def close_track_gaps(
    position: FloatArray,
    frame: IntArray,
    parent: IntArray,
    *,
    reach: float,
    most_frames: int,
    still: BoolArray | None = None,
) -> IntArray:
    """Return the links, with ends of tracks joined to beginnings of later ones.

    Parameters
    ----------
    position : ndarray of float, shape (n, d)
    frame, parent : ndarray of int, shape (n,)
        Row of the parent in an earlier frame, or -1.
    reach : float
        How far an object may have come, in the unit of ``position``.
    most_frames : int
        How many frames an object may be missing.
    still : ndarray of bool, shape (n,), optional
        Objects that do not move any more: two of them are joined over any number of frames, within
        half the reach.

    Returns
    -------
    ndarray of int64, shape (n,)

    Notes
    -----
    One assignment over all ends and beginnings of the movie, whose cost is the squared distance
    beside the squared reach, and a tenth for each frame that is missed. No object gets a second
    child.

    References
    ----------
    Jaqaman K et al. (2008). Nature Methods 5:695-702: the second step of two.

    Examples
    --------
    >>> place, frame = np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([0, 2])
    >>> close_gaps(place, frame, np.array([-1, -1]), reach=4.0, most_frames=2).tolist()
    [-1, 0]
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial import cKDTree

    joined = np.array(parent, dtype=np.int64)
    if not len(frame):
        return joined
    has_child = np.zeros(len(frame), dtype=bool)
    has_child[parent[parent >= 0]] = True
    ends = np.flatnonzero(~has_child & (frame < frame.max()))
    begins = np.flatnonzero((parent < 0) & (frame > frame.min()))
    if not len(ends) or not len(begins):
        return joined
    near = cKDTree(position[ends]).sparse_distance_matrix(
        cKDTree(position[begins]), reach, output_type="ndarray"
    )
    a, b = ends[near["i"]], begins[near["j"]]
    missed = frame[b] - frame[a] - 1
    allowed = (missed >= 1) & (missed <= most_frames)
    if still is not None:
        allowed |= (missed >= 1) & still[a] & still[b] & (near["v"] <= reach / 2)
    a, b = a[allowed], b[allowed]
    if not len(a):
        return joined
    missed = np.minimum(missed[allowed], most_frames + 1)
    cost = (near["v"][allowed] / reach) ** 2 + 0.1 * missed
    rows, row = np.unique(a, return_inverse=True)
    columns, column = np.unique(b, return_inverse=True)
    for group_rows, group_columns in _groups(row, column, len(rows), len(columns)):
        matrix = np.full((len(group_rows), len(group_columns)), _NEVER)
        inside = np.isin(row, group_rows)
        at = (
            np.searchsorted(group_rows, row[inside]),
            np.searchsorted(group_columns, column[inside]),
        )
        matrix[at] = cost[inside]
        for i, j in zip(*linear_sum_assignment(matrix), strict=True):
            if matrix[i, j] < _NEVER:
                joined[columns[group_columns[j]]] = rows[group_rows[i]]
    return joined


def _groups(
    row: IntArray, column: IntArray, n_rows: int, n_columns: int
) -> list[tuple[IntArray, IntArray]]:
    """Divide ends and beginnings into groups that no join ties."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    total = n_rows + n_columns
    edges = coo_array((np.ones(len(row)), (row, column + n_rows)), shape=(total, total))
    _, group = connected_components(edges, directed=False)
    found: list[tuple[IntArray, IntArray]] = []
    for members in np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1]):
        cut = np.searchsorted(members, n_rows)
        found.append((members[:cut], members[cut:] - n_rows))
    return found
