"""Embryos that do not fit: another species, mutants, partial or distorted recordings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import IntArray
    from fatescope.lineage.atlas import Atlas
    from fatescope.lineage.naming.tracked import NamedTree

BRIGGSAE_RATIO = 1.42
"""Ea and Ep live at least so many times as long as AB16 cells in *C. elegans*."""
LEAST_FIT = -2.5
"""Score per track of a typical embryo: 3 to 8."""
MOST_RMS_UM = 5.0  # embryos differ by 2.1 after a linear map (record 0071); limit not measured
MOST_UNNAMED = 0.1  # share of rows; not measured
_SCOPE_CELLS = 350  # up to which names are measured (docs/lineage-naming.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitness:
    """How well an embryo fits the atlas.

    ``ratio`` is the life of Ea and Ep over that of AB16 cells (NaN where unseen), ``fit`` the
    score per track, ``rms_um`` the distance from the atlas, ``unnamed`` the share of rows that fit
    no name.
    """

    ratio: float
    fit: float
    rms_um: float
    unnamed: float

    @property
    def species(self) -> str:
        """The species by the ratio of lives, or an empty string."""
        if not np.isfinite(self.ratio):
            return ""
        return "C. briggsae" if self.ratio < BRIGGSAE_RATIO else "C. elegans"

    def reasons(self) -> list[str]:
        """Say in words why the embryo should not be trusted; nothing if it is typical."""
        found = []
        if self.species == "C. briggsae":
            found.append(f"E cells live {self.ratio:.2f} times as long as AB16 cells, not 1.5-1.9")
        if self.fit < LEAST_FIT:
            found.append(f"lives, divisions and places fit poorly (score {self.fit:.1f} per cell)")
        if self.rms_um > MOST_RMS_UM:
            found.append(
                f"nuclei lie {self.rms_um:.1f} µm from where they belong (limit {MOST_RMS_UM:g})"
            )
        if self.unnamed > MOST_UNNAMED:
            found.append(f"{self.unnamed:.0%} of the nuclei fit no name")
        return found


def fitness(atlas: Atlas, found: NamedTree, *, frame: IntArray) -> Fitness:
    """Measure how well a named tree fits, up to 350 cells."""
    chains, name = found.chains, found.named.name
    count = np.bincount(frame - frame.min())
    over = np.flatnonzero(count > _SCOPE_CELLS)
    last = int(frame.min() + (over[0] if len(over) else len(count)))
    inside = chains.first < last
    own = found.named.best[np.arange(len(chains)), np.maximum(name, 0)]
    roots = (chains.mother < 0) & inside
    fit = float(own[roots].sum() / max(inside.sum(), 1))
    rows = frame < last
    unnamed = float(np.mean(found.row_names()[rows] < 0)) if rows.any() else 1.0
    return Fitness(
        ratio=_life_ratio(atlas, found), fit=fit, rms_um=found.fit.rms_um, unnamed=unnamed
    )


def _life_ratio(atlas: Atlas, found: NamedTree) -> float:
    chains, name = found.chains, found.named.name
    whole = chains.born & chains.divides & (name >= 0)
    life = (chains.end - chains.first).astype(float)
    text = atlas.names[np.maximum(name, 0)]
    ab16 = [
        life[k] for k in np.flatnonzero(whole) if text[k].startswith("AB") and len(text[k]) == 6
    ]
    e2 = [life[k] for k in np.flatnonzero(whole) if text[k] in ("Ea", "Ep")]
    if not e2 or len(ab16) < 4:
        return float("nan")
    return float(np.median(e2) / np.median(ab16))
