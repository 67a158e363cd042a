"""How two fields lie to each other, from what both of them show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft
from scipy.ndimage import gaussian_filter, uniform_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray

_FINE_PX, _COARSE_PX = 1.0, 25
_LEAST_SHARE = 0.15
"""Of the overlap that the stage promises; less than this is not searched."""
_LEAST_SIDE_PX = 4  # of an overlap, as a square; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMatch:
    """The best place of one field against another.

    ``shift`` (dy, dx) leads from the origin of the first to that of the second, in px;
    ``quality`` is the correlation of what both show there (1: the same); ``strength`` is quality
    times the root of the pixels it rests on, which a chance match of few pixels cannot reach.
    """

    shift: FloatArray  # (2,)
    quality: float
    strength: float


NO_MATCH = FieldMatch(shift=np.full(2, np.nan), quality=0.0, strength=0.0)


def show_detail(field: NDArray[Any]) -> FloatArray:
    """Keep what is larger than noise and smaller than uneven light: cells and their parts."""
    smooth = gaussian_filter(field.astype(np.float32), _FINE_PX, mode="nearest")
    return np.asarray(smooth - uniform_filter(smooth, _COARSE_PX, mode="nearest"))


def match_overlap(
    first: FloatArray, second: FloatArray, prior: FloatArray, *, search_px: float
) -> FieldMatch:
    """Find the shift at which two fields show the same where they overlap.

    The correlation coefficient of the overlap is exact for every whole shift in reach: its
    products come from one Fourier transform of each strip, its means and variances from running
    sums. Coefficients at different shifts rest on different numbers of pixels, so the best one
    is that with the greatest strength. A parabola through its neighbours gives parts of a pixel.

    ``first``, ``second`` (Y, X): fields as `show_detail` leaves them; of one shape; ``prior`` (2,):
    shift (dy, dx) from the first to the second as the stage has it, px; ``search_px``: how far from
    ``prior`` the answer may lie along each axis.

    The result: `NO_MATCH` where nothing varies, or no shift leaves an overlap.

    References
    ----------
    Lewis JP (1995). Fast normalized cross-correlation. Vision Interface 120-123.
    """
    near, reach = np.rint(prior).astype(int), int(np.ceil(search_px))
    a, b, least, greatest = _strips(first, second, near, reach)
    if 0 in a.shape or 0 in b.shape:
        return NO_MATCH
    promised = np.prod(np.maximum(np.array(first.shape) - np.abs(near), 1))
    score, size = _correlations(a, b, least, greatest)
    possible = (size >= max(_LEAST_SHARE * promised, _LEAST_SIDE_PX**2)) & np.isfinite(score)
    if not possible.any():
        return NO_MATCH
    strength = np.where(possible, score * np.sqrt(np.maximum(size, 0)), -np.inf)
    best = np.unravel_index(int(np.argmax(strength)), strength.shape)
    if not strength[best] > 0:
        return NO_MATCH
    whole = near - reach + np.array(best)
    return FieldMatch(
        shift=whole + _within_pixel(np.where(possible, score, np.nan), best),
        quality=float(min(score[best], 1.0)),
        strength=float(strength[best]),
    )


def _strips(
    first: FloatArray, second: FloatArray, near: NDArray[Any], reach: int
) -> tuple[FloatArray, FloatArray, list[int], list[int]]:
    """Cut what can overlap at all; return the strips and, per axis, their least, greatest shift."""
    cut_a, cut_b, least, greatest = [], [], [], []
    for n, d in zip(first.shape, near.tolist(), strict=True):
        from_a, from_b = max(0, d - reach), max(0, -d - reach)
        cut_a.append(slice(from_a, max(from_a, min(n, n + d + reach))))
        cut_b.append(slice(from_b, max(from_b, min(n, n - d + reach))))
        least.append(d - reach - from_a + from_b)
        greatest.append(d + reach - from_a + from_b)
    return first[tuple(cut_a)], second[tuple(cut_b)], least, greatest


def _correlations(
    a: FloatArray, b: FloatArray, least: list[int], greatest: list[int]
) -> tuple[FloatArray, FloatArray]:
    """Return the correlation coefficient and the pixels of the overlap for each whole shift."""
    a, b = a - a.mean(), b - b.mean()
    sizes = [
        fft.next_fast_len(max(high + m, n - low), real=True)  # no wanted shift wraps around
        for n, m, low, high in zip(a.shape, b.shape, least, greatest, strict=True)
    ]
    shape = (sizes[0], sizes[1])
    crossed = fft.irfft2(fft.rfft2(a, shape) * np.conj(fft.rfft2(b, shape)), shape)
    shifts = [np.arange(low, high + 1) for low, high in zip(least, greatest, strict=True)]
    product = crossed[np.ix_(shifts[0] % shape[0], shifts[1] % shape[1])]
    in_a = [(np.clip(s, 0, n), np.clip(s + m, 0, n)) for s, n, m in _sides(shifts, a, b)]
    in_b = [(np.clip(-s, 0, m), np.clip(n - s, 0, m)) for s, n, m in _sides(shifts, a, b)]
    size = np.multiply.outer(*[np.maximum(last - first, 0) for first, last in in_a])
    n = np.maximum(size, 1).astype(np.float64)
    sum_a, sum_b = _box_sums(a, in_a), _box_sums(b, in_b)
    spread_a = _box_sums(a * a, in_a) - sum_a**2 / n
    spread_b = _box_sums(b * b, in_b) - sum_b**2 / n
    both = spread_a * spread_b
    tiny = 1e-9 * float(np.square(a, dtype=np.float64).sum() * np.square(b).sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        score = (product - sum_a * sum_b / n) / np.sqrt(both)
    return np.where((both > tiny) & (size > 0), score, np.nan), size.astype(np.float64)


def _sides(
    shifts: list[NDArray[Any]], a: FloatArray, b: FloatArray
) -> list[tuple[NDArray[Any], int, int]]:
    return list(zip(shifts, a.shape, b.shape, strict=True))


def _box_sums(values: FloatArray, box: list[tuple[NDArray[Any], NDArray[Any]]]) -> FloatArray:
    """Sum rectangles by the running sums of the whole; rows and columns given by their ends."""
    total = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(np.cumsum(values, axis=0, dtype=np.float64), axis=1, out=total[1:, 1:])
    (top, bottom), (left, right) = box
    bottom, right = np.maximum(bottom, top), np.maximum(right, left)
    rows = total[bottom] - total[top]
    return np.asarray(rows[:, right] - rows[:, left])


def _within_pixel(score: FloatArray, best: tuple[Any, ...]) -> FloatArray:
    """Return the top of a parabola through the best place and its neighbours along each axis."""
    part = np.zeros(2)
    for axis in range(2):
        line = np.take(score, best[1 - axis], axis=1 - axis)
        i = int(best[axis])
        if 0 < i < len(line) - 1:
            before, here, after = line[i - 1 : i + 2]
            bend = before - 2 * here + after
            if np.isfinite(bend) and bend < 0:
                part[axis] = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return part
