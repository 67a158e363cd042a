"""Label images as OME-Zarr 0.5: chunks of a megapixel, smaller sizes beside for viewers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.zarr_metadata import label_attributes
from fatescope.base import Spacing
from fatescope.storage import write_folder_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 1024
"""Rows and columns of a chunk: few files, and a viewer loads one in no time."""
_LEVEL = 3  # the default of zstd

Index = tuple[int | slice, ...]


def write_zarr_labels(
    path: Path,
    blocks: Iterator[tuple[Index, NDArray[Any]]],
    *,
    shape: tuple[int, ...],
    axes: str,
    dtype: np.dtype[Any],
    spacing: Spacing,
) -> None:
    """Write a label image as a folder, whole or not at all.

    Parameters
    ----------
    path : Path
        Ends in ``.zarr``; an older one is replaced.
    blocks : iterator of (index, ndarray)
        The blocks of `label_tiles` in order, checked, of ``dtype``.
    shape, axes, dtype, spacing
        As for `write_labels`.

    Notes
    -----
    Bytes depend on the arguments and the version of the codec alone. Chunks without a label are
    not stored. Memory holds one row of chunks (planes above 64 megapixels: one chunk).
    """
    import zarr
    from zarr.codecs import ZstdCodec

    shapes = level_shapes(shape)
    attributes = label_attributes(axes, spacing, levels=len(shapes))
    with write_folder_beside(path) as part:
        group = zarr.create_group(store=part, zarr_format=3, attributes=attributes)
        arrays = [
            group.create_array(
                str(level),
                shape=size,
                chunks=(*(1 for _ in size[:-2]), *(min(CHUNK, n) for n in size[-2:])),
                dtype=dtype,
                compressors=ZstdCodec(level=_LEVEL),
                fill_value=0,
                dimension_names=list(axes.lower()),
            )
            for level, size in enumerate(shapes)
        ]
        for index, block in _rows_of_chunks(blocks, shape):
            arrays[0][index] = block
        for larger, smaller in itertools.pairwise(arrays):
            _halve(larger, smaller)


def level_shapes(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the sizes of the pyramid: halved in Y and X until a plane fits into a chunk.

    Examples
    --------
    >>> level_shapes((3, 2500, 900))
    [(3, 2500, 900), (3, 1250, 450), (3, 625, 225)]
    """
    shapes = [tuple(shape)]
    while max(shapes[-1][-2:]) > CHUNK:
        *lead, height, width = shapes[-1]
        shapes.append((*lead, math.ceil(height / 2), math.ceil(width / 2)))
    return shapes


def _rows_of_chunks(
    blocks: Iterator[tuple[Index, NDArray[Any]]], shape: tuple[int, ...]
) -> Iterator[tuple[Index, NDArray[Any]]]:
    """Gather bands of full width into rows of chunks; pass tiles on as they are."""
    height, width = shape[-2:]
    held: list[NDArray[Any]] = []
    first = 0
    for index, block in blocks:
        rows, columns = index[-2], index[-1]
        assert isinstance(rows, slice)
        assert isinstance(columns, slice)
        if columns.stop - columns.start < width:
            yield index, block
            continue
        first = first if held else rows.start
        held.append(block)
        if rows.stop % CHUNK == 0 or rows.stop == height:
            yield (*index[:-2], slice(first, rows.stop), columns), np.concatenate(held)
            held = []


def _halve(larger: Any, smaller: Any) -> None:
    """Fill a level with every second pixel of the one before, a chunk at a time."""
    height, width = smaller.shape[-2:]
    for lead in np.ndindex(*smaller.shape[:-2]):
        for y in range(0, height, CHUNK):
            for x in range(0, width, CHUNK):
                source = (*lead, slice(2 * y, 2 * (y + CHUNK)), slice(2 * x, 2 * (x + CHUNK)))
                target = (*lead, slice(y, y + CHUNK), slice(x, x + CHUNK))
                smaller[target] = np.asarray(larger[source])[::2, ::2]
