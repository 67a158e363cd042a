"""Fit one frame to the atlas from one starting pose: assign, carry over, bend, and set the time.

Each turn assigns nuclei to names, then fits the linear map, the modes of the atlas and the time,
under a tolerance that shrinks. What a nucleus is off from its name is shared with those around it:
embryos differ in their parts, and neighbours are off together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas import at_phase
from fatescope.lineage.naming.cut import DIVISION_SD_MIN, assign_to_cut, time_of_cut
from fatescope.numeric import fit_linear

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

COARSE = (4.0, 3.0)  # tolerances of successive turns, in spreads of the atlas
FINE = (2.0, 1.7, 1.4, 1.2, 1.0, 1.0)
AGAIN = (1.4, 1.2, 1.0, 1.0)
_MARGIN_MIN = 8.0  # by which a cell may live earlier or later than in the atlas
_RIDGE = 20.0  # towards the map of the turn before
_DUMMY = 50.0  # above the worst: what each nucleus beyond the number of names costs
_MISSED = 0.01  # as in `cut`
_STEPS_MIN = np.arange(-4.0, 4.1, 0.5)
_AROUND_UM = 4.0  # 93.7 % of rows right, with 8 µm 92.7 % (record 0160)
_AROUND_PRIOR = 1.0
"""Neighbours' worth of no displacement, against the displacements around a nucleus."""
_MOST_OFF_UM = 5.0  # that one neighbour counts as off
_ROBUST = 6.0  # squared spreads at which a nucleus weighs half in the fit of the map


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFit:
    """A frame in the frame of the atlas, with names.

    Parameters
    ----------
    row, column : ndarray of int
        Nuclei that bear a name, and its place in ``name``.
    name : ndarray of int, shape (m,)
        Names that were possible.
    cost : ndarray of float, shape (n, m)
        Minus log-likelihood of each name for each nucleus, against leaving that name free.
    total : float
        Minus log-likelihood of the whole frame, per nucleus.
    minute : float
    matrix, shift : ndarray
        ``xyz_um @ matrix + shift`` are AP, DV, LR in µm.
    """

    row: IntArray
    column: IntArray
    name: IntArray
    cost: FloatArray
    total: float
    minute: float
    matrix: FloatArray
    shift: FloatArray

    def names(self) -> IntArray:
        """Return the name of each nucleus, or -1."""
        names = np.full(len(self.cost), -1)
        names[self.row] = self.name[self.column]
        return names


class FitStage:
    """The cells of the atlas that may live at a time, and where they are then."""

    def __init__(self, atlas: Atlas, minute: float, *, modes: bool = True) -> None:
        self.atlas, self.minute = atlas, minute
        self.name = atlas.alive(minute, margin=_MARGIN_MIN)
        phase = (minute - atlas.birth_min[self.name]) / atlas.life_min[self.name]
        self.mean = at_phase(atlas.position, self.name, phase)
        self.sd = atlas.position_sd[self.name]
        self.living = self.probability(np.array([minute]))[0]
        self.basis = np.zeros((0, *self.mean.shape))
        if modes and len(atlas.modes):
            self.basis = np.stack([at_phase(m, self.name, phase) for m in atlas.modes])

    def probability(self, minutes: FloatArray) -> FloatArray:
        """Return the probability that each cell lives and is seen, shape (minutes, m)."""
        from scipy.special import ndtr

        at = minutes[:, None]
        born = ndtr((at - self.atlas.birth_min[self.name]) / DIVISION_SD_MIN)
        undivided = ndtr((self.atlas.division_min[self.name] - at) / DIVISION_SD_MIN)
        return np.asarray(np.clip(born * undivided, 1e-6, 1.0) * (1 - _MISSED))

    def bent(self, amount: FloatArray) -> FloatArray:
        """Return where the cells are in an embryo so far along the modes."""
        return np.asarray(self.mean + np.tensordot(amount, self.basis, 1))

    def amounts(self, column: IntArray, placed: FloatArray, weight: FloatArray) -> FloatArray:
        """Return how far along each mode the embryo is, by the places of some of its cells."""
        m = len(self.basis)
        root = np.sqrt(weight)
        design = (self.basis[:, column] * root[None, :, None]).reshape(m, -1).T
        rest = ((placed - self.mean[column]) * root[:, None]).ravel()
        ridge = np.diag(1 / np.maximum(self.atlas.mode_variance[:m], 1e-6))
        return np.asarray(np.linalg.solve(design.T @ design + ridge, design.T @ rest))


