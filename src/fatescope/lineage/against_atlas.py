"""Embryos against the atlas, cell by cell: for embryos that come without a control group.

The atlas is brought into the form of one embryo, so embryos are laid over it exactly as over any
other reference; its spreads take the place of the spread within a control group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import sister_of
from fatescope.lineage.atlas import at_phase
from fatescope.lineage.comparing import TraitResult, joined_contrast, on_cells, tangent_degrees
from fatescope.lineage.statistics import (
    GroupContrast,
    Moments,
    contrast_of_moments,
    false_discovery_rate,
    moments,
)
from fatescope.lineage.traits import SETTLED_MIN, EmbryoTraits

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

_FEWEST = 5
"""Embryos that must have shown a life or an axis for it to be compared."""


def atlas_embryo(atlas: Atlas) -> EmbryoTraits:
    """Return the mean embryo as traits: minutes of the atlas, places along LR, DV, AP in µm.

    In this order they are to z, y, x what AP, DV, LR is to x, y, z: no mirror image.
    """
    i = np.flatnonzero(atlas.known & (atlas.n_births >= _FEWEST))
    lives = atlas.n_lives[i] >= _FEWEST
    life = atlas.life_min[i]
    length = np.linalg.norm(atlas.settled_axis[i], axis=1, keepdims=True)
    axis = np.divide(
        atlas.settled_axis[i, ::-1], length, out=np.full((len(i), 3), np.nan), where=length > 0
    )
    cycle = np.where(lives, life, np.nan)
    sister = _sisters(atlas, i)
    return EmbryoTraits(
        table=str(atlas.metadata.get("title", atlas.metadata.get("name", "atlas"))),
        cell=atlas.names[i],
        birth_min=atlas.birth_min[i].copy(),
        division_min=np.where(lives, atlas.birth_min[i] + life, np.nan),
        cycle_min=cycle,
        place_um=at_phase(atlas.position, i, np.minimum(SETTLED_MIN / 2 / life, 0.5))[:, ::-1],
        axis=axis,
        asymmetry=np.log2(cycle / np.where(sister >= 0, cycle[sister], np.nan)),
        expression={},
    )


def _sisters(atlas: Atlas, known: IntArray) -> IntArray:
    """Return the place of each cell's sister among the known ones, -1 where she is unknown."""
    place = {str(atlas.names[i]): k for k, i in enumerate(known)}
    return np.array([place.get(sister_of(str(atlas.names[i])) or "", -1) for i in known])


def compare_with_atlas(
    atlas: Atlas, mean: EmbryoTraits, test: Sequence[EmbryoTraits]
) -> list[TraitResult]:
    """Compare embryos that are laid over the atlas with its means and spreads.

    Parameters
    ----------
    atlas : Atlas
    mean : EmbryoTraits
        From `atlas_embryo`.
    test : sequence of EmbryoTraits
        From `align_embryos` with ``mean`` as the reference.

    Notes
    -----
    The spread of a difference between sisters' lives is taken as if sisters varied alone; they
    vary together, so that test is careful. The spread of axes follows from how well embryos
    agree: for small angles the mean resultant length is 1 less the variance of one coordinate.
    """
    cells, i = mean.cell, np.array([atlas.index[str(n)] for n in mean.cell])
    sister = _sisters(atlas, i)
    life_sd = atlas.life_sd[i]
    pair_sd = np.sqrt(life_sd**2 + np.where(sister >= 0, life_sd[sister], np.nan) ** 2)
    n_lives = atlas.n_lives[i].astype(float)
    n_pairs = np.minimum(n_lives, np.where(sister >= 0, n_lives[sister], 0))
    plain: list[tuple[str, FloatArray, FloatArray]] = [
        ("birth_min", atlas.birth_sd[i], atlas.n_births[i].astype(float)),
        ("cycle_min", atlas.life_min[i] * life_sd, n_lives),
        ("asymmetry", pair_sd / np.log(2), n_pairs),
    ]
    results = []
    for trait, sd, n in plain:
        values = np.stack([on_cells(cells, e, getattr(e, trait)) for e in test])
        found = contrast_of_moments(_of(getattr(mean, trait), sd, n), moments(values))
        z = (np.concatenate([[getattr(mean, trait)], values]) - found.mean_reference) / found.sd
        results.append(_result(trait, cells, found, z))
    places = np.stack([on_cells(cells, e, e.place_um) for e in test])
    n_births = atlas.n_births[i].astype(float)
    parts = [
        contrast_of_moments(
            _of(mean.place_um[:, a], atlas.position_sd[i, 2 - a], n_births),
            moments(places[:, :, a]),
        )
        for a in range(3)
    ]
    results.append(
        _result("place_um", cells, *joined_contrast(parts, _with_first(mean.place_um, places)))
    )
    results.append(_axes(atlas, i, mean, test))
    return results


def _axes(
    atlas: Atlas, i: IntArray, mean: EmbryoTraits, test: Sequence[EmbryoTraits]
) -> TraitResult:
    agreement = np.clip(np.linalg.norm(atlas.settled_axis[i], axis=1), 0.5, 0.999)
    sd = np.degrees(np.sqrt(-np.log(agreement)))
    axes = np.stack([on_cells(mean.cell, e, e.axis) for e in test])
    across = tangent_degrees(axes, np.nan_to_num(mean.axis))
    zero = np.where(np.isfinite(mean.axis[:, 0]), 0.0, np.nan)
    n = atlas.n_axes[i].astype(float)
    parts = [contrast_of_moments(_of(zero, sd, n), moments(across[:, :, a])) for a in range(2)]
    values = _with_first(np.stack([zero, zero], axis=1), across)
    return _result("axis_deg", mean.cell, *joined_contrast(parts, values))


def _of(mean: FloatArray, sd: FloatArray, n: FloatArray) -> Moments:
    """Return the moments that a mean, a standard deviation and a number of embryos stand for."""
    known = np.isfinite(mean) & np.isfinite(sd) & (n >= _FEWEST)
    n = np.where(known, n, 0.0)
    return Moments(n, np.where(known, mean, np.nan), np.where(known, sd**2 * (n - 1), 0.0))


def _with_first(mean: FloatArray, values: FloatArray) -> FloatArray:
    return np.concatenate([mean[None], values])


def _result(trait: str, cells: np.ndarray, found: GroupContrast, z: FloatArray) -> TraitResult:
    return TraitResult(
        trait=trait,  # type: ignore[arg-type]
        cell=cells,
        contrast=found,
        q=false_discovery_rate(found.p),
        embryo_z=z,
    )
