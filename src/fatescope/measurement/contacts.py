"""Which objects share a border."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.checks import check_label_image
from fatescope.base.table import Table

if TYPE_CHECKING:
    from fatescope.base.types import LabelImage


def find_contacts(labels: LabelImage) -> Table:
    """Find all pairs of objects that touch.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        0 = background.

    Returns
    -------
    Table
        ``label_a, label_b`` (``label_a < label_b``, sorted) and ``n_sides``: the number of
        sides of pixels (faces of voxels) that the two share. Corners do not count.

    Raises
    ------
    InputError
        If ``labels`` are not whole numbers.

    Examples
    --------
    >>> table = find_contacts(np.array([[1, 1, 2], [0, 1, 2]]))
    >>> table["label_a"].tolist(), table["label_b"].tolist(), table["n_sides"].tolist()
    ([1], [2], [2])
    """
    check_label_image(labels, name="labels")
    flat = np.ascontiguousarray(labels).reshape(-1)
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    for axis, length in enumerate(labels.shape):
        step = math.prod(labels.shape[axis + 1 :])
        change = np.flatnonzero(flat[:-step] != flat[step:])
        change = change[change // step % length < length - 1]  # the next is on the same line
        pair = np.stack([flat[change], flat[change + step]]).astype(np.int64)
        pairs.append(pair[:, (pair > 0).all(axis=0)])
    found = np.sort(np.concatenate(pairs, axis=1), axis=0)
    unique, sides = np.unique(found, axis=1, return_counts=True)
    return Table({"label_a": unique[0], "label_b": unique[1], "n_sides": sides})
