"""Transmitted light made even: each pixel beside the light around it, in units of contrast.

Bright-field and phase images differ in exposure, in how unevenly they are lit, and in contrast;
none of it says anything about cells. A pixel becomes its difference from the light around it,
divided by that light; background is then 0 and noise alone stays small, so that a well without
cells looks empty to a network and not like noise stretched to full range.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.predict.normalise import PlaneStatistics
from fatescope.predict.smooth import smooth

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.predict.tiling import Pixels

BLOCK_PX = 64
"""Light is taken as even over blocks of this side, in pixels of the image."""

CELL_SIGMA = 6.0
"""A pixel that differs from the light by so many times the noise belongs to something."""

LEAST_SHARE = 3e-5
"""With a smaller share of such pixels the plane holds nothing but noise and dust."""

_DEGREE, _MANY_BLOCKS, _ROUNDS = 4, 8, 4
"""Of the polynomial of light, 2 where an axis has fewer blocks; rounds in which blocks that
disagree lose weight."""

_SAMPLED = 3
"""Every third row and column of a block says what its light is."""

_NODE_PX = 16
"""Between places so far apart light is linear."""

_FEW_BLOCKS, _LEAST_BLOCK_PX = 5, 24
"""A small plane has so many blocks along an axis, if they are not smaller than this."""

_LEAST_SPREAD = 0.003
"""Blocks that differ from the polynomial by this share of the light agree with it."""

_STRIPS = 16
"""Rows of blocks from which noise and contrast are measured: enough, and the time of a third."""

_LEAST_SIGMA = 12.0
"""Contrast is never stretched so far that noise (one standard deviation) exceeds 1 / 12."""


@dataclass(frozen=True, slots=True)
class PlaneContrast:
    """What a levelled plane is made of: noise, and what stands out of it."""

    noise: float  # standard deviation of a pixel, beside the light
    cells: float  # root mean square of pixels that differ from the light by `CELL_SIGMA` noises
    share: float  # of these pixels
    n_pixels: int
    n_not_finite: int
    least: float  # of the plane as it was read
    most: float

    @property
    def unit(self) -> float:
        """The contrast that becomes 0.5 above or below the background."""
        return max(2 * self.cells, _LEAST_SIGMA * self.noise, 1e-6)

    @property
    def shows_nothing(self) -> bool:
        """True where hardly a pixel stands out of the noise."""
        return self.share < LEAST_SHARE

    @property
    def statistics(self) -> PlaneStatistics:
        """What `normalise` needs: background becomes 0.5, cells reach about 0.25 and 0.75."""
        return PlaneStatistics(
            -self.unit, self.unit, self.least, self.most, self.n_pixels, self.n_not_finite
        )


class LevelledPlane:
    """A plane whose blocks are read as contrast: ``(value - light) / light``, float32.

    A pixel's value depends on the plane and on its place alone, never on the block it is read in.

    Parameters
    ----------
    pixels : Pixels
        The plane (Y, X). What is not finite counts as light.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self.shape = pixels.shape

    def __getitem__(self, window: tuple[slice, ...], /) -> NDArray[np.float32]:
        """Return a block, by slices for rows and columns."""
        rows, columns = (np.arange(*s.indices(n)) for s, n in zip(window, self.shape, strict=True))
        values = np.asarray(self._pixels[window], np.float32)
        light = self._light.at(rows, columns)
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            values = values / light - np.float32(1)
        return np.nan_to_num(values, copy=False, nan=0.0, posinf=0.0, neginf=0.0)

    @cached_property
    def _light(self) -> _Light:
        return _fit_light(np.stack([_block_medians(strip) for strip in self._strips()]), self.shape)

    def _strips(self) -> Iterator[NDArray[Any]]:
        """Yield the plane in rows of blocks."""
        height, width = self.shape
        for first, stop in pairwise(_edges(height)):
            yield self._pixels[slice(first, stop), slice(0, width)]

    @cached_property
    def contrast(self) -> PlaneContrast:
        """Noise and contrast of the plane, from `_STRIPS` strips that its height alone decides."""
        height, width = self.shape
        windows = self._samples()
        noise = float(np.median([_noise(self[w]) for w in windows]))
        limit, n, size, squares = CELL_SIGMA * noise, 0, 0, 0.0
        for window in windows:
            block = self[window]
            out = np.abs(block[np.abs(block) > limit])
            n, size = n + out.size, size + block.size
            squares += float(np.square(out, dtype=np.float64).sum())
        least, most, bad = self._range
        share = n / size if most > least else 0.0
        return PlaneContrast(
            noise=noise,
            cells=(squares / n) ** 0.5 if n and share >= LEAST_SHARE else 0.0,
            share=share,
            n_pixels=height * width,
            n_not_finite=bad,
            least=least,
            most=most,
        )

    @cached_property
    def sharpness(self) -> float:
        """How fast values change from pixel to pixel, beside how far they reach; NaN of nothing.

        Of what stands out of the noise, whose own share is taken off, so that neither exposure nor
        the number of cells decides it. A frame out of focus has less than half of what is usual.
        """
        contrast, changes, squares = self.contrast, 0.0, 0.0
        if contrast.shows_nothing:
            return float("nan")
        for window in self._samples():
            block = self[window]
            inner = block[1:-1, 1:-1]
            out = np.abs(inner) > CELL_SIGMA * contrast.noise
            for ahead, behind in (
                (block[1:-1, 2:], block[1:-1, :-2]),
                (block[2:, 1:-1], block[:-2, 1:-1]),
            ):
                slope = (ahead - behind)[out] / 2
                changes += float(np.square(slope, dtype=np.float64).sum())
                changes -= contrast.noise**2 / 2 * slope.size
            squares += float(np.square(inner[out], dtype=np.float64).sum())
        return float((max(changes, 0.0) / squares) ** 0.5) if squares else float("nan")

    def _samples(self) -> list[tuple[slice, slice]]:
        """Return the strips from which noise, contrast and sharpness are measured."""
        height, width = self.shape
        edges = _edges(height)
        n = len(edges) - 1
        chosen = np.linspace(0, n - 1, min(n, _STRIPS)).round().astype(int).tolist()
        return [(slice(edges[i], edges[i + 1]), slice(0, width)) for i in chosen]

    @cached_property
    def _range(self) -> tuple[float, float, int]:
        """Least and greatest finite value as read, and how many are not finite."""
        bad, least, most = 0, np.inf, -np.inf
        for strip in self._strips():
            if strip.dtype.kind == "f":
                finite = np.isfinite(strip)
                bad += strip.size - int(finite.sum())
                strip = strip[finite]
            if strip.size:
                least, most = min(least, float(strip.min())), max(most, float(strip.max()))
        return (least, most, bad) if least <= most else (0.0, 0.0, bad)


