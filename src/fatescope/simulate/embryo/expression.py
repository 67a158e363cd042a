"""How bright nuclei are: the marker that all have, and the reporter of one gene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import founder_of, is_cell_name

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.simulate.embryo.moments import Lives, Moment

_ZYGOTIC = (4.7, 6.6)
"""log2 of the number of cells between which the embryo's own expression of the marker begins."""
_OWN = {"AB": 1.0, "MS": 0.95, "E": 0.55, "C": 0.5, "D": 0.4, "P4": 0.35, "P3": 0.5, "P2": 0.8}
"""What founders' descendants then express, beside AB: measured in the EPIC movie of the data."""
_SETS = ("E", "MS", "D", "C", "ABa", "ABp", "ABpl", "ABar", "ABal", "ABpr", "MSa", "Ep", "Cp")
_RISE_MIN = 25.0


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
