"""Name one frame of unknown time and pose: a cloud of nuclei against the atlas."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.align import fit_linear
from fatescope.lineage.atlas import at_phase
from fatescope.lineage.naming.pose import long_axis_frame, turned_about_long_axis

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

_N_ROLLS = 12
_N_STARTS = 6
_MARGIN_MIN = 8.0
_BIRTH_SD_MIN = 2.5
_COARSE = (4.0, 3.0)
_FINE = (3.0, 2.2, 1.7, 1.4, 1.2, 1.0, 1.0)
_SHIFTS_MIN = (-6.0, -3.0, 3.0, 6.0)
_RIDGE = 20.0
_DUMMY = 50.0
_USED_MODES = 25
CONFIDENCE = (-0.996, 1.076, -0.646)
"""Logistic weights: constant, log of the margin, distance; fitted on tuning embryos."""
_WORST_COST = 9.0
_DOUBTFUL_COST = 1.4
_TILT = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFrame:
    """Names of the nuclei of one frame.

    ``minute`` is the time in the atlas; ``cost`` the mean negative log-likelihood of a nucleus.
    """

    name: IntArray
    second: IntArray
    confidence: FloatArray
    minute: float
    matrix: FloatArray
    cost: float
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    row: IntArray
    column: IntArray
    name: IntArray
    cost: FloatArray
    total: float
    minute: float
    matrix: FloatArray
    shift: FloatArray


def name_frame(atlas: Atlas, *, xyz_um: FloatArray) -> NamedFrame:
    """Name the nuclei of one frame.

    The number of nuclei gives the time. From 24 rotations about the long axis, the assignment of
    all nuclei at once, the linear map and the modes of the atlas improve each other under a
    tolerance that shrinks; the best six are finished, and the time is moved by a few minutes.

    Parameters
    ----------
    xyz_um : ndarray of float, shape (n, 3)
    """
    minutes, curve = atlas.count_curve
    minute = float(np.interp(np.log(len(xyz_um)), np.log(curve), minutes))
    axes, centre = long_axis_frame(xyz_um, np.ones(len(xyz_um)))
    name = atlas.alive(minute)
    middle = at_phase(
        atlas.position, name, (minute - atlas.birth_min[name]) / atlas.life_min[name]
    ).mean(0)
    starts = [axes @ turn for turn in turned_about_long_axis(_N_ROLLS)]
    best = _best_of(atlas, xyz_um, minute, starts, centre, middle, _N_STARTS)
    if best.total > _DOUBTFUL_COST:
        # The long axis of few or unevenly spread nuclei is not that of the embryo: tilt it.
        more = [
            axes @ tilt @ turn for tilt in _tilts() for turn in turned_about_long_axis(_N_ROLLS)
        ]
        other = _best_of(atlas, xyz_um, minute, more, centre, middle, 2 * _N_STARTS)
        best = min([best, other], key=lambda m: m.total)
    for _ in range(2):
        moved = [
            _matched(atlas, xyz_um, best.minute + s, best.matrix, best.shift, _FINE[2:])
            for s in _SHIFTS_MIN
        ]
        before, best = best, min([best, *moved], key=lambda m: m.total)
        if best is before:
            break
    return _result(best, len(xyz_um))


def _best_of(
    atlas: Atlas,
    xyz: FloatArray,
    minute: float,
    starts: Sequence[FloatArray],
    centre: FloatArray,
    middle: FloatArray,
    finished: int,
) -> _Match:
    """Match coarsely from every start, finish the best few, and return the best of all."""
    tried = [
        _matched(atlas, xyz, minute, m, middle - centre @ m, _COARSE, modes=False) for m in starts
    ]
    tried = sorted(tried, key=lambda m: m.total)[:finished]
    fine = [_matched(atlas, xyz, minute, m.matrix, m.shift, _FINE) for m in tried]
    return min(fine, key=lambda m: m.total)


def _tilts() -> list[FloatArray]:
    """Return rotations that lean the long axis to four sides."""
    found = []
    for angle in (-_TILT, _TILT):
        c, s = np.cos(angle), np.sin(angle)
        found.append(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]))
        found.append(np.array([[c, 0, s], [0, 1.0, 0], [-s, 0, c]]))
    return found


def _matched(
    atlas: Atlas,
    xyz: FloatArray,
    minute: float,
    matrix: FloatArray,
    shift: FloatArray,
    tolerance: tuple[float, ...],
    *,
    modes: bool = True,
) -> _Match:
    from scipy.optimize import linear_sum_assignment
    from scipy.special import log_ndtr

    name = atlas.alive(minute, margin=_MARGIN_MIN)
    phase = (minute - atlas.birth_min[name]) / atlas.life_min[name]
    prior = log_ndtr((minute - atlas.birth_min[name]) / _BIRTH_SD_MIN)
    prior = prior + log_ndtr((atlas.division_min[name] - minute) / _BIRTH_SD_MIN)
    mean = at_phase(atlas.position, name, phase)
    basis = np.stack([at_phase(m, name, phase) for m in atlas.modes[:_USED_MODES]])
    sd = atlas.position_sd[name]
    expected = mean
    for turn, wide in enumerate(tolerance):
        placed = xyz @ matrix + shift
        off = (placed[:, None] - expected) / (sd * wide)
        cost = 0.5 * (off**2).sum(2) + np.log(sd * wide).sum(1) - prior
        lacking = max(0, len(xyz) - len(name))
        whole = np.c_[cost, np.full((len(xyz), lacking), cost.max() + _DUMMY)]
        row, column = linear_sum_assignment(whole)
        total = float(whole[row, column].sum()) / len(xyz)
        real = column < len(name)
        row, column = row[real], column[real]
        if turn == len(tolerance) - 1:
            break
        weight = 1 / sd[column].mean(1) ** 2
        held = weight
        for _ in range(2):
            far = ((xyz[row] @ matrix + shift - expected[column]) ** 2).sum(1) * weight
            held = weight / (1 + far / (6 * wide**2))
            matrix, shift = fit_linear(
                xyz[row], expected[column], weight=held, ridge=_RIDGE, prior=matrix
            )
        if modes and turn:
            rest = xyz[row] @ matrix + shift - mean[column]
            root = np.sqrt(held) / wide
            design = (basis[:, column] * root[None, :, None]).reshape(len(basis), -1).T
            ridge = np.diag(1 / np.maximum(atlas.mode_variance[: len(basis)], 1e-6))
            amount = np.linalg.solve(
                design.T @ design + ridge, design.T @ (rest * root[:, None]).ravel()
            )
            expected = mean + np.tensordot(amount, basis, 1)
    if np.linalg.det(matrix) <= 0:
        total = np.inf
    return _Match(
        row=row,
        column=column,
        name=name,
        cost=cost,
        total=total,
        minute=minute,
        matrix=matrix,
        shift=shift,
    )


def _result(match: _Match, n: int) -> NamedFrame:
    name, second, confidence = np.full(n, -1), np.full(n, -1), np.zeros(n)
    name[match.row] = match.name[match.column]
    own = match.cost[match.row, match.column]
    holder = np.full(len(match.name), -1)
    holder[match.column] = match.row
    # The price of giving a nucleus another name includes what its present owner would pay.
    others = match.cost[match.row].copy()
    others[np.arange(len(match.row)), match.column] = np.inf
    exchange = np.where(
        holder >= 0,
        match.cost[holder][:, match.column].T - match.cost[holder, np.arange(len(holder))],
        0.0,
    )
    price = others + exchange - own[:, None]
    choice = price.argmin(1)
    second[match.row] = match.name[choice]
    margin = np.maximum(price[np.arange(len(choice)), choice], 0)
    far = np.sqrt(np.maximum(own - own.min(), 0))
    w = CONFIDENCE
    confidence[match.row] = 1 / (1 + np.exp(-(w[0] + w[1] * np.log1p(margin) * 2 + w[2] * far)))
    reasons = []
    if match.total > _WORST_COST:
        reasons.append(f"the nuclei fit the atlas poorly (cost {match.total:.1f} per nucleus)")
    return NamedFrame(
        name=name,
        second=second,
        confidence=confidence,
        minute=match.minute,
        matrix=match.matrix,
        cost=match.total,
        reasons=reasons,
    )
