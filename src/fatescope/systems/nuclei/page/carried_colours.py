"""Colours that stay with an object from frame to frame, for the eye alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base import LabelImage

_LEAST_SHARE = 0.3  # of an object's pixels; for the eye alone


def carry_colours(
    before: LabelImage, colours: Mapping[int, int], labels: LabelImage
) -> dict[int, int]:
    """Give each object the colour of what lay in its place one frame earlier.

    Parameters
    ----------
    before : ndarray of int, shape (Y, X)
        The labels of the earlier frame.
    colours : mapping of int to int
        Its colour numbers by label.
    labels : ndarray of int, shape (Y, X)
        The labels of this frame.

    Returns
    -------
    dict of int to int
        For each label the number of the object that covers the most of it, if that is 30 % of
        its pixels or more; else its own label. Both daughters of a division look like the mother.

    Notes
    -----
    This is no tracking and enters no table: it keeps a film from flickering.

    Examples
    --------
    >>> carry_colours(np.array([[3, 3, 0]]), {3: 8}, np.array([[1, 1, 2]]))
    {1: 8, 2: 2}
    """
    known, area = np.unique(labels[labels > 0], return_counts=True)
    carried = {int(label): int(label) for label in known}
    both = (labels > 0) & (before > 0)
    pairs, shared = np.unique(
        np.stack([labels[both], before[both]]).astype(np.int64), axis=1, return_counts=True
    )
    area_of = dict(zip(known.tolist(), area.tolist(), strict=True))
    # Rising overlap, so that the largest is written last; equal ones by the smaller number.
    for i in np.lexsort((-pairs[1], shared)).tolist():
        label, earlier = int(pairs[0, i]), int(pairs[1, i])
        if shared[i] >= _LEAST_SHARE * area_of[label]:
            carried[label] = colours.get(earlier, earlier)
    return carried
