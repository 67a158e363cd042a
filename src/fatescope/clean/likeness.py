"""How much two thumbnails are alike, as they lie and when one is moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import fft

if TYPE_CHECKING:
    from numpy.typing import NDArray


_LEAST_OVERLAP = 0.4
_TEAR_ROWS = 0.15
"""A tear lies at least this share of the rows away from the upper and the lower edge."""


@dataclass(frozen=True, slots=True)
class Tear:
    """A part of an image, above or below a row, that lies sideways of where it was."""

    row: int
    shift: int
    lower: bool
    unlike: float  # that remains once it is put back
    whole: float  # that remains if all lies there, not only the part


def likeness(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the correlation of two images (Y, X); 0 where one is even."""
    left, right = a - a.mean(), b - b.mean()
    size = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float((left * right).sum() / size) if size > 0 else 0.0


def best_shift(
    a: NDArray[np.float32], b: NDArray[np.float32], *, reach: int
) -> tuple[int, int, float]:
    """Find the shift that lays ``b`` over ``a``.

    Parameters
    ----------
    a, b : ndarray of float, shape (Y, X)
    reach : int
        Largest shift along each axis.

    Returns
    -------
    down, right : int
        ``a[y, x]`` is best seen at ``b[y + down, x + right]``.
    float
        Correlation of the parts that then lie on each other.

    References
    ----------
    Padfield D (2012). IEEE Trans. Image Process. 21:2706-2718: normalised correlation of overlaps
    by Fourier transforms.
    """
    a, b = a - a.mean(), b - b.mean()
    shape = [fft.next_fast_len(2 * n, real=True) for n in a.shape]
    ones = np.ones(a.shape, dtype=np.float32)
    (fa, fa2, fb, fb2, f1) = (fft.rfft2(p, shape) for p in (a, a * a, b, b * b, ones))

    def over(left: NDArray[np.complex64], right: NDArray[np.complex64]) -> NDArray[np.float32]:
        return np.asarray(fft.irfft2(np.conj(left) * right, shape))

    n = np.maximum(np.rint(over(f1, f1)), 1)
    sum_a, sum_b = over(fa, f1), over(f1, fb)
    spread_a = np.maximum(over(fa2, f1) - sum_a**2 / n, 0)
    spread_b = np.maximum(over(f1, fb2) - sum_b**2 / n, 0)
    size = np.sqrt(spread_a * spread_b)
    alike = (over(fa, fb) - sum_a * sum_b / n) / np.maximum(
        size, 1e-3 * max(float(size.max()), 1e-6)
    )
    alike[n < _LEAST_OVERLAP * a.size] = -1
    down, right = (np.minimum(np.arange(s), s - np.arange(s)) for s in shape)
    alike[(down[:, None] > reach) | (right[None] > reach)] = -1
    y, x = np.unravel_index(int(np.argmax(alike)), alike.shape)
    signed = [int(p) - (s if p > s // 2 else 0) for p, s in zip((y, x), shape, strict=True)]
    return signed[0], signed[1], float(alike[y, x])


def best_tear(a: NDArray[np.float32], b: NDArray[np.float32], *, least: float, reach: int) -> Tear:
    """Find the row and the shift to the side that turn ``a`` into ``b`` best.

    Parameters
    ----------
    a, b : ndarray of float, shape (Y, X)
    least, reach : float, int
        Smallest and largest shift.

    Returns
    -------
    Tear
        The unlikeness counts as in `likeness`: half the mean squared difference of images of
        mean 0 and variance 1.
    """
    left, right = a - a.mean(), b - b.mean()
    left, right = left / max(float(left.std()), 1e-6), right / max(float(right.std()), 1e-6)
    rows, columns = left.shape
    shifts = [k for k in range(-reach, reach + 1) if k == 0 or least <= abs(k) < columns]
    away = np.empty((rows, len(shifts)))
    for at, k in enumerate(shifts):
        here = left[:, max(-k, 0) : columns - max(k, 0)]
        there = right[:, max(k, 0) : columns - max(-k, 0)]
        away[:, at] = ((here - there) ** 2).mean(axis=1)
    above = np.vstack([np.zeros(len(shifts)), np.cumsum(away, axis=0)])
    below = above[-1] - above
    still = shifts.index(0)
    first, last = round(_TEAR_ROWS * rows), rows - round(_TEAR_ROWS * rows)
    lower = (above[:, [still]] + below)[first : last + 1]
    upper = (above + below[:, [still]])[first : last + 1]
    is_lower = bool(lower.min() <= upper.min())
    cost = lower if is_lower else upper
    row, at = (int(k) for k in np.unravel_index(int(np.argmin(cost)), cost.shape))
    return Tear(
        row=row + first,
        shift=shifts[at],
        lower=is_lower,
        unlike=float(cost[row, at]) / (2 * rows),
        whole=float(above[-1, at]) / (2 * rows),
    )
