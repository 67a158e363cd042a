"""How the look of a rendered embryo differs from the next: each amount times a random factor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.simulate.embryo.settings import MovieSettings, VolumeSettings

_VARIED = {
    # setting: smallest and largest factor at full variation
    "blur_um": (0.75, 1.35),
    "blur_z_um": (0.75, 1.35),
    "attenuation": (0.2, 2.0),
    "photons": (0.45, 2.2),
    "nuclear_texture": (0.3, 1.8),
    "brightness_spread": (0.5, 1.8),
    "haze": (0.3, 2.0),
    "dark": (0.3, 2.0),
    "wall_blur_um": (0.8, 1.3),
    "wall_blur_z_um": (0.8, 1.3),
    "wall_haze": (0.4, 1.6),
    "grain": (0.5, 1.6),
    "bend_um": (0.5, 1.4),
    "outer_wall": (0.6, 1.25),
}

_VARIED_IN_MOVIES = {
    "blur_um": (0.7, 1.5),
    "blur_z_um": (0.75, 1.35),
    "attenuation": (0.3, 2.0),
    "shade": (0.2, 1.6),
    "brightness": (0.7, 1.3),
    "early": (0.5, 1.6),
    "brightness_spread": (0.6, 1.6),
    "photons": (0.4, 2.5),
    "nuclear_texture": (0.3, 2.0),
    "haze": (0.2, 4.0),
    "dark": (0.2, 4.0),
    "bleaching": (0.1, 2.4),
    "speckle": (0.2, 2.0),
}


def vary_volume(settings: VolumeSettings, *, seed: int) -> VolumeSettings:
    """Return the look of one embryo, drawn at random around the given one.

    ``settings.vary`` says how far factors may be from 1; the same seed gives the same look.
    """
    return settings.replace(**_factors(settings, _VARIED, seed=seed))


def vary_movie(settings: MovieSettings, *, seed: int) -> MovieSettings:
    """Return the look of one movie, drawn at random around the given one; see `vary_volume`."""
    return settings.replace(**_factors(settings, _VARIED_IN_MOVIES, seed=seed))


def _factors(
    settings: VolumeSettings | MovieSettings,
    varied: Mapping[str, tuple[float, float]],
    *,
    seed: int,
) -> dict[str, float]:
    rng = np.random.default_rng([seed, 21])
    return {
        name: getattr(settings, name)
        * float(np.exp(settings.vary * rng.uniform(np.log(low), np.log(high))))
        for name, (low, high) in varied.items()
    }
