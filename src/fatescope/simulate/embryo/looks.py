"""How rendered embryos differ: their looks by random factors, their nuclei by what they express."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import founder_of, is_cell_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fatescope.base.types import FloatArray
    from fatescope.simulate.embryo.moments import Lives, Moment
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
    "glow": (0.3, 1.7),
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


_ZYGOTIC = (5.1, 6.1)
"""log2 of the number of cells between which the embryo's own expression of the marker begins."""
_OWN = {"AB": 1.0, "MS": 0.95, "E": 0.55, "C": 0.5, "D": 0.4, "P4": 0.35, "P3": 0.5, "P2": 0.8}
"""What founders' descendants then express, beside AB: measured in the EPIC movie of the data."""
_SETS = ("E", "MS", "D", "C", "ABa", "ABp", "ABpl", "ABar", "ABal", "ABpr", "MSa", "Ep", "Cp")
_RISE_MIN = 25.0  # time constant of a reporter's rise; not measured


@dataclass(frozen=True, slots=True)
class Marker:
    """A histone marker: maternal and dim at first, brighter with the embryo's own expression.

    Parameters
    ----------
    early : float
        Brightness before the embryo's own expression, beside that of AB's descendants after it.
    own : ndarray of float, shape (lives,)
        Brightness of each life after it.
    """

    early: float
    own: FloatArray

    @classmethod
    def draw(cls, lives: Lives, *, early: float, spread: float, rng: np.random.Generator) -> Marker:
        """Draw the brightness of each life; founders differ, and from embryo to embryo."""
        factor = {f: v * float(np.exp(rng.normal(0, 0.2))) for f, v in _OWN.items()}
        founder = [founder_of(n) if is_cell_name(n) else "AB" for n in lives.name.tolist()]
        own = np.array([min(factor.get(f, 0.9), 1.3) for f in founder])
        return cls(early, own * np.exp(rng.normal(0, spread, len(own))))

    def at(self, moment: Moment) -> FloatArray:
        """Return the brightness of each nucleus of a moment."""
        low, high = _ZYGOTIC
        share = np.clip((np.log2(max(len(moment), 1)) - low) / (high - low), 0, 1)
        share = share * share * (3 - 2 * share)
        own = self.own[moment.cell]
        return np.asarray((1 - share) * self.early * own**0.3 + share * own)


@dataclass(frozen=True, slots=True)
class Reporter:
    """A gene that some lineages express from some moment on, in their nuclei.

    Parameters
    ----------
    level : ndarray of float, shape (lives,)
        What each life rises to; 0 where the gene is silent.
    begins : ndarray of float, shape (lives,)
        Frame in which its lineage begins.
    frames : float
        Of the rise.
    """

    level: FloatArray
    begins: FloatArray
    frames: float

    @classmethod
    def draw(cls, lives: Lives, *, rng: np.random.Generator) -> Reporter:
        """Draw up to three lineages, the onset and the level of each."""
        chosen = rng.choice(_SETS, int(rng.integers(1, 4)), replace=False)
        level = np.zeros(len(lives.rows))
        begins = np.full(len(lives.rows), np.inf)
        first, last = float(lives.first.min()), float(lives.last.max())
        for lineage in chosen.tolist():
            mine = np.array([n.startswith(lineage) for n in lives.name.tolist()])
            onset = first + rng.uniform(0.25, 0.75) * (last - first)
            level[mine] = rng.uniform(0.25, 1.6) * np.exp(rng.normal(0, 0.2, int(mine.sum())))
            begins[mine] = onset
        return cls(level, begins, _RISE_MIN / lives.interval_min)

    def at(self, moment: Moment) -> FloatArray:
        """Return the brightness of each nucleus of a moment: a slow rise, never a step."""
        age = np.maximum(moment.frame - self.begins[moment.cell], 0)
        return np.asarray(self.level[moment.cell] * (1 - np.exp(-age / self.frames)))
