"""From light to counts: uneven light, photons, read noise, offset; and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.simulate.plate.settings import PlateSettings

_BLURRED_PX = 7.0
_DARK, _SATURATED = 0.12, 14.0
_MOST = 65_535


class FieldCamera:
    """The camera of one plate; its light falls off in the same corners of all fields."""

    def __init__(self, settings: PlateSettings, *, seed: int) -> None:
        self._settings = settings
        rng = np.random.default_rng([seed, 49])
        y, x = (np.linspace(-1, 1, n, dtype=np.float32) for n in (settings.height, settings.width))
        self._lamp = {
            is_bright: self._falling(y, x, rng.uniform(-0.25, 0.25, 2))
            for is_bright in (True, False)
        }

    def _falling(self, y: FloatArray, x: FloatArray, centre: FloatArray) -> FloatArray:
        far = ((y - centre[0]) ** 2)[:, None] + ((x - centre[1]) ** 2)[None]
        return np.asarray(1 - self._settings.vignette * far / float(far.max()), dtype=np.float32)

    def expose(
        self, light: FloatArray, is_bright_field: bool, fault: str, rng: np.random.Generator
    ) -> NDArray[np.uint16]:
        """Return counts, shape (Y, X).

        Parameters
        ----------
        light : ndarray of float, shape (Y, X)
            Of bright field about 1; of a stain in electrons.
        is_bright_field : bool
        fault : str
            ``black``, ``dark``, ``saturated``, ``blurred`` or empty.
        rng : numpy.random.Generator
            For photons and read noise.
        """
        settings = self._settings
        electrons = light * self._lamp[is_bright_field]
        if is_bright_field:
            electrons = electrons * settings.light_electrons
        if fault == "blurred":
            electrons = ndi.gaussian_filter(electrons, _BLURRED_PX, truncate=3)
        elif fault == "dark":
            electrons = electrons * _DARK
        elif fault == "saturated":
            electrons = electrons * _SATURATED * 5_000 / settings.light_electrons
        counts = rng.poisson(electrons) * settings.gain + settings.offset_counts
        noise = rng.standard_normal(light.shape, dtype=np.float32)
        counts += noise * np.float32(settings.read_noise)
        if fault == "black":
            counts[:] = 0
        return np.asarray(np.clip(np.rint(counts), 0, _MOST), dtype=np.uint16)
