"""What differs from plate to plate: its look, where its stage goes, and its camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage as ndi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base.types import FloatArray
    from fatescope.simulate.plate.design import PlateDesign
    from fatescope.simulate.plate.settings import PlateSettings

_FACTORS = {
    # setting: smallest and largest factor at full variation
    "diameter_px": (0.85, 1.2),
    "focus": (0.6, 1.6),
    "light_electrons": (0.4, 2.0),
    "stain_electrons": (0.5, 2.2),
    "stain_background": (0.5, 2.5),
    "vignette": (0.65, 1.35),
    "read_noise": (0.7, 1.7),
    "bleed": (0.5, 1.5),
    "debris": (0.2, 2.5),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateLook:
    """What no setting names, and what differs from plate to plate."""

    settings: PlateSettings  # varied
    texture: float  # strength of granules in living cells
    grain: float  # strength of granules in dead cells
    height_left: float  # share of the optical height that a dead cell keeps
    halo_px: float  # width of the halo
    nucleus: float  # diameter of a nucleus, as a share of the cell
    polarity: float  # 1: cells bright within a dark ring; -1: the reverse
    seed: int


def vary_plate(settings: PlateSettings, *, seed: int) -> PlateLook:
    """Return the look of one plate; ``settings.vary`` says how far it may be from the settings."""
    rng = np.random.default_rng([seed, 41])
    vary = settings.vary

    def drawn(middle: float, low: float, high: float) -> float:
        return float(middle * np.exp(vary * rng.uniform(np.log(low), np.log(high))))

    changes = {n: drawn(getattr(settings, n), *limits) for n, limits in _FACTORS.items()}
    changes["vignette"] = min(changes["vignette"], 0.9)
    changes["diameter_px"] = min(max(changes["diameter_px"], 8.0), 120.0)
    return PlateLook(
        settings=settings.replace(**changes),
        texture=drawn(0.10, 0.5, 1.8),
        grain=drawn(0.30, 0.7, 1.5),
        height_left=drawn(0.32, 0.75, 1.35),
        halo_px=drawn(2.4, 0.8, 1.35),
        nucleus=drawn(0.46, 0.88, 1.14),
        polarity=1.0,
        seed=seed,
    )


MARGIN_PX = 16.0
"""Cells live so far inside the area that fields see, so that none leaves it by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlaces:
    """Places of the ``n`` fields of a well, row by row, in px of the well."""

    nominal: FloatArray  # (n, 2) where the stage was told to go
    placed: FloatArray  # (n, 2) where it went
    drift: FloatArray  # (frames, 2) how cells have moved in the image since the first frame


def place_stage(settings: PlateSettings, design: PlateDesign, *, seed: int) -> StagePlaces:
    """Draw the places of the fields of one well: jitter, backlash, drift."""
    rng = np.random.default_rng([seed, 42])
    rows, columns = np.divmod(np.arange(design.fields), design.field_columns)
    size = np.array([settings.height, settings.width])
    nominal = np.column_stack([rows, columns]) * size * (1 - settings.overlap)
    jitter = rng.normal(0, settings.jitter_px, nominal.shape)
    jitter[:, 1] += settings.backlash_px * (rows % 2)
    steps = rng.normal(0, settings.drift_px, (design.frames, 2))
    steps[0] = 0
    return StagePlaces(nominal=nominal, placed=nominal + jitter, drift=np.cumsum(steps, axis=0))


_BLURRED_PX, _DARK, _SATURATED = 7.0, 0.12, 14.0
"""What faults do: blur, part of the light that is left, times as much; not measured."""


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

        ``light`` (Y, X): of bright field about 1; of a stain in electrons; ``fault``: ``black``,
        ``dark``, ``saturated``, ``blurred`` or empty; ``rng``: for photons and read noise.
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
        return np.asarray(np.clip(np.rint(counts), 0, 65_535), dtype=np.uint16)
