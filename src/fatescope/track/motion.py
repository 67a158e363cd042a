"""How likely single steps and divisions are in this recording, by its own links."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import BoolArray, FloatArray, IntArray

_FLOW_SHARE = 0.7
"""Of the movement of its neighbours, how much an object follows."""
_NEIGHBOURS = 6
_FREEDOM = 4.0  # of the t distribution of steps
_NORM = {2: 1.838, 3: 2.596}
"""Minus the log of the norm of a t distribution with 4 degrees of freedom, in 2D and 3D."""
_MEDIAN_SQUARE = {2: 1.39, 3: 2.37}
"""Median of the squared length of a step whose spread along each axis is 1."""
_SPHERE = {2: 2 * math.pi, 3: 4 * math.pi}
_MIDDLE = 1.5
"""Spread of the middle between daughters about the mother, in steps."""
_APART_UM = 4.4  # sisters where no more than ten divisions tell: twice `movie._HALF_UM`
_APART_SD = 0.25  # of the logarithm of their distance; not measured by itself (record 0110)
_LEAST_UM = 0.05  # spread of a step: nuclei that stand still would make all others impossible


@dataclass(frozen=True, slots=True)
class Motion:
    """Densities of positions, as costs: minus natural logarithms per µm² or µm³.

    Parameters
    ----------
    place : list of tuple of float
        Of each row, µm; in 2D or 3D.
    flow : list of tuple of float
        Expected movement of each row to the next frame, µm.
    frame : list of int
    step_um : float
        Spread of one step along one axis.
    apart_um : float
        Usual distance of sisters in their first frame.
    """

    place: list[tuple[float, ...]]
    flow: list[tuple[float, ...]]
    frame: list[int]
    step_um: float
    apart_um: float

    def follow(self, mother: int, row: int) -> float:
        """Return the cost that ``row`` continues ``mother``."""
        frames = max(self.frame[row] - self.frame[mother], 1)
        return self._near(self.place[row], mother, frames, self.step_um)

    def split(self, mother: int, one: int, other: int) -> float:
        """Return the cost that ``mother`` divides into these two."""
        a, b = self.place[one], self.place[other]
        d = len(a)
        frames = max(self.frame[one] - self.frame[mother], 1)
        middle = tuple((p + q) / 2 for p, q in zip(a, b, strict=True))
        apart = max(math.dist(a, b), 0.3)
        off = math.log(apart / self.apart_um) / _APART_SD
        shell = math.log(_SPHERE[d] * apart**d * _APART_SD * math.sqrt(2 * math.pi))
        return (
            self._near(middle, mother, frames, _MIDDLE * self.step_um)
            + 3 * math.log1p(off * off / 6)
            + shell
        )

    def _near(self, place: tuple[float, ...], mother: int, frames: int, step: float) -> float:
        x, v, d = self.place[mother], self.flow[mother], len(place)
        square = sum((place[i] - x[i] - frames * v[i]) ** 2 for i in range(d))
        spread = step * math.sqrt(frames)
        tail = 0.5 * (_FREEDOM + d) * math.log1p(square / (_FREEDOM * spread**2))
        return _NORM[d] + d * math.log(spread) + tail


def estimate_motion(xyz_um: FloatArray, frame: IntArray, parent: IntArray) -> Motion:
    """Estimate steps, flow and sister distances from links, most of which are right.

    Parameters
    ----------
    xyz_um : ndarray of float, shape (n, 2) or (n, 3)
    frame, parent : ndarray of int, shape (n,)
        Frame of each object, and the row of its parent, or -1.

    Returns
    -------
    Motion

    Notes
    -----
    Medians throughout, so that wrong links do not widen what is usual. Up to ten divisions give
    no distance of their own; sisters are then expected 4.4 µm apart.
    """
    n = len(frame)
    successors = np.bincount(parent[parent >= 0], minlength=n)
    continues = (parent >= 0) & (successors[parent] == 1)
    flow = _flow(xyz_um, frame, parent, continues)
    row = np.flatnonzero(continues)
    rest = xyz_um[row] - xyz_um[parent[row]] - flow[parent[row]]
    step = (
        float(np.sqrt(np.median((rest**2).sum(1)) / _MEDIAN_SQUARE[xyz_um.shape[1]]))
        if len(row)
        else 0.4
    )
    daughters = np.flatnonzero((parent >= 0) & (successors[parent] == 2))
    daughters = daughters[np.argsort(parent[daughters], kind="stable")]
    apart = np.sqrt(((xyz_um[daughters[::2]] - xyz_um[daughters[1::2]]) ** 2).sum(1))
    return Motion(
        place=[tuple(p) for p in xyz_um.tolist()],
        flow=[tuple(v) for v in flow.tolist()],
        frame=frame.tolist(),
        step_um=max(step, _LEAST_UM),
        apart_um=float(np.median(apart)) if len(apart) > 10 else _APART_UM,
    )


def _flow(xyz: FloatArray, frame: IntArray, parent: IntArray, continues: BoolArray) -> FloatArray:
    """Return how rows are expected to move, by the median movement of their neighbours."""
    from scipy.spatial import cKDTree

    flow = np.zeros_like(xyz)
    row = np.flatnonzero(continues)
    row = row[np.argsort(frame[row], kind="stable")]
    every = np.argsort(frame, kind="stable")
    edges = np.arange(frame.min(), frame.max() + 2)
    now = np.searchsorted(frame[row], edges)
    before = np.searchsorted(frame[every], edges)
    for f in range(len(edges) - 2):
        moved = row[now[f + 1] : now[f + 2]]
        moved = moved[frame[parent[moved]] == edges[f]]
        asked = every[before[f] : before[f + 1]]
        if len(moved) <= _NEIGHBOURS or not len(asked):
            continue
        step = xyz[moved] - xyz[parent[moved]]
        _, near = cKDTree(xyz[parent[moved]]).query(xyz[asked], k=_NEIGHBOURS + 1)
        flow[asked] = _FLOW_SHARE * np.median(step[near[:, 1:]], axis=1)
    return flow
