"""From light to grey values: photons, read noise, eight bits, and what deconvolution leaves.

Drawing Poisson and normal numbers for eleven million voxels takes 0.6 seconds; looking noise up
takes a tenth of that: a table holds, for each of 256 levels of light (even in its square
root, so that steps are small beside the noise everywhere), 4096 quantiles of the grey value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi
from scipy import special

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray, IntArray

_LEVELS, _BITS = 256, 12  # of the table: of light, of the random number


class Detector:
    """A photon counter with read noise and eight bits.

    Parameters
    ----------
    photons : float
        Mean number per voxel where light is 1.
    gain : float
        Grey values where light is 1, above ``offset``.
    offset : float
        Grey value without light.
    read_noise : float
        Standard deviation without light, in photons.
    brightest : float
        Light above this is taken as this.
    """

    def __init__(
        self,
        *,
        photons: float,
        gain: float,
        offset: float,
        read_noise: float,
        brightest: float = 6.0,
    ) -> None:
        self._brightest = np.float32(brightest)
        self._scale = np.float32((_LEVELS - 1) / np.sqrt(brightest))
        light = (np.arange(_LEVELS) / (_LEVELS - 1)) ** 2 * brightest
        mean = light[:, None] * photons
        count = np.arange(int(mean.max() + 8 * np.sqrt(mean.max()) + 12))
        chance = np.exp(special.xlogy(count, mean) - mean - special.gammaln(count + 1))
        grey = (np.arange(256) + 0.5 - offset) * photons / gain  # upper edge, in photons
        below = special.ndtr((grey[None] - count[:, None]) / max(read_noise, 1e-6))
        upto = chance @ below
        upto[:, -1] = np.inf
        at = (np.arange(2**_BITS) + 0.5) / 2**_BITS
        table = np.stack([np.searchsorted(row, at) for row in upto])
        self._table = table.astype(np.uint8).ravel()

    def expose(self, light: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Return what is recorded: ``light`` is float32 and at least 0, of any shape."""
        random = np.frombuffer(rng.bytes(2 * light.size), dtype=np.uint16).reshape(light.shape)
        return self._look_up(light, random >> (16 - _BITS))

    def expose_brightest(
        self, light: FloatArray, planes: int, rng: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return the highest of so many recordings of the same light: noise in a projection."""
        share = (np.arange(2**16) + 0.5) / 2**16
        highest = (share ** (1 / planes) * 2**_BITS).astype(np.uint16)
        random = np.frombuffer(rng.bytes(2 * light.size), dtype=np.uint16).reshape(light.shape)
        return self._look_up(light, highest[random])

    def _look_up(self, light: FloatArray, quantile: IntArray) -> NDArray[np.uint8]:
        level = np.minimum(light, self._brightest)
        np.sqrt(level, out=level)
        level *= self._scale
        level += np.float32(0.5)
        at = level.astype(np.int32)
        at <<= _BITS
        at |= quantile
        return np.asarray(self._table[at])


def deconvolve_look(
    light: FloatArray,
    detector: Detector,
    *,
    floor: float,
    smooth_px: float,
    rngs: Sequence[np.random.Generator],
) -> NDArray[np.uint8]:
    """Return a volume as deconvolution leaves it: noise clumped into grains, the background 0.

    ``light`` (Z, Y, X); ``floor``: grey value that is taken away; ``smooth_px``: size of the grains
    (standard deviation); ``rngs``: one for each plane.
    """
    out = np.empty(light.shape, dtype=np.uint8)
    for plane, rng, into in zip(light, rngs, out, strict=True):
        seen = detector.expose(plane, rng).astype(np.float32)
        grains = ndi.gaussian_filter(seen, smooth_px, truncate=2.5)
        grains -= np.float32(floor)
        into[:] = np.clip(grains, 0, 255, out=grains)
    return out
