"""Outlines of many cells at once: small squares of a field, one for each cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray

_REACH = 1.45
"""Half the side of a square, in radii of the longest cell: outlines wobble."""
_SIDE = 256  # px after which the texture repeats


@dataclass(frozen=True, slots=True)
class Outlines:
    """Squares of ``k`` px around ``n`` cells; ``s`` is below 1 inside an outline."""

    s: FloatArray  # (n, k, k)
    top: IntArray  # (n,) row of the upper left pixel
    left: IntArray  # (n,)

    def add(self, plane: FloatArray, values: FloatArray) -> None:
        """Add values (n, k, k) to a plane (Y, X); what lies outside is lost."""
        values = values.astype(plane.dtype, copy=False)
        for i, (there, here) in enumerate(self._cuts(plane.shape)):
            plane[there] += values[i][here]

    def paint(self, shape: tuple[int, int], numbers: IntArray) -> NDArray[np.int32]:
        """Return whose each pixel is: where outlines overlap, that of the nearer middle."""
        best = np.ones(shape, dtype=np.float32)
        labels = np.zeros(shape, dtype=np.int32)
        for i, (there, here) in enumerate(self._cuts(shape)):
            mine = self.s[i][here]
            nearer = mine < best[there]
            best[there][nearer] = mine[nearer]
            labels[there][nearer] = numbers[i]
        return labels

    def sample(self, texture: FloatArray, down: IntArray, across: IntArray) -> FloatArray:
        """Return a texture (n, k, k) that moves with each cell; where it begins is the cell's."""
        k = self.s.shape[-1]
        at = np.arange(k)
        rows = (down[:, None] + at) % _SIDE
        columns = (across[:, None] + at) % _SIDE
        return np.asarray(texture[rows[:, :, None], columns[:, None, :]])

    def _cuts(
        self, shape: tuple[int, ...]
    ) -> list[tuple[tuple[slice, slice], tuple[slice, slice]]]:
        k = self.s.shape[-1]
        cuts = []
        for y, x in zip(self.top.tolist(), self.left.tolist(), strict=True):
            y0, y1 = max(y, 0), max(min(y + k, shape[0]), 0)
            x0, x1 = max(x, 0), max(min(x + k, shape[1]), 0)
            y1, x1 = max(y0, y1), max(x0, x1)
            cuts.append(
                (
                    (slice(y0, y1), slice(x0, x1)),
                    (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)),
                )
            )
        return cuts


def draw_outlines(
    y: FloatArray,
    x: FloatArray,
    *,
    radius: FloatArray,
    aspect: FloatArray,
    angle: FloatArray,
    wobble: FloatArray,
) -> Outlines:
    """Return ellipses whose outlines wobble, at places that are parts of pixels.

    ``y``, ``x`` (n,): centres, px of the field; ``radius`` (n,): of the circle of equal area;
    ``aspect``, ``angle`` (n,); ``wobble`` (n, 4): amounts of cos 2a, sin 2a, cos 3a, sin 3a of the
    radius.
    """
    longest = float((radius * np.sqrt(aspect)).max(initial=1.0))
    half = int(np.ceil(_REACH * longest)) + 1
    top = np.floor(y).astype(np.int64) - half
    left = np.floor(x).astype(np.int64) - half
    at = np.arange(2 * half + 2, dtype=np.float32)
    dy = (at + (top - y)[:, None]).astype(np.float32)[:, :, None]
    dx = (at + (left - x)[:, None]).astype(np.float32)[:, None, :]
    cos, sin = (f(angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    stretch = np.sqrt(aspect)
    long, wide = (
        (1 / v).astype(np.float32)[:, None, None] for v in (radius * stretch, radius / stretch)
    )
    u = (dx * cos + dy * sin) * long
    v = (dy * cos - dx * sin) * wide
    uu, vv = u * u, v * v
    square = uu + vv
    square += 1e-6
    s = np.sqrt(square)
    w = wobble.astype(np.float32)[:, :, None, None]
    bent = (w[:, 0] * (uu - vv) + 2 * w[:, 1] * u * v) / square
    bent += (w[:, 2] * u * (uu - 3 * vv) + w[:, 3] * v * (3 * uu - vv)) / (square * s)
    s *= 1 - bent
    return Outlines(s=s, top=top, left=left)


@lru_cache(maxsize=2)
def grain_texture(seed: int) -> FloatArray:
    """Return a texture of granules that repeats, mean 0 and standard deviation 1, float32."""
    rng = np.random.default_rng([seed, 48])
    fine, coarse = (
        ndi.gaussian_filter(rng.normal(0, 1, (_SIDE, _SIDE)), s, mode="wrap") for s in (0.9, 2.2)
    )
    mixed = fine / fine.std() + coarse / coarse.std()
    return np.asarray((mixed - mixed.mean()) / mixed.std(), dtype=np.float32)
