"""Thresholds of stained images, as published and mended; limits between live and dead nuclei."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy import ndimage as ndi

from fatescope.base import InputError
from fatescope.numeric.histogram import Bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray

_MAD = 1.4826
_FEWEST = 5
_APART = 4.0
"""Two populations are told apart if their medians differ by such a factor."""
_LEAST_DEAD = 8.0
"""Dead nuclei shine by so many standard deviations of the living more, at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Brightness below which a nucleus lives, and from which it is dead; between: uncertain."""

    low: float
    high: float
    source: Literal["given", "controls", "two populations", "one population", "threshold"]


def block_maxima(image: NDArray[Any], *, block_px: int) -> FloatArray:
    """Return the highest value of each whole block of ``block_px`` x ``block_px``, flat.

    An image smaller than a block is one block.
    """
    height, width = image.shape
    side_y, side_x = min(block_px, height), min(block_px, width)
    rows, columns = height // side_y, width // side_x
    cut = image[: rows * side_y, : columns * side_x]
    return np.asarray(cut.reshape(rows, side_y, columns, side_x).max(axis=(1, 3)).ravel())


def published_threshold(image: NDArray[Any], *, block_px: int, factor: float) -> float:
    """Return the published threshold: the most frequent block maximum, times the factor.

    Grey value 0 is passed over. The factor acts on the absolute value, so on the offset of the
    camera as well, and the most frequent value of a few thousand among 65,536 is mostly chance;
    both are as published.

    Examples
    --------
    >>> image = np.full((4, 6), 100); image[0, 0] = 900
    >>> published_threshold(image, block_px=2, factor=1.2)
    120.0
    """
    maxima = np.rint(block_maxima(image, block_px=block_px)).astype(np.int64)
    counts = np.bincount(maxima[maxima > 0], minlength=2)
    return float(np.argmax(counts) * factor)


def block_threshold(
    image: NDArray[Any], *, block_px: int, factor: float, offset_counts: float | None
) -> float:
    """Return the same threshold with offset and noise handled.

    The peak is that of a smooth density of the maxima; the factor acts on what lies above the
    offset; and the threshold is three standard deviations of the maxima of empty blocks (those
    below the peak tell it) above the peak, at least.
    """
    maxima = block_maxima(image.astype(np.float64), block_px=block_px)
    offset = float(image.min()) if offset_counts is None else offset_counts
    peak = _smooth_peak(maxima)
    below = maxima[maxima <= peak]
    spread = _MAD * float(np.median(peak - below)) if len(below) > 2 else 0.0
    return max(offset + factor * (peak - offset), peak + 3 * spread)


def _smooth_peak(values: FloatArray) -> float:
    """Return the mode of a few values: the middle of the densest half, again and again."""
    found = np.sort(values)
    while len(found) > 3:
        half = (len(found) + 1) // 2
        width = found[half - 1 :] - found[: len(found) - half + 1]
        i = int(np.argmin(width))
        found = found[i : i + half]
    return float(found.mean())


def local_background(image: NDArray[Any], *, step_px: int) -> FloatArray:
    """Return the light between nuclei, shape (Y, X): a low share of blocks, smoothed.

    ``image`` (Y, X); ``step_px``: side of a block: several nuclei.
    """
    height, width = image.shape
    rows, columns = max(1, round(height / step_px)), max(1, round(width / step_px))
    edges = [np.linspace(0, n, k + 1).astype(int) for n, k in ((height, rows), (width, columns))]
    coarse = np.array(
        [
            [np.percentile(image[a:b:2, c:d:2], 30) for c, d in zip(edges[1], edges[1][1:])]  # noqa: B905
            for a, b in zip(edges[0], edges[0][1:])  # noqa: B905
        ]
    )
    coarse = ndi.median_filter(coarse, 3, mode="nearest")
    at = [(np.arange(n) + 0.5) * k / n - 0.5 for n, k in ((height, rows), (width, columns))]
    grid = np.meshgrid(*at, indexing="ij")
    return np.asarray(ndi.map_coordinates(coarse, grid, order=1, mode="nearest"), dtype=np.float32)


def noise_of(image: NDArray[Any]) -> float:
    """Return the standard deviation of the noise of a pixel where the image is dark and even."""
    a = image[:, 1:].astype(np.float32) - image[:, :-1]
    dark = image[:, 1:] <= np.median(image)
    return max(float(_MAD * np.median(np.abs(a[dark])) / np.sqrt(2)), 1e-3) if dark.any() else 1e-3


def find_limits(
    brightness: FloatArray,
    *,
    floor: float,
    negative: FloatArray | None = None,
    positive: FloatArray | None = None,
) -> Limits:
    """Return the limits between living and dead nuclei.

    Parameters
    ----------
    brightness : ndarray, shape (n,)
        Of all nuclei of a plate in the channel of the dead, over what is around them.
    floor : float
        What noise alone reaches.
    negative, positive : ndarray, optional
        Of nuclei in control wells. Limits are then the 99th percentile of the living and the first
        of the dead.

    Notes
    -----
    Without controls: Otsu's threshold of the logarithm, if it leaves two populations whose medians
    differ fourfold. The lower limit is then six standard deviations (by the median) above the
    living, the upper the geometric mean of it and the dead. With one population, all of it is taken
    as living: that nothing shines more than the rest cannot tell a dead plate from a living one.
    """
    known = brightness[np.isfinite(brightness)]
    if (
        negative is not None
        and positive is not None
        and min(len(negative), len(positive)) >= _FEWEST
    ):
        ends = float(np.percentile(negative, 99)), float(np.percentile(positive, 1))
        return Limits(low=max(min(ends), floor), high=max(*ends, floor), source="controls")
    if not len(known):
        return Limits(low=floor, high=2 * floor, source="one population")
    logs = np.log10(np.maximum(known, floor))
    live, dead = known, known[:0]
    if np.ptp(logs) > 0:
        bins = Bins(float(logs.min()), float(logs.max()), 128)
        divide = 10 ** bins.otsu(bins.count(logs))
        live, dead = known[known < divide], known[known >= divide]
    middle, spread = _robust(live)
    low = max(middle + 6 * spread, floor)
    apart = len(dead) and float(np.median(dead)) > _APART * max(middle, floor)
    if not apart or float(np.median(dead)) < middle + _LEAST_DEAD * spread:
        middle, spread = _robust(known)
        low = max(middle + 6 * spread, 2 * floor)
        return Limits(low=low, high=2 * low, source="one population")
    top = float(np.median(dead))
    low = min(low, 0.5 * top)
    return Limits(low=low, high=float(np.sqrt(low * top)), source="two populations")


def _robust(values: FloatArray) -> tuple[float, float]:
    if not len(values):
        return 0.0, 0.0
    middle = float(np.median(values))
    return middle, float(_MAD * np.median(np.abs(values - middle)))


def check_limits(low: float | None, high: float | None) -> Limits | None:
    """Return the limits that the user gave, or ``None``.

    Raises
    ------
    InputError
        If only one is given, or they are the wrong way round.
    """
    if low is None and high is None:
        return None
    if low is None or high is None or low > high:
        raise InputError(
            f"--low-counts {low} and --high-counts {high}: give both, the low one first."
        )
    return Limits(low=low, high=high, source="given")
