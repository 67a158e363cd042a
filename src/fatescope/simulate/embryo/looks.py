"""How the look of a rendered embryo differs from the next: each amount times a random factor."""

from __future__ import annotations

import numpy as np

from fatescope.simulate.embryo.settings import VolumeSettings

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


def vary_volume(settings: VolumeSettings, *, seed: int) -> VolumeSettings:
    """Return the look of one embryo, drawn at random around the given one.

    ``settings.vary`` says how far factors may be from 1; the same seed gives the same look.
    """
    rng = np.random.default_rng([seed, 21])
    changes = {
        name: getattr(settings, name)
        * float(np.exp(settings.vary * rng.uniform(np.log(low), np.log(high))))
        for name, (low, high) in _VARIED.items()
    }
    return settings.replace(**changes)
