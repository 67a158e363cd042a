"""Sums over each object of a block, which add up to those of the whole image.

All of them are whole numbers, so that any tiling and any order of workers gives the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.checks import check_label_image
from fatescope.base.errors import InputError
from fatescope.measurement.exact import ChannelSum
from fatescope.numeric import Runs, find_runs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import IntArray, LabelImage


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSums:
    """Sums over ``n`` objects in ``d`` dimensions, sorted by label.

    Parameters
    ----------
    label : ndarray of int64, shape (n,)
    count : ndarray of int64, shape (n,)
        Pixels or voxels.
    first : ndarray of int64, shape (d, n)
        Sums of the coordinates, in axis order.
    second : ndarray of int64, shape (d, d, n)
        Sums of their products.
    low, high : ndarray of int64, shape (d, n)
        Bounding box, half-open.
    channels : dict of str to ChannelSum
        Sums of the values of each channel.

    Notes
    -----
    Products are summed in 64 bits: exact as long as count times coordinate squared stays under
    9e18, for instance an object of 10^10 px at 30,000 px from the corner.
    """

    label: IntArray
    count: IntArray
    first: IntArray
    second: IntArray
    low: IntArray
    high: IntArray
    channels: dict[str, ChannelSum] = field(default_factory=dict)

    @property
    def ndim(self) -> int:
        """Number of spatial axes."""
        return len(self.first)

    def __len__(self) -> int:
        return len(self.label)

    @classmethod
    def of_block(
        cls,
        labels: LabelImage,
        intensities: Mapping[str, NDArray[Any]] | None = None,
        *,
        origin: Sequence[int] | None = None,
    ) -> ObjectSums:
        """Sum over the objects of one block.

        Parameters
        ----------
        labels : ndarray of int, shape (Y, X) or (Z, Y, X)
            0 = background.
        intensities : mapping of str to ndarray, optional
            Channels by name, each of the shape of ``labels``; whole numbers exactly, floats at
            float32 precision. NaN and infinity are left out of means.
        origin : sequence of int, optional
            Position of the block's first pixel in the whole image; zeros if left out.

        Raises
        ------
        InputError
            If ``labels`` are not whole numbers, or a channel or ``origin`` does not fit them.
        """
        check_label_image(labels, name="labels")
        offset = _check_origin(origin, labels.ndim)
        runs = find_runs([labels])
        inside = runs.values[0] > 0
        channels = {
            name: ChannelSum.of_runs(_flat(name, values, labels.shape), runs.start).grouped(
                lambda a: a[inside]
            )
            for name, values in (intensities or {}).items()
        }
        return _group(_sums_of_runs(runs, inside, offset, channels))

    @staticmethod
    def merged(parts: Sequence[ObjectSums]) -> ObjectSums:
        """Return the sums over all blocks; an object in several blocks becomes one row.

        Raises
        ------
        InputError
            If the parts differ in their number of axes or in their channels.
        """
        if not parts:
            raise InputError("`parts` is empty: there is nothing to merge.")
        for part in parts:
            if part.ndim != parts[0].ndim or set(part.channels) != set(parts[0].channels):
                raise InputError(
                    f"sums over {part.ndim} axes with channels {sorted(part.channels)} cannot be "
                    f"merged with sums over {parts[0].ndim} axes with channels "
                    f"{sorted(parts[0].channels)}."
                )
        return _group(
            ObjectSums(
                label=np.concatenate([p.label for p in parts]),
                count=np.concatenate([p.count for p in parts]),
                first=np.concatenate([p.first for p in parts], axis=-1),
                second=np.concatenate([p.second for p in parts], axis=-1),
                low=np.concatenate([p.low for p in parts], axis=-1),
                high=np.concatenate([p.high for p in parts], axis=-1),
                channels={
                    name: ChannelSum.concatenate([p.channels[name] for p in parts])
                    for name in parts[0].channels
                },
            )
        )


def _check_origin(origin: Sequence[int] | None, ndim: int) -> IntArray:
    if origin is None:
        return np.zeros(ndim, dtype=np.int64)
    if len(origin) != ndim:
        raise InputError(f"`origin` must hold {ndim} numbers, one per axis; got {tuple(origin)}.")
    return np.asarray(origin, dtype=np.int64)


def _flat(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if values.shape != shape:
        raise InputError(
            f"channel {name!r} has shape {values.shape}, but the labels have {shape}. "
            "Give both on the same grid."
        )
    if values.dtype.kind not in "buif":
        raise InputError(f"channel {name!r} holds {values.dtype}; give whole numbers or floats.")
    return np.ascontiguousarray(values).reshape(-1)


def _sums_of_runs(
    runs: Runs, inside: NDArray[np.bool_], offset: IntArray, channels: dict[str, ChannelSum]
) -> ObjectSums:
    """Return one row per run: coordinates other than the last do not change along it."""
    corner = runs.corner[:, inside] + offset[:, None]
    count = runs.length[inside]
    last = corner[-1]
    run_sum = count * last + count * (count - 1) // 2
    squares = (count - 1) * count * (2 * count - 1) // 6
    run_square = count * last**2 + last * count * (count - 1) + squares
    first = corner * count
    first[-1] = run_sum
    second = corner[:, None] * first[None]
    second[-1] = corner * run_sum
    second[:, -1] = second[-1]
    second[-1, -1] = run_square
    high = corner + 1
    high[-1] += count - 1
    return ObjectSums(
        label=runs.values[0][inside].astype(np.int64),
        count=count,
        first=first,
        second=second,
        low=corner,
        high=high,
        channels=channels,
    )


def _group(rows: ObjectSums) -> ObjectSums:
    """Add up the rows of equal label, and sort by label."""
    if not len(rows):
        return rows
    order = np.argsort(rows.label, kind="stable")
    label = rows.label[order]
    start = np.flatnonzero(np.diff(label, prepend=label[0] - 1))

    def add(values: IntArray) -> IntArray:
        return np.asarray(np.add.reduceat(values[..., order], start, axis=-1))

    return ObjectSums(
        label=label[start],
        count=add(rows.count),
        first=add(rows.first),
        second=add(rows.second),
        low=np.minimum.reduceat(rows.low[:, order], start, axis=-1),
        high=np.maximum.reduceat(rows.high[:, order], start, axis=-1),
        channels={name: c.grouped(add) for name, c in rows.channels.items()},
    )