def fit_frame(
    atlas: Atlas,
    *,
    xyz_um: FloatArray,
    minute: float,
    matrix: FloatArray,
    shift: FloatArray,
    tolerances: tuple[float, ...],
    modes: bool = True,
    exact: bool = False,
) -> FrameFit:
    """Fit a frame from one starting pose and time.

    ``tolerances``: widths of the places in units of the atlas's own spread, one assignment each;
    ``modes``: whether the embryo may bend, and its time move; ``exact``: whether mothers and
    daughters exclude each other, and neighbours are off together.
    """
    amount: FloatArray = np.zeros(len(atlas.modes))
    row: IntArray = np.zeros(0, dtype=np.int64)
    named: IntArray = row
    for turn, wide in enumerate(tolerances):
        stage = FitStage(atlas, minute, modes=modes)
        expected = stage.bent(amount) if modes else stage.mean
        placed = xyz_um @ matrix + shift
        aside = _around(placed, row, named, stage, expected) if exact else 0.0
        density = _density(stage, expected, placed + aside, wide)
        cost = density - np.log(stage.living) + np.log1p(-stage.living)
        if exact:
            cut = assign_to_cut(atlas, minute=minute, name=stage.name, cost=density)
            row, column, total = cut.row, cut.column, cut.total
        else:
            row, column, total = _assigned(cost, stage)
        if turn == len(tolerances) - 1:
            break
        weight: FloatArray = 1 / stage.sd[column].mean(1) ** 2
        held = weight
        for _ in range(2):
            far = ((xyz_um[row] @ matrix + shift - expected[column]) ** 2).sum(1) * weight
            held = weight / (1 + far / (_ROBUST * wide**2))
            matrix, shift = fit_linear(
                xyz_um[row], expected[column], weight=held, ridge=_RIDGE, prior=matrix
            )
        if modes and (turn or exact):
            amount = stage.amounts(column, xyz_um[row] @ matrix + shift, held / wide**2)
        if exact:
            minute = time_of_cut(atlas, cut, minute + _STEPS_MIN)
        elif modes and turn:
            minute = _time_of(stage, column)
        named = stage.name[column]
    if np.linalg.det(matrix) <= 0:
        total = np.inf
    return FrameFit(
        row=row,
        column=column,
        name=stage.name,
        cost=cost,
        total=total,
        minute=minute,
        matrix=matrix,
        shift=shift,
    )


def _density(stage: FitStage, expected: FloatArray, placed: FloatArray, wide: float) -> FloatArray:
    """Return minus the log-density of each place under each name, shape (n, m)."""
    covariance = stage.atlas.covariance[stage.name]
    root = np.linalg.cholesky(np.linalg.inv(covariance)) / wide
    seen = np.einsum("nmi,mij->nmj", placed[:, None] - expected, root)
    volume = 0.5 * np.linalg.slogdet(covariance)[1] + 3 * np.log(wide)
    return np.asarray(0.5 * (seen**2).sum(2) + volume)


def _assigned(cost: FloatArray, stage: FitStage) -> tuple[IntArray, IntArray, float]:
    """Assign all nuclei at once, each name on its own."""
    from scipy.optimize import linear_sum_assignment

    n, m = cost.shape
    lacking = np.full((n, max(0, n - m)), cost.max() + _DUMMY)
    whole = np.c_[cost, lacking]
    row, column = linear_sum_assignment(whole)
    total = float(whole[row, column].sum() - np.log1p(-stage.living).sum()) / n
    return row[column < m], column[column < m], total


def _time_of(stage: FitStage, column: IntArray) -> float:
    """Return the time at which just these cells would live."""
    minutes = stage.minute + _STEPS_MIN
    living = stage.probability(minutes)
    taken = np.zeros(len(stage.name), bool)
    taken[column] = True
    score = np.log(living)[:, taken].sum(1) + np.log1p(-living)[:, ~taken].sum(1)
    return float(minutes[score.argmax()])


def _around(
    placed: FloatArray, row: IntArray, name: IntArray, stage: FitStage, expected: FloatArray
) -> FloatArray:
    """Return how far the neighbours of each nucleus are off, by the names of the last turn."""
    place = np.full(len(stage.atlas), -1)
    place[stage.name] = np.arange(len(stage.name))
    row, column = row[place[name] >= 0], place[name][place[name] >= 0]
    off = np.clip(expected[column] - placed[row], -_MOST_OFF_UM, _MOST_OFF_UM)
    near = np.exp(-((placed[:, None] - placed[row]) ** 2).sum(2) / (2 * _AROUND_UM**2))
    near[row, np.arange(len(row))] = 0.0
    return np.asarray(near @ off / (near.sum(1)[:, None] + _AROUND_PRIOR))