@dataclass(frozen=True, slots=True)
class _Light:
    """Light at nodes every `_NODE_PX` pixels, and linearly between them.

    It is made of a polynomial over the plane and of what that leaves over; both change so slowly
    that nodes lose nothing.
    """

    nodes: NDArray[np.float32]  # (down, across); node k lies at pixel k * `_NODE_PX`

    def at(self, rows: IntArray, columns: IntArray) -> NDArray[np.float32]:
        """Return the light at pixels; each by itself, so that no block changes another."""
        return _between(_between(self.nodes, rows, axis=0), columns, axis=1)


def _nodes(
    coefficients: FloatArray, rest: FloatArray, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the light at all nodes of a plane.

    Parameters
    ----------
    coefficients : ndarray of float, shape (i, j)
        Of ``y**i * x**j``, both from -1 to 1 over the plane.
    rest : ndarray of float, shape (blocks down, blocks across)
        What the polynomial leaves over, as a factor.
    shape : tuple of int
    """
    places = [np.arange(0, n - 1 + _NODE_PX, _NODE_PX) for n in shape]
    y, x = (_unit(p, n) for p, n in zip(places, shape, strict=True))
    light = np.polynomial.polynomial.polygrid2d(y, x, coefficients)
    middles = [_middles(n) for n in shape]
    along = np.stack([np.interp(places[1], middles[1], row) for row in rest])
    both = np.stack([np.interp(places[0], middles[0], column) for column in along.T], axis=1)
    out = light * both
    return np.where(out > 0, out, 1.0).astype(np.float32)


def _fit_light(medians: FloatArray, shape: tuple[int, ...]) -> _Light:
    """Fit light to the medians of blocks; those that cells fill weigh less."""
    known = np.isfinite(medians)
    degree = _DEGREE if min(medians.shape) >= _MANY_BLOCKS else 2
    orders = [min(degree, n - 1) for n in medians.shape]
    coefficients = np.zeros((orders[0] + 1, orders[1] + 1))
    if not known.any():
        coefficients[0, 0] = 1.0
        return _Light(_nodes(coefficients, np.ones(medians.shape), shape))
    medians = np.where(known, medians, np.median(medians[known]))
    middles = [_middles(n) for n in shape]
    y, x = (_unit(m, n) for m, n in zip(middles, shape, strict=True))
    terms = [(i, j) for i in range(orders[0] + 1) for j in range(orders[1] + 1) if i + j <= degree]
    design = np.stack([np.outer(y**i, x**j).ravel() for i, j in terms], axis=1)
    values, weight = medians.ravel(), known.ravel().astype(np.float64)
    usual = float(np.median(np.abs(values)))
    for _ in range(_ROUNDS):
        root = np.sqrt(weight)
        found, *_ = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)
        away = np.abs(values - design @ found)
        spread = max(float(np.median(away)) / 0.6745, _LEAST_SPREAD * usual, 1e-12)
        weight = known.ravel() / np.maximum(1.0, away / (1.5 * spread))
    for (i, j), value in zip(terms, found.tolist(), strict=True):
        coefficients[i, j] = value
    fitted = (design @ found).reshape(medians.shape)
    if not (fitted > 0).all():
        coefficients[:] = 0.0
        coefficients[0, 0] = max(float(np.median(medians)), 1e-12)
        fitted = np.full(medians.shape, coefficients[0, 0])
    rest = smooth(_median_of_nine(medians / fitted), sigma=1.0)
    return _Light(_nodes(coefficients, rest, shape))


def _median_of_nine(values: FloatArray) -> FloatArray:
    """Return the median of each value and its eight neighbours; edges are repeated."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(values, 1, mode="edge"), (3, 3))
    return np.asarray(np.median(around, axis=(2, 3)))


def _unit(index: Any, length: int) -> FloatArray:
    """Return places along an axis as numbers from -1 to 1."""
    return np.asarray(2 * (np.asarray(index, np.float64) + 0.5) / length - 1)


def _middles(length: int) -> FloatArray:
    edges = np.array(_edges(length))
    return np.asarray((edges[:-1] + edges[1:] - 1) / 2)


def _edges(length: int) -> list[int]:
    """Return the edges of the blocks along an axis: of about `BLOCK_PX`, smaller if few."""
    n = max(1, round(length / BLOCK_PX), min(_FEW_BLOCKS, length // _LEAST_BLOCK_PX))
    return [round(i * length / n) for i in range(n + 1)]


def _block_medians(strip: NDArray[Any]) -> FloatArray:
    """Return the median of each block of a strip, of some rows and columns; NaN of none."""
    step = _SAMPLED if strip.shape[0] >= BLOCK_PX // 2 else 1
    values = strip[::step]
    found = []
    for first, stop in pairwise(_edges(strip.shape[1])):
        block = values[:, first:stop:step]
        if block.dtype.kind == "f":
            block = block[np.isfinite(block)]
        found.append(_median(block.ravel()) if block.size else np.nan)
    return np.array(found)


def _median(values: NDArray[Any]) -> float:
    """Return what `numpy.median` does, in a third of its time for a few hundred values."""
    middle = len(values) // 2
    if len(values) % 2:
        return float(np.partition(values, middle)[middle])
    low, high = np.partition(values, (middle - 1, middle))[middle - 1 : middle + 1].tolist()
    return float((low + high) / 2)


def _noise(block: NDArray[np.float32]) -> float:
    """Return the standard deviation of pixel noise: from second differences, which cells lack."""
    if min(block.shape) < 2:
        return 0.0
    d = block[1:, 1:] - block[1:, :-1] - block[:-1, 1:] + block[:-1, :-1]
    return float(np.median(np.abs(d))) / 0.6745 / 2


def _between(light: NDArray[np.float32], index: IntArray, *, axis: int) -> NDArray[np.float32]:
    """Return the light at pixels along an axis, linear between nodes."""
    low = np.minimum(index // _NODE_PX, max(0, light.shape[axis] - 2))
    share = ((index - low * _NODE_PX) / _NODE_PX).astype(np.float32)
    shape = [1, 1]
    shape[axis] = len(index)
    before = np.take(light, low, axis=axis)
    if light.shape[axis] == 1:
        return before
    step = np.take(np.diff(light, axis=axis), low, axis=axis)
    step *= share.reshape(shape)
    before += step
    return before
