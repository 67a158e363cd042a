"""Leaps: nuclei that go where nothing around them goes, and where they were not on their way to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.finding import Finding
from fatescope.lineage.lint.timing import neighbour_um

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import BoolArray, FloatArray, IntArray
    from fatescope.lineage.lint.settings import LintSettings

_AROUND = 6
"""Neighbours whose median step is taken off: an embryo that turns or drifts leaps nowhere."""
_FEWEST = 3  # steps that have a median worth taking off; not measured


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


_REACH = 0.9
"""Share of the distance to the next nucleus that a nucleus may move while cells are few."""
_USUAL_SHARE = 0.9
_BIRTHS = 1.5
_BIRTH_UM = 3.0
"""Sisters part unevenly: their steps may differ by so many times the limit, and so much more."""
_BACK = 0.5
"""A leap that ends, in the next frame, within this share of its length from where it began."""


def jumps(
    lineage: Lineage, steps: Steps, *, file: str, settings: LintSettings, explained: set[int]
) -> list[Finding]:
    """Report leaps; rows that are ``explained`` by another finding are left out.

    Of a step within a life, what goes on in the frames before and after in the same direction is
    taken off: a nucleus that migrates goes on migrating. Sisters part in opposite directions, so
    of a birth only what both steps have in common counts. The limit grows with how far nuclei of
    this embryo usually step, and while cells are few and far apart.
    """
    leap = _leaps(lineage, steps)
    limit = _limits(lineage, steps, leap, settings)
    found, come_back = [], _come_back(lineage, steps)
    taken = set(explained)
    for at in np.flatnonzero(leap > limit).tolist():
        row, back = int(steps.row[at]), int(come_back[at])
        if row in taken:
            continue
        taken |= {int(steps.row[back])} if back >= 0 else set()
        name = str(lineage.name[row]) or f"row {row + 1}"
        frame = int(lineage.frame[row])
        how = " and back in the next" if back >= 0 else ""
        found.append(
            Finding(
                file=file,
                rule="jump",
                frame=frame,
                object=name,
                value=round(float(leap[at]), 2),
                limit=round(float(limit[at]), 2),
                severity="warning",
                reason=(
                    f"{name} leaps {leap[at]:.1f} µm into frame {frame}{how}; the nuclei around "
                    f"it do not (limit {limit[at]:.1f} µm)."
                ),
            )
        )
    return found


def _leaps(lineage: Lineage, steps: Steps) -> FloatArray:
    """Return how far each step goes beyond what was to be expected, in µm."""
    length = np.linalg.norm(steps.step_um, axis=1)
    leap = length.copy()
    direction = steps.step_um / np.maximum(length, 1e-9)[:, None]
    going_on = np.zeros(len(length))
    for other in (_before(lineage, steps), _after(lineage, steps)):
        there = (other >= 0) & ~steps.born[np.maximum(other, 0)]
        going_on += np.where(there, (steps.step_um[other] * direction).sum(axis=1), 0.0) / 2
    within = ~steps.born
    leap[within] -= np.clip(going_on, 0.0, None)[within]
    one, other = _sisters(lineage, steps)
    both = np.linalg.norm(steps.step_um[one] + steps.step_um[other], axis=1)
    further = length[one] >= length[other]
    leap[one], leap[other] = np.where(further, both, 0.0), np.where(further, 0.0, both)
    return np.asarray(leap)


def _limits(lineage: Lineage, steps: Steps, leap: FloatArray, settings: LintSettings) -> FloatArray:
    start = int(lineage.frame.min())
    alive = np.bincount(lineage.frame - start)[lineage.frame[lineage.parent[steps.row]] - start]
    within = leap[~steps.born]
    usual = float(np.quantile(within, _USUAL_SHARE)) if len(within) else 0.0
    least = max(settings.jump_um, settings.jump_times * usual)
    limit = np.maximum(least, _REACH * neighbour_um() * np.cbrt(26.0 / alive))
    return np.asarray(np.where(steps.born, _BIRTHS * limit + _BIRTH_UM, limit))


def _place(lineage: Lineage, steps: Steps) -> IntArray:
    """Return where in the steps each row of the lineage is, -1 where it has none."""
    place = np.full(len(lineage) + 1, -1)
    place[steps.row] = np.arange(len(steps.row))
    return place


def _before(lineage: Lineage, steps: Steps) -> IntArray:
    """Return the step that leads to where each step begins, or -1."""
    return np.asarray(_place(lineage, steps)[lineage.parent[steps.row]])


def _after(lineage: Lineage, steps: Steps) -> IntArray:
    """Return the step within the same life that begins where each step ends, or -1."""
    after = np.full(len(steps.row), -1)
    before = _before(lineage, steps)
    goes_on = np.flatnonzero((before >= 0) & ~steps.born)
    after[before[goes_on]] = goes_on
    return after


def _come_back(lineage: Lineage, steps: Steps) -> IntArray:
    """Return the next step where it undoes a step, or -1."""
    after = _after(lineage, steps)
    rest = np.linalg.norm(steps.step_um + steps.step_um[after], axis=1)
    undone = rest < _BACK * np.linalg.norm(steps.step_um, axis=1)
    return np.where((after >= 0) & undone, after, -1)


def _sisters(lineage: Lineage, steps: Steps) -> tuple[IntArray, IntArray]:
    """Return the steps of daughters and of their sisters, each pair once."""
    by_mother: dict[int, list[int]] = {}
    for at in np.flatnonzero(steps.born).tolist():
        by_mother.setdefault(int(lineage.parent[steps.row[at]]), []).append(at)
    pairs = np.array([p for p in by_mother.values() if len(p) == 2], dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]
