"""Give the nuclei of one frame names that can occur together: a cell or its daughters, never both.

The cells of one frame are a cut through the tree. Names are assigned and divisions decided at
once, by a linear program: each nucleus takes at most one name, a name is free if its mother has
divided and the cell has not, and a free name without a nucleus has its price.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

DIVISION_SD_MIN = 2.5
"""How far the divisions of one embryo stray from a common clock."""
_MISSED = 0.01  # of nuclei; frames that miss more were not tried (record 0160)
_NEAR = 8
"""Names that a nucleus may take."""
_STRANGER = 18.0
"""What a nucleus without a name costs; that is 5 to 6 spreads from every place."""
_SETTLED = 4.5
"""Divisions so many spreads away are decided."""
_LEAST_LOG = -30.0  # beyond the price of any nucleus; keeps numbers of one size in the program
_WHOLE = 1e-6  # by so much the solver takes a number for whole
_SEEN_LIVES = 3  # in the atlas, that tell when a cell divides; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Nuclei ``row`` bear the names ``column``; ``cell`` are cells that may divide.

    ``total`` is the negative log-likelihood of the frame per nucleus.
    """

    row: IntArray
    column: IntArray
    cell: IntArray
    divided: BoolArray
    total: float


def assign_to_cut(atlas: Atlas, *, minute: float, name: IntArray, cost: FloatArray) -> Cut:
    """Assign nuclei to the names of a cut through the tree, as cheaply as possible.

    The relaxed program comes first. Where it divides a cell by half, which is rare, divisions are
    asked for in whole; the assignment is whole then, too.

    ``minute``: time of the frame in the atlas; ``name`` (m,): names that may occur; ``cost`` (n,
    m): minus log of the density of each nucleus under each name.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    program = _Program(atlas=atlas, minute=minute, name=name, cost=cost)
    row, column = program.pairs
    pairs = len(row)
    whole = np.zeros(len(program.objective))
    for strict in (0, 1):
        whole[pairs:] = strict
        found = milp(
            program.objective,
            integrality=whole,
            constraints=LinearConstraint(program.matrix, -np.inf, program.most),
            bounds=Bounds(*program.bounds),
        )
        if np.abs(found.x - found.x.round()).max() < _WHOLE:
            break
    taken = found.x[:pairs] > 0.5
    divided = found.x[pairs:] > 0.5
    return Cut(
        row=row[taken],
        column=column[taken],
        cell=program.cell[program.free],
        divided=divided[program.free],
        total=(float(found.fun) + program.constant) / len(cost),
    )


def time_of_cut(atlas: Atlas, cut: Cut, minutes: FloatArray) -> float:
    """Return which of ``minutes`` explains best what has divided and what has not."""
    from scipy.special import log_ndtr

    late = (minutes[:, None] - atlas.division_min[cut.cell]) / DIVISION_SD_MIN
    return float(minutes[np.where(cut.divided, log_ndtr(late), log_ndtr(-late)).sum(1).argmax()])


@dataclass(frozen=True, kw_only=True)
class _Program:
    """The linear program: first one variable per pair, then one per division."""

    atlas: Atlas
    minute: float
    name: IntArray
    cost: FloatArray

    @cached_property
    def pairs(self) -> tuple[IntArray, IntArray]:
        """Nuclei and the nearest names of each."""
        k = min(_NEAR, self.cost.shape[1])
        near = np.argsort(self.cost, axis=1, kind="stable")[:, :k]
        row, column = np.repeat(np.arange(len(self.cost)), k), near.ravel()
        fits = self.cost[row, column] < _STRANGER
        return row[fits], column[fits]

    @cached_property
    def cell(self) -> IntArray:
        """All names and their mothers; mothers stand before daughters."""
        mother = self.atlas.mother[self.name]
        return np.unique(np.r_[self.name, mother[mother >= 0]])

    @cached_property
    def _place(self) -> IntArray:
        place = np.full(len(self.atlas), -1)
        place[self.cell] = np.arange(len(self.cell))
        return place

    @cached_property
    def _mother(self) -> IntArray:
        """Place among the cells of each cell's mother, or -1."""
        mother = self.atlas.mother[self.cell]
        return np.where(mother >= 0, self._place[np.maximum(mother, 0)], -1)

    @cached_property
    def free(self) -> BoolArray:
        """Cells that can divide: they were seen to, and so can all their forebears."""
        pair = self.atlas.daughters[self.cell, 0]
        free: BoolArray = (self.atlas.n_lives[self.cell] >= _SEEN_LIVES) & (pair >= 0)
        free &= self.atlas.known[np.maximum(pair, 0)]
        for i, above in enumerate(self._mother.tolist()):
            free[i] = free[i] and (above < 0 or bool(free[above]))
        return free

    @cached_property
    def _log(self) -> tuple[FloatArray, FloatArray]:
        """Log-probability that each cell has divided, and that it has not."""
        from scipy.special import log_ndtr

        late = (self.minute - self.atlas.division_min[self.cell]) / DIVISION_SD_MIN
        return np.maximum(log_ndtr(late), _LEAST_LOG), np.maximum(log_ndtr(-late), _LEAST_LOG)

    @cached_property
    def objective(self) -> FloatArray:
        row, column = self.pairs
        pair = self.cost[row, column] - _STRANGER + np.log(_MISSED / (1 - _MISSED))
        yes, no = self._log
        division = no - yes
        own, above = self._place[self.name], self._mother[self._place[self.name]]
        # Each living cell costs a missed nucleus until a nucleus takes its name.
        np.subtract.at(division, own, -np.log(_MISSED))
        np.add.at(division, above[above >= 0], -np.log(_MISSED))
        return np.asarray(np.r_[pair, division])

    @property
    def constant(self) -> float:
        """What the objective leaves out."""
        roots = int((self._mother[self._place[self.name]] < 0).sum())
        return float(_STRANGER * len(self.cost) - self._log[1].sum() - roots * np.log(_MISSED))

    @cached_property
    def matrix(self) -> Any:
        """Each nucleus once; each name at most as often as its cell lives; mothers divide first."""
        from scipy.sparse import coo_matrix

        row, column = self.pairs
        n, m, p = len(self.cost), len(self.name), len(row)
        own, above = self._place[self.name], self._mother[self._place[self.name]]
        child, born = np.flatnonzero(above >= 0), np.flatnonzero(self._mother >= 0)
        order = n + m + np.arange(len(born))
        parts = [
            (row, np.arange(p), 1.0),
            (n + column, np.arange(p), 1.0),
            (n + np.arange(m), p + own, 1.0),
            (n + child, p + above[child], -1.0),
            (order, p + born, 1.0),
            (order, p + self._mother[born], -1.0),
        ]
        at = np.concatenate([r for r, _, _ in parts]), np.concatenate([c for _, c, _ in parts])
        value = np.concatenate([np.full(len(r), v) for r, _, v in parts])
        shape = (n + m + len(born), p + len(self.cell))
        return coo_matrix((value, at), shape=shape).tocsr()

    @property
    def most(self) -> FloatArray:
        n, born = len(self.cost), int((self._mother >= 0).sum())
        root = self._mother[self._place[self.name]] < 0
        return np.asarray(np.r_[np.ones(n), root.astype(float), np.zeros(born)])

    @property
    def bounds(self) -> tuple[FloatArray, FloatArray]:
        late = (self.minute - self.atlas.division_min[self.cell]) / DIVISION_SD_MIN
        pairs = len(self.pairs[0])
        low = np.r_[np.zeros(pairs), (late > _SETTLED) & self.free]
        return low, np.r_[np.ones(pairs), (late > -_SETTLED) & self.free]
