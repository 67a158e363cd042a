"""Steps of nuclei from frame to frame, without what the nuclei around them do as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray, FloatArray, IntArray

_AROUND = 6
"""Neighbours whose median step is taken off: an embryo that turns or drifts leaps nowhere."""
_FEWEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """Rows that have a parent in the frame before, and how they came from there.

    Parameters
    ----------
    row : ndarray of int, shape (n,)
    step_um : ndarray of float, shape (n, 3)
        z, y, x, the median step of the six nearest nuclei taken off.
    born : ndarray of bool, shape (n,)
        The first step of a daughter, from where her mother was.
    """

    row: IntArray
    step_um: FloatArray
    born: BoolArray


def steps_of(lineage: Lineage) -> Steps:
    """Return the steps of a lineage whose spacing is known."""
    parent, place = lineage.parent, lineage.position_um()
    row = np.flatnonzero(parent >= 0)
    row = row[lineage.frame[row] == lineage.frame[parent[row]] + 1]
    step = place[row] - place[parent[row]]
    known = np.isfinite(step).all(axis=1)
    row, step = row[known], step[known]
    successors = np.bincount(parent[parent >= 0], minlength=len(lineage))
    born = (successors[parent[row]] > 1) | (lineage.name[row] != lineage.name[parent[row]])
    born = born.astype(bool)
    alone = np.empty_like(step)
    order = np.argsort(lineage.frame[row], kind="stable")
    _, starts = np.unique(lineage.frame[row][order], return_index=True)
    for block in np.split(order, starts[1:]) if len(order) else []:
        calm = block[~born[block]]
        around = _median_around(place[parent[row[block]]], place[parent[row[calm]]], step[calm])
        alone[block] = step[block] - around
    return Steps(row=row, step_um=alone, born=born)


def _median_around(here: FloatArray, there: FloatArray, step: FloatArray) -> FloatArray:
    """Return the median ``step`` of the nuclei ``there`` that are nearest to each of ``here``."""
    from scipy.spatial import cKDTree

    if len(there) < _FEWEST:
        return np.zeros_like(here)
    # A nucleus is its own nearest neighbour, and says nothing about the others.
    distance, near = cKDTree(there).query(here, k=min(_AROUND + 1, len(there)))
    itself = (distance == 0) & (np.cumsum(distance == 0, axis=1) == 1)
    others = np.where(itself[:, :, None], np.nan, step[near])
    return np.asarray(np.nanmedian(others, axis=1))
