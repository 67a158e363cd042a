"""How a plate looks: drawn around the settings, the same for all of its wells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
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
    return PlateLook(
        settings=settings.replace(**_within(changes)),
        texture=drawn(0.10, 0.5, 1.8),
        grain=drawn(0.30, 0.7, 1.5),
        height_left=drawn(0.32, 0.75, 1.35),
        halo_px=drawn(2.4, 0.8, 1.35),
        nucleus=drawn(0.46, 0.88, 1.14),
        polarity=1.0,
        seed=seed,
    )


def _within(changes: dict[str, float]) -> dict[str, float]:
    return {**changes, "diameter_px": min(max(changes["diameter_px"], 8.0), 120.0)}
