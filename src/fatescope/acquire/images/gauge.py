"""Pixels that are looked at while they are read, so that no file is read a second time for it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.acquire.images.lazy import FrameError, OwnLock
from fatescope.base import Image

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fatescope.base import Finding
    from fatescope.base.image import ArrayLike

_WHOLE = (2**8 - 1, 2**10 - 1, 2**12 - 1, 2**14 - 1, 2**16 - 1, 2**32 - 1)
"""The ends of the ranges of detectors, in whatever type they are stored."""


@dataclass(slots=True)
class Gauge:
    """What was seen of one channel of a plane, or of all planes of a frame."""

    n_pixels: int = 0
    n_not_finite: int = 0
    low: float = np.inf
    high: float = -np.inf
    n_highest: int = 0
    """Pixels of the value ``high``, where that ends a range."""

    def add(self, block: NDArray[Any]) -> None:
        """Look at pixels that were not looked at before."""
        self.n_pixels += block.size
        low, high = block.min(), block.max()
        if block.dtype.kind == "f" and not (np.isfinite(low) and np.isfinite(high)):
            finite = block[np.isfinite(block)]
            self.n_not_finite += block.size - finite.size
            block = finite
            if not block.size:
                return
            low, high = block.min(), block.max()
        self.low = min(self.low, low.item())
        if high.item() > self.high:
            self.high, self.n_highest = high.item(), 0
        if high.item() == self.high and _ends_a_range(block.dtype, high.item()):
            self.n_highest += int(np.count_nonzero(block == high))

    @property
    def flat(self) -> bool:
        """Whether all pixels have one value."""
        return self.low == self.high

    @classmethod
    def of_all(cls, gauges: Sequence[Gauge]) -> Gauge:
        """Add up what was seen of planes."""
        high = max(g.high for g in gauges)
        return cls(
            n_pixels=sum(g.n_pixels for g in gauges),
            n_not_finite=sum(g.n_not_finite for g in gauges),
            low=min(g.low for g in gauges),
            high=high,
            n_highest=sum(g.n_highest for g in gauges if g.high == high),
        )


def _ends_a_range(dtype: np.dtype[Any], value: float) -> bool:
    if dtype.kind == "i" and value == np.iinfo(dtype).max:
        return True
    return dtype.kind in "uif" and value in _WHOLE


class GaugedPixels:
    """An array whose planes are looked at as their rows pass, each once.

    Parameters
    ----------
    source : array-like
    axes : str
        Of ``source``.
    channel : int, optional
        The only channel to look at.

    Notes
    -----
    Whole rows count, in the order in which a plane is read from its first row on. What is read
    again, and tiles of a plane whose rows are read anyway, is not looked at.

    Frames that cannot be decoded are read as 0 and kept in ``unknown``, so that one of them does
    not cost the movie; where they are more than half, their error is raised.
    """

    def __init__(self, source: ArrayLike, axes: str, channel: int | None) -> None:
        self.source = source
        self.shape = tuple(source.shape)
        self.dtype = np.dtype(source.dtype)
        self.notes: tuple[Finding, ...] = tuple(getattr(source, "notes", ()))
        self.gauges: dict[tuple[int, int, int], Gauge] = {}
        """By frame, channel and plane."""
        self.unknown: set[int] = set()
        self._axes = axes
        self._channel = channel
        self._next_row: dict[tuple[int, ...], int] = {}
        self._lock = OwnLock()

    def __getitem__(self, key: Any, /) -> Any:
        try:
            block = np.asarray(self.source[key])
        except FrameError as error:
            block = self._by_frame(key, error)
        if isinstance(key, tuple) and len(key) == len(self.shape) and block.dtype.kind in "buif":
            self._look(key, block)
        return block

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[(slice(None),) * len(self.shape)], dtype=dtype)

    def _by_frame(self, key: Any, error: FrameError) -> NDArray[Any]:
        """Read frames one by one, and 0 for those that are unknown."""
        at = self._axes.find("T")
        whole = isinstance(key, tuple) and len(key) == len(self.shape)
        if not whole or at < 0 or self.shape[at] == 1:
            raise error
        if not isinstance(key[at], slice):
            self.unknown.add(key[at] % self.shape[at])
            if 2 * len(self.unknown) > self.shape[at]:
                raise error
            pairs = zip(key, self.shape, strict=True)
            lengths = [len(range(*k.indices(n))) for k, n in pairs if isinstance(k, slice)]
            return np.zeros(lengths, dtype=self.dtype)
        numbers = range(*key[at].indices(self.shape[at]))
        place = sum(isinstance(k, slice) for k in key[:at])
        return np.stack([self[(*key[:at], n, *key[at + 1 :])] for n in numbers], axis=place)

    def _look(self, key: Sequence[int | slice], block: NDArray[Any]) -> None:
        picked = [
            range(*k.indices(n)) if isinstance(k, slice) else range(k % n, k % n + 1)
            for k, n in zip(key, self.shape, strict=True)
        ]
        rows, columns = picked[-2:]
        if columns != range(self.shape[-1]) or rows.step != 1 or not len(rows):
            return
        planes = block.reshape(-1, len(rows), len(columns))
        with self._lock:
            for at, plane in zip(itertools.product(*picked[:-2]), planes, strict=True):
                first = self._next_row.get(at, 0)
                where = dict(zip(self._axes, at, strict=False))
                channel = where.get("C", 0)
                if where.get("T", 0) in self.unknown:
                    continue
                other = self._channel is not None and channel != self._channel
                if other or not rows.start <= first < rows.stop:
                    continue
                self._next_row[at] = rows.stop
                place = where.get("T", 0), channel, where.get("Z", 0)
                self.gauges.setdefault(place, Gauge()).add(plane[first - rows.start :])


def gauged(image: Image, *, channel: int | None = None) -> Image:
    """Return an image whose pixels are looked at as they are read; see `check_pixels`.

    Parameters
    ----------
    image : Image
        One that is looked at already is returned as it is.
    channel : int, optional
        The only channel to look at, where the others decide nothing.
    """
    if isinstance(image.pixels, GaugedPixels):
        return image
    return replace(image, pixels=GaugedPixels(image.pixels, image.axes, channel))


def gauges_of(image: Image) -> Iterator[tuple[int, dict[int, Gauge]]]:
    """Yield each frame that was read of an image from `gauged`, with its channels."""
    by_frame: dict[int, dict[int, Gauge]] = {}
    for (frame, channel), planes in _stacks(image):
        by_frame.setdefault(frame, {})[channel] = Gauge.of_all(list(planes.values()))
    yield from by_frame.items()


def blank_planes(image: Image) -> Iterator[tuple[int, int, list[int]]]:
    """Yield frame, channel and the planes of one value that lie between others."""
    whole = image.size("Y") * image.size("X")
    for (frame, channel), planes in _stacks(image):
        full = [z for z, gauge in planes.items() if not gauge.flat]
        blank = [
            z
            for z, gauge in planes.items()
            if full and min(full) < z < max(full) and gauge.flat and gauge.n_pixels == whole
        ]
        if blank:
            yield frame, channel, blank


def _stacks(image: Image) -> Iterator[tuple[tuple[int, int], dict[int, Gauge]]]:
    """Yield what was seen of each frame and channel, by plane."""
    gauges = image.pixels.gauges if isinstance(image.pixels, GaugedPixels) else {}
    for at, group in itertools.groupby(sorted(gauges), key=lambda at: at[:2]):
        yield at, {z: gauges[*at, z] for *_, z in group}


def unknown_frames(image: Image) -> frozenset[int]:
    """Return the frames of an image from `gauged` that could not be decoded when they were read."""
    return frozenset(image.pixels.unknown if isinstance(image.pixels, GaugedPixels) else ())
