"""Fields of a well to one placement, with what each pair of neighbours says and how well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base import InputError
from fatescope.plate.match import FieldMatch, match_overlap, show_detail
from fatescope.plate.placement import (
    largest_group,
    place_robustly,
    residuals,
    stage_in_pixels,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fatescope.base import FloatArray, IntArray
    from fatescope.plate.settings import StitchSettings

_COARSE_SIDE = 600
"""Larger fields are searched in smaller copies, and the best place is then refined."""
_NEIGHBOUR = 0.5
"""Fields are neighbours that overlap in this share of a side, nominally; corners tell little."""
_SEARCH_SHARE, _SEARCH_LEAST = 0.05, 30.0
_MOST_PAIRS = 0.75
"""Where so many pairs of neighbours agree, no other way of turning the stage is tried."""
_MARGIN = 1.1  # times what chance reaches; not measured
_HIGHEST = 0.98  # correlation: more would weigh without end


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where ``n`` fields lie, and the ``e`` pairs that say so."""

    positions: FloatArray  # (n, 2) of the upper left pixel: y, x; the least of each is 0
    placed: NDArray[np.bool_]  # (n,) tied to the largest group by pairs; else by the stage
    pairs: IntArray  # (e, 2) neighbours
    shifts: FloatArray  # (e, 2) dy, dx from the first to the second; NaN: nothing was found
    quality: FloatArray  # (e,) correlation of what both show, 0 to 1
    residual_px: FloatArray  # (e,) disagreement with the placement
    used: NDArray[np.bool_]  # (e,) above chance, and in agreement with the others


def find_neighbours(prior: FloatArray, shape: tuple[int, int]) -> IntArray:
    """Return the pairs of fields that overlap along a whole side; shape (e, 2)."""
    between = np.abs(prior[:, None] - prior[None])
    share = np.clip(1 - between / np.array(shape), 0, 1)
    near = (share.min(axis=2) > 0) & (share.max(axis=2) >= _NEIGHBOUR)
    return np.argwhere(np.triu(near, 1))


def place_by_stage(
    fields: Sequence[NDArray[Any]], prior: FloatArray, settings: StitchSettings
) -> Placement:
    """Find where fields lie by a stage of which nobody says how the camera is turned against it.

    Axes of the stage may run against those of the image, or across them: of the eight ways the one
    in which most fields hang together counts, the first of equal ones. Where fields do not overlap
    none is better, and they lie as the stage has them.

    Parameters
    ----------
    fields, prior, settings
        See `place_fields`; ``prior`` as the stage has it, y and x in px.
    """
    best: Placement | None = None
    for swap, down, across in product((False, True), (1, -1), (1, -1)):
        turned = (prior[:, ::-1] if swap else prior) * np.array([down, across])
        placement = place_fields(fields, turned - turned.min(axis=0), settings)
        if best is None or _held(placement) > _held(best):
            best = placement
        if placement.placed.all() and placement.used.mean() >= _MOST_PAIRS:
            break
    assert best is not None
    return best


def _held(placement: Placement) -> tuple[int, int]:
    return int(placement.placed.sum()), int(placement.used.sum())


