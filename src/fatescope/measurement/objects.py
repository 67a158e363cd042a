"""Measure the objects of a label image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.measurement.contacts import find_contacts
from fatescope.measurement.sums import ObjectSums
from fatescope.measurement.table import objects_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.base.table import Table
    from fatescope.base.types import LabelImage


def measure_objects(
    labels: LabelImage,
    intensities: Mapping[str, NDArray[Any]] | None = None,
    *,
    spacing_um: Sequence[float] | None = None,
    frame: int = 0,
) -> Table:
    """Measure place, size, shape, brightness and neighbours of every object.

    Parameters
    ----------
    labels : ndarray of int, shape (Y, X) or (Z, Y, X)
        Instance labels of one frame. 0 is background; gaps in the numbering are kept.
    intensities : mapping of str to ndarray, optional
        Channels by name, each of the shape of ``labels``.
    spacing_um : sequence of float, optional
        Distance of pixel centres along each axis, in µm, in axis order.
    frame : int
        Written into the column ``frame``.

    Returns
    -------
    Table
        One row per object, sorted by label: the columns of `objects_table`, then
        ``n_neighbours`` (objects that share a side of a pixel). No rows, and no error, where
        ``labels`` is background only.

    Raises
    ------
    InputError
        If ``labels`` are not whole numbers, or a channel or the spacing does not fit them.

    Notes
    -----
    For images larger than memory sum over blocks with `ObjectSums`; the result has the same bits.

    Examples
    --------
    >>> table = measure_objects(np.array([[0, 7], [0, 7]]), spacing_um=(2.0, 0.5))
    >>> table["area_um2"].tolist(), table["y"].tolist()
    ([2.0], [0.5])
    """
    sums = ObjectSums.of_block(labels, intensities)
    table = objects_table(sums, shape=labels.shape, spacing_um=spacing_um, frame=frame)
    contacts = find_contacts(labels)
    ends = np.concatenate([contacts["label_a"], contacts["label_b"]])
    count = np.bincount(np.searchsorted(sums.label, ends), minlength=len(sums))
    return table.with_columns({"n_neighbours": count})
