"""Embryos against embryos: on one clock, in one frame of space, cell by cell.

The unit is the embryo. Before cells are compared, each embryo's pace and place are taken out and
reported on their own: a mutant that is slow as a whole is one finding, not seven hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from fatescope.base.errors import InputError
from fatescope.base.sulston import depth_of, founder_of, sort_key
from fatescope.lineage.statistics import GroupContrast, contrast, false_discovery_rate
from fatescope.numeric import fit_linear, fit_rotation

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.lineage.traits import EmbryoTraits

Trait = Literal["birth_min", "cycle_min", "asymmetry", "place_um", "axis_deg", "expression"]
TRAITS: tuple[Trait, ...] = ("birth_min", "cycle_min", "asymmetry", "place_um", "axis_deg")
_FEWEST_SHARED = 8  # named cells: 24 coordinates for the 12 numbers of a linear map
_RIDGE_UM2 = 4.0  # for each cell, towards the rotation; not measured
_ROUNDS = 3  # of laying embryos over their mean; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """How one embryo was brought onto the common clock and into the common frame.

    ``pace``: minutes of the reference for one minute of the embryo; ``residual_min`` and
    ``residual_um``: root mean square of what is left after the alignment.
    """

    table: str
    pace: float
    offset_min: float
    n_shared: int
    residual_min: float
    residual_um: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitResult:
    """One trait of all cells: the contrast, the q of each cell, and each embryo's z.

    For ``place_um`` and ``axis_deg`` the difference is a distance (µm) or an angle (degrees) to
    the reference, never negative; ``embryo_z`` has shape (embryos, cells), reference first.
    """

    trait: Trait
    cell: np.ndarray
    contrast: GroupContrast
    q: FloatArray
    embryo_z: FloatArray


def align_embryos(
    embryos: Sequence[EmbryoTraits], n_reference: int
) -> tuple[list[EmbryoTraits], list[Alignment]]:
    """Bring embryos onto the mean clock and into the mean frame of the first ``n_reference``.

    Parameters
    ----------
    embryos : sequence of EmbryoTraits
        Reference embryos first.
    n_reference : int

    Raises
    ------
    InputError
        If an embryo shares fewer than 8 divisions with the reference.
    """
    cells = all_cells(embryos)
    time = np.stack([on_cells(cells, e, e.division_min) for e in embryos])
    place = np.stack([on_cells(cells, e, e.place_um) for e in embryos])
    start = int(np.argmax([np.isfinite(t).sum() for t in time[:n_reference]]))
    clock, frame = time[start], place[start]
    for _ in range(_ROUNDS):
        clocks = [_fit_clock(t, clock, e.table) for t, e in zip(time, embryos, strict=True)]
        maps = [_fit_place(p, frame, e.table) for p, e in zip(place, embryos, strict=True)]
        clock = _mean_of([t * a + b for t, (a, b) in zip(time, clocks, strict=True)][:n_reference])
        frame = _mean_of([p @ m.T + s for p, (m, s) in zip(place, maps, strict=True)][:n_reference])
        # The mean of shrunken fits would shrink from round to round: keep the first one's scale.
        clock = _keep_scale(clock, time[start])
    aligned, notes = [], []
    for i, e in enumerate(embryos):
        (pace, offset), (linear, shift) = clocks[i], maps[i]
        aligned.append(e.on_clock(pace, offset).in_place(linear, shift))
        late = time[i] * pace + offset - clock
        away = place[i] @ linear.T + shift - frame
        notes.append(
            Alignment(
                table=e.table,
                pace=pace,
                offset_min=offset,
                n_shared=int(np.isfinite(late).sum()),
                residual_min=float(np.sqrt(np.nanmean(late**2))),
                residual_um=float(np.sqrt(np.nanmean((away**2).sum(axis=1)))),
            )
        )
    return aligned, notes


def can_be_aligned(embryo: EmbryoTraits, reference: Sequence[EmbryoTraits]) -> bool:
    """Say whether an embryo shares enough named divisions and places with a reference."""
    divided = {str(n) for e in reference for n in e.cell[np.isfinite(e.division_min)]}
    placed = {str(n) for e in reference for n in e.cell[np.isfinite(e.place_um[:, 0])]}
    mine = {str(n) for n in embryo.cell[np.isfinite(embryo.division_min)]}
    here = {str(n) for n in embryo.cell[np.isfinite(embryo.place_um[:, 0])]}
    return min(len(mine & divided), len(here & placed)) >= _FEWEST_SHARED


def compare_traits(
    reference: Sequence[EmbryoTraits], test: Sequence[EmbryoTraits]
) -> list[TraitResult]:
    """Compare aligned embryos, trait by trait and cell by cell, with false discovery control.

    Raises
    ------
    InputError
        If there are fewer than two reference embryos or no test embryo.
    """
    if len(reference) < 2 or not test:
        raise InputError(
            f"a comparison needs two or more reference embryos and one or more others; got "
            f"{len(reference)} and {len(test)}. Give more tables."
        )
    cells = all_cells([*reference, *test])
    return [_compare(trait, cells, reference, test) for trait in TRAITS]


def _compare(
    trait: Trait, cells: np.ndarray, reference: Sequence[EmbryoTraits], test: Sequence[EmbryoTraits]
) -> TraitResult:
    embryos = [*reference, *test]
    n = len(reference)
    if trait == "place_um":
        values = np.stack([on_cells(cells, e, e.place_um) for e in embryos])
        result, z = _contrast_vectors(values[:n], values[n:])
    elif trait == "axis_deg":
        axes = np.stack([on_cells(cells, e, e.axis) for e in embryos])
        values = tangent_degrees(axes, np.nansum(axes[:n], axis=0))
        result, z = _contrast_vectors(values[:n], values[n:])
    else:
        flat = np.stack([on_cells(cells, e, getattr(e, trait)) for e in embryos])
        return _result(trait, cells, flat, n)
    return TraitResult(
        trait=trait, cell=cells, contrast=result, q=false_discovery_rate(result.p), embryo_z=z
    )


def _result(trait: Trait, cells: np.ndarray, values: FloatArray, n_reference: int) -> TraitResult:
    result = contrast(values[:n_reference], values[n_reference:])
    z = (values - result.mean_reference) / result.sd
    return TraitResult(
        trait=trait, cell=cells, contrast=result, q=false_discovery_rate(result.p), embryo_z=z
    )


def _contrast_vectors(reference: FloatArray, test: FloatArray) -> tuple[GroupContrast, FloatArray]:
    """Compare places or axes: one contrast per coordinate becomes one distance and one test.

    The squared t of the coordinates are averaged; under no difference that follows an F
    distribution with as many degrees of freedom above. The interval is that of the distance, by
    the longest of the errors.
    """
    axes = range(reference.shape[2])
    parts = [contrast(reference[:, :, a], test[:, :, a]) for a in axes]
    return joined_contrast(parts, np.concatenate([reference, test]))


def joined_contrast(
    parts: Sequence[GroupContrast], values: FloatArray
) -> tuple[GroupContrast, FloatArray]:
    """Join one contrast per coordinate into one distance and one test; see `_contrast_vectors`.

    ``parts``: one for each of ``d`` coordinates; ``values`` (embryos, k, d): whose z is wanted.
    """
    d = len(parts)
    distance = np.sqrt(sum(c.difference**2 for c in parts))
    f = sum(c.t**2 for c in parts) / d
    df = np.min([c.df for c in parts], axis=0)
    reach = np.max([(c.high - c.low) / 2 for c in parts], axis=0)
    sd = np.sqrt(sum(c.sd**2 for c in parts))
    mean = np.stack([c.mean_reference for c in parts], axis=1)
    away = values - mean
    z = np.sqrt((away**2).sum(axis=2)) / sd
    joined = replace(
        parts[0],
        mean_reference=np.zeros(len(distance)),
        mean_test=distance,
        sd=sd,
        difference=distance,
        low=np.maximum(distance - reach, 0),
        high=distance + reach,
        z=distance / sd,
        t=np.sqrt(f),
        df=df,
        p=stats.f.sf(f, d, df),
    )
    return joined, z


def tangent_degrees(axis: FloatArray, total: FloatArray) -> FloatArray:
    """Return each axis as a vector in the plane across a mean axis, in degrees.

    Its length is the angle to the mean, up to 180 for a division the other way round. Unlike the
    angle itself, which is never negative, the two coordinates scatter about 0.

    ``axis`` (embryos, k, 3): unit vectors; ``total`` (k, 3): the mean axis of each cell, of any
    length; 0 where it is unknown.
    """
    length = np.linalg.norm(total, axis=1, keepdims=True)
    mean = np.divide(total, length, out=np.full(total.shape, np.nan), where=length > 0)
    helper = np.where(np.abs(mean[:, :1]) < 0.7, [[1.0, 0, 0]], [[0, 1.0, 0]])
    first = np.cross(mean, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(mean, first)
    flat = np.stack([(axis * first).sum(axis=2), (axis * second).sum(axis=2)], axis=2)
    sine = np.linalg.norm(flat, axis=2)
    angle = np.degrees(np.arctan2(sine, (axis * mean).sum(axis=2)))
    # A division exactly the other way round has no direction across: any will do.
    flat = np.where(sine[:, :, None] > 1e-9, flat, [1.0, 0.0])
    return np.asarray(flat / np.maximum(sine, 1.0 * (sine <= 1e-9))[:, :, None] * angle[:, :, None])


def compare_expression(
    reference: Sequence[EmbryoTraits], test: Sequence[EmbryoTraits], column: str
) -> TraitResult:
    """Compare a column of expression cell by cell, each the mean over the cell's life.

    Raises
    ------
    InputError
        If an embryo lacks the column.
    """
    embryos = [*reference, *test]
    check_expression(embryos, column)
    cells = all_cells(embryos)
    values = np.stack([on_cells(cells, e, e.expression[column]) for e in embryos])
    return _result("expression", cells, values, len(reference))


def check_expression(embryos: Sequence[EmbryoTraits], column: str | None) -> None:
    """Raise `InputError` if an embryo lacks the column, where one is asked for."""
    for e in embryos:
        if column is not None and column not in e.expression:
            raise InputError(
                f"{e.table}: has no column {column!r} of numbers; it has "
                f"{', '.join(e.expression) or 'none'}."
            )


def synchrony(embryo: EmbryoTraits) -> dict[str, tuple[int, float]]:
    """Return, per founder and round (``AB 4``: the 16 cells of AB), how far divisions spread.

    Returns
    -------
    dict
        From group to (divisions seen, standard deviation of their times in min); groups with
        fewer than 3 divisions are left out.
    """
    groups: dict[str, list[float]] = {}
    for name, time in zip(embryo.cell, embryo.division_min, strict=True):
        if np.isfinite(time):
            founder = founder_of(name)
            groups.setdefault(f"{founder} {depth_of(name) - depth_of(founder)}", []).append(time)
    return {g: (len(t), float(np.std(t, ddof=1))) for g, t in groups.items() if len(t) >= 3}


def all_cells(embryos: Sequence[EmbryoTraits]) -> np.ndarray:
    """Return every name that occurs, in file order."""
    names = {str(n) for e in embryos for n in e.cell}
    return np.array(sorted(names, key=sort_key), dtype=object)


def on_cells(cells: np.ndarray, embryo: EmbryoTraits, values: FloatArray) -> FloatArray:
    """Return ``values`` of an embryo in the order of ``cells``, NaN where it lacks one."""
    place = {str(n): i for i, n in enumerate(cells)}
    out = np.full((len(cells), *values.shape[1:]), np.nan)
    at = np.array([place.get(str(n), -1) for n in embryo.cell], dtype=np.int64)
    out[at[at >= 0]] = values[at >= 0]
    return out


def _fit_clock(time: FloatArray, clock: FloatArray, table: str) -> tuple[float, float]:
    """Fit ``clock = pace * time + offset``, robustly: a late lineage must not bend the clock."""
    both = np.isfinite(time) & np.isfinite(clock)
    if both.sum() < _FEWEST_SHARED:
        raise InputError(
            f"{table}: shares only {both.sum()} named divisions with the reference; "
            f"{_FEWEST_SHARED} are needed. Name it first (fatescope lineage name)."
        )
    x, y = time[both], clock[both]
    weight = np.ones(len(x))
    pace, offset = 1.0, 0.0
    for _ in range(20):
        mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
        spread = float((weight * (x - mean_x) ** 2).sum())
        pace = float((weight * (x - mean_x) * (y - mean_y)).sum()) / max(spread, 1e-12)
        offset = float(mean_y - pace * mean_x)
        away = np.abs(y - pace * x - offset)
        scale = max(1.4826 * float(np.median(away)), 1e-6)
        weight = np.where(away < 4.685 * scale, (1 - (away / (4.685 * scale)) ** 2) ** 2, 0.0)
    return pace, offset


def _fit_place(place: FloatArray, frame: FloatArray, table: str) -> tuple[FloatArray, FloatArray]:
    """Fit a linear map that is drawn towards the nearest rotation (ridge), robustly."""
    both = np.isfinite(place).all(axis=1) & np.isfinite(frame).all(axis=1)
    if both.sum() < _FEWEST_SHARED:
        raise InputError(
            f"{table}: shares only {both.sum()} named cells with the reference; {_FEWEST_SHARED} "
            "are needed. Name it first (fatescope lineage name)."
        )
    x, y = place[both], frame[both]
    weight = np.ones(len(x))
    matrix: FloatArray = np.eye(3)
    shift: FloatArray = np.zeros(3)
    for _ in range(8):
        mx, my = (np.average(v, axis=0, weights=weight) for v in (x, y))
        turn = fit_rotation(x - mx, y - my, weight=weight)
        matrix, shift = fit_linear(x, y, weight=weight, ridge=_RIDGE_UM2 * len(x), prior=turn.T)
        away = np.linalg.norm(y - x @ matrix - shift, axis=1)
        scale = max(1.4826 * float(np.median(away)), 1e-6)
        weight = np.where(away < 3 * scale, (1 - (away / (3 * scale)) ** 2) ** 2, 0.0)
    return matrix.T, shift


def _mean_of(values: Sequence[FloatArray]) -> FloatArray:
    stacked = np.stack(values)
    known = np.isfinite(stacked)
    n = known.sum(axis=0)
    total = np.where(known, stacked, 0).sum(axis=0)
    return np.asarray(np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0))


def _keep_scale(clock: FloatArray, first: FloatArray) -> FloatArray:
    both = np.isfinite(clock) & np.isfinite(first)
    pace, offset = np.polyfit(clock[both], first[both], 1)
    return np.asarray(clock * pace + offset)