def place_fields(
    fields: Sequence[NDArray[Any]], prior: FloatArray, settings: StitchSettings
) -> Placement:
    """Find where the fields of a well lie.

    Parameters
    ----------
    fields : sequence of ndarray, shape (Y, X)
        Of one shape, one channel and one frame, their light evened (`even_light`).
    prior : ndarray of float, shape (n, 2)
        Position (y, x) of each upper left pixel as the stage or the grid has it, px.
    settings : StitchSettings

    Returns
    -------
    Placement

    Raises
    ------
    InputError
        If the fields are not of one shape.

    Notes
    -----
    A pair counts if its strength exceeds all that `chance_strength` found in pairs that cannot
    match. Pairs are weighted as the variance of their shift is inversely: by
    ``quality² / (1 - quality²)`` times the pixels.

    References
    ----------
    Chalfoun J et al. (2017). MIST. Scientific Reports 7:4988. Muhlich JL et al. (2022). ASHLAR.
    Bioinformatics 38:4613-4621 (the limit from pairs that cannot match).
    """
    shapes = {f.shape for f in fields}
    if len(shapes) != 1 or len(fields) != len(prior):
        raise InputError(
            f"the fields of a well must have one shape and a position each; got {len(fields)} "
            f"fields of {sorted(shapes)} and {len(prior)} positions."
        )
    shape = fields[0].shape[0], fields[0].shape[1]
    pairs = find_neighbours(prior, shape)
    step = max(1, -(-max(shape) // _COARSE_SIDE))
    search = settings.search_px or max(_SEARCH_LEAST, _SEARCH_SHARE * max(shape))
    details = [show_detail(_smaller(f, step)) for f in fields]
    nominal = prior[pairs[:, 1]] - prior[pairs[:, 0]]
    found = [
        match_overlap(details[a], details[b], nominal[e] / step, search_px=search / step)
        for e, (a, b) in enumerate(pairs)
    ]
    limit = chance_strength(details, pairs, nominal / step, search / step, settings.null_pairs)
    above = np.array([m.strength > limit for m in found], dtype=bool)
    if step > 1:
        found = [
            _refine(fields[a], fields[b], m, step) if ok else m
            for m, ok, (a, b) in zip(found, above, pairs, strict=True)
        ]
    shifts = np.array([m.shift for m in found]).reshape(-1, 2) * 1.0
    if step > 1:
        shifts[~above] *= step
    return _placement(prior, pairs, shifts, found, above, settings)


def chance_strength(
    details: Sequence[FloatArray],
    pairs: IntArray,
    nominal: FloatArray,
    search_px: float,
    n_pairs: int,
) -> float:
    """Return the strength that chance reaches: the second field of a pair turned by 180°.

    What a neighbour shows at the other side, upside down, cannot match; the search is the same
    and so are the noise and the cells.
    """
    some = np.linspace(0, len(pairs) - 1, min(n_pairs, len(pairs))).round().astype(int)
    null = [
        match_overlap(
            details[pairs[e, 0]],
            np.ascontiguousarray(details[pairs[e, 1]][::-1, ::-1]),
            nominal[e],
            search_px=search_px,
        ).strength
        for e in some
    ]
    return _MARGIN * max(null, default=0.0)


def _placement(
    prior: FloatArray,
    pairs: IntArray,
    shifts: FloatArray,
    found: Sequence[FieldMatch],
    above: NDArray[np.bool_],
    settings: StitchSettings,
) -> Placement:
    quality = np.array([m.quality for m in found])
    strength = np.array([m.strength for m in found])
    sure = np.minimum(quality, _HIGHEST)
    weight = strength**2 / (1 - sure**2)
    rows = np.flatnonzero(above)
    positions, kept = place_robustly(
        pairs[rows], shifts[rows], weight[rows], prior, residual_px=settings.residual_px
    )
    used = np.zeros(len(pairs), dtype=bool)
    used[rows[kept]] = True
    placed = largest_group(pairs[used], len(prior))
    stage = stage_in_pixels(prior, positions, placed)
    positions, _ = place_robustly(
        pairs[used], shifts[used], weight[used], stage, residual_px=np.inf
    )
    laid = positions if placed.any() else stage
    positions = laid - laid.min(axis=0)
    return Placement(
        positions=positions,
        placed=placed,
        pairs=pairs,
        shifts=shifts,
        quality=quality,
        residual_px=residuals(pairs, shifts, positions),
        used=used,
    )


def _smaller(field: NDArray[Any], step: int) -> FloatArray:
    """Return means of blocks of ``step`` x ``step`` pixels; what does not fill a block is left."""
    if step == 1:
        return np.asarray(field, dtype=np.float32)
    rows, columns = (n // step for n in field.shape)
    cut = field[: rows * step, : columns * step].reshape(rows, step, columns, step)
    return np.asarray(cut.mean(axis=(1, 3), dtype=np.float32))


def _refine(first: NDArray[Any], second: NDArray[Any], coarse: FieldMatch, step: int) -> FieldMatch:
    """Look again at full size, near the place that the smaller copies found."""
    near = np.rint(coarse.shift * step).astype(int)
    cut = [
        (slice(max(0, d), min(n, n + d)), slice(max(0, -d), min(n, n - d)))
        for n, d in zip(first.shape, near.tolist(), strict=True)
    ]
    a = show_detail(first[cut[0][0], cut[1][0]])
    b = show_detail(second[cut[0][1], cut[1][1]])
    fine = match_overlap(a, b, np.zeros(2), search_px=step + 1)
    if not np.isfinite(fine.shift).all():
        fine = FieldMatch(shift=np.zeros(2), quality=coarse.quality, strength=coarse.strength)
    return FieldMatch(shift=near + fine.shift, quality=fine.quality, strength=fine.strength)
