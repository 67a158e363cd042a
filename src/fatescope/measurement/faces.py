"""How large the faces are that cells share with each other and with what is outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.checks import check_label_image, check_spacing
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import LabelImage

PATCH = 4
"""Edge of the blocks, in voxels of the largest step, within which a face is taken as flat."""


def measure_faces(labels: LabelImage, spacing: Sequence[float]) -> Table:
    """Measure the area of each face between two cells, or a cell and the outside.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        0 = outside.
    spacing : sequence of float
        Distance of voxel centres along each axis.

    Returns
    -------
    Table
        ``label_a, label_b`` (``label_a < label_b``, sorted; 0 is the outside) and ``area``, in the
        square of the unit of ``spacing``; in 2D it is a length.

    Raises
    ------
    InputError
        If ``labels`` are not whole numbers, or ``spacing`` does not fit them.

    Notes
    -----
    The sides of voxels along an axis, summed, are the projection of a flat face on it, so a flat
    face of any tilt has the area ``sqrt(sum of squared projections)``. A curved one is divided
    into blocks of `PATCH` voxels and each part is taken as flat. (Summing the sides themselves
    gives up to 1.7 times the area.) Where the image ends there is no face.

    Examples
    --------
    >>> table = measure_faces(np.array([[1, 1, 2], [1, 1, 2]]), spacing=(0.5, 0.5))
    >>> table["area"].tolist()
    [1.0]
    """
    check_label_image(labels, name="labels")
    step = check_spacing(spacing, shape=labels.shape, name="spacing")
    n = int(labels.max(initial=0)) + 1
    edge = np.maximum(1, np.rint(PATCH * step.max() / step)).astype(np.int64)
    blocks = [-(-length // e) for length, e in zip(labels.shape, edge.tolist(), strict=True)]
    keys, axes = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for axis in range(labels.ndim):
        here, there = (np.moveaxis(labels, axis, 0)[s] for s in (slice(None, -1), slice(1, None)))
        at = np.nonzero(here != there)
        a, b = here[at].astype(np.int64), there[at].astype(np.int64)
        order = [axis, *(i for i in range(labels.ndim) if i != axis)]
        block = np.zeros(len(a), dtype=np.int64)
        for i in range(labels.ndim):
            block = block * blocks[i] + at[order.index(i)] // edge[i]
        keys.append((np.minimum(a, b) * n + np.maximum(a, b)) * int(np.prod(blocks)) + block)
        axes.append(np.full(len(a), axis))
    key, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    counts = np.bincount(
        np.concatenate(axes) * len(key) + inverse, minlength=labels.ndim * len(key)
    ).reshape(labels.ndim, len(key))
    side = (step.prod() / step)[:, None]
    area = np.sqrt(((counts * side) ** 2).sum(axis=0))
    pair, which = np.unique(key // int(np.prod(blocks)), return_inverse=True)
    return Table(
        {
            "label_a": pair // n,
            "label_b": pair % n,
            "area": np.bincount(which, area, minlength=len(pair)),
        }
    )
