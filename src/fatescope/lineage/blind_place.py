"""Where a nucleus lies in the body, without a single name: time from counts, pose by search.

The clock is the number of nuclei, which doubles every half hour whatever the frame interval is.
The pose is the rotation (never a mirror image) that brings the clouds of nuclei at several counts
closest to those of a mean embryo. Names are used only to make the mean embryo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from fatescope.base.errors import InputError
from fatescope.lineage.body_axes import body_axes
from fatescope.numeric import fit_matrix, fit_rotation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray

STAGES = (8, 12, 16, 24, 28, 36, 50, 64, 80, 100, 128, 160, 190, 240, 300)
"""Numbers of nuclei at which clouds are compared."""
_TURNS = 12  # tried about the long axis, for both ends
_FEWEST_STAGES = 3  # that a pose is found from; not measured
_REFINED = 3  # of the best poses
_RIDGE_UM2 = 6.0  # for each nucleus, towards the rotation; not measured


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanEmbryo:
    """Mean places of the nuclei at each stage, in posterior, dorsal, left µm about the centre.

    Parameters
    ----------
    stage : ndarray of int, shape (n,)
        Number of nuclei of the stage that each place belongs to.
    place_um : ndarray of float, shape (n, 3)
    """

    stage: IntArray
    place_um: FloatArray

    def at(self, stage: int) -> FloatArray:
        """Return the cloud of one stage, shape (m, 3)."""
        return np.asarray(self.place_um[self.stage == stage])


def count_clock(lineage: Lineage, *, smooth_min: float) -> FloatArray:
    """Return the developmental time of each row: log2 of the smoothed number of nuclei.

    Counts may not fall, so that nuclei which are annotated no more do not turn time back.
    """
    first = int(lineage.frame.min())
    counts = np.maximum.accumulate(np.bincount(lineage.frame - first)).astype(float)
    interval = lineage.spacing.interval_min or 1.0
    smooth = gaussian_filter1d(np.log2(counts), smooth_min / interval, mode="nearest")
    return np.asarray(smooth[lineage.frame - first])


def centred_um(lineage: Lineage) -> FloatArray:
    """Return x, y, z in µm about the centre of the nuclei of the same frame, shape (n, 3)."""
    xyz = lineage.position_um()[:, ::-1]
    at = lineage.frame - lineage.frame.min()
    n = np.bincount(at)
    centre = np.stack([np.bincount(at, weights=xyz[:, k]) / n.clip(1) for k in range(3)], axis=1)
    return np.asarray(xyz - centre[at])


def mean_embryo(lineages: Sequence[Lineage]) -> MeanEmbryo:
    """Average named embryos, stage by stage and cell by cell.

    Raises
    ------
    InputError
        If no embryo has the names that body axes need.
    """
    sums: dict[tuple[int, str], list[FloatArray]] = {}
    used = 0
    for lineage in lineages:
        axes = body_axes(lineage)
        if not axes.from_names:
            continue
        used += 1
        place = centred_um(lineage) @ axes.rotation.T
        for stage, rows in _stages(lineage).items():
            for row in rows:
                if lineage.name[row]:
                    sums.setdefault((stage, str(lineage.name[row])), []).append(place[row])
    if not used:
        raise InputError("a mean embryo needs named embryos; none has ABa, ABpl, ABpr, C and D.")
    most: dict[int, int] = {}
    for (stage, _), places in sums.items():
        most[stage] = max(most.get(stage, 0), len(places))
    kept = sorted(k for k, p in sums.items() if 2 * len(p) >= most[k[0]])
    return MeanEmbryo(
        stage=np.array([s for s, _ in kept], dtype=np.int64),
        place_um=np.array([np.mean(sums[k], axis=0) for k in kept]),
    )


def blind_place(lineage: Lineage, reference: MeanEmbryo) -> tuple[FloatArray, float]:
    """Find the body axes of an embryo without names, and place every nucleus in them.

    ``lineage``: its spacing must be known; names are not looked at.

    The result: ``place_um`` (n, 3): posterior, dorsal, left about the centre of the frame;
    ``residual_um``: mean distance to the assigned nuclei of the mean embryo. Raises `InputError` if
    the embryo passes through fewer than three of the stages.
    """
    centred = centred_um(lineage)
    clouds = {s: centred[rows] for s, rows in _stages(lineage).items()}
    pairs = [(clouds[s], reference.at(s)) for s in clouds if len(reference.at(s))]
    if len(pairs) < _FEWEST_STAGES:
        raise InputError(
            f"the embryo passes only {len(pairs)} of the stages {STAGES[0]} to {STAGES[-1]} "
            f"nuclei; {_FEWEST_STAGES} are needed to find how it lies."
        )
    few = [p for p in pairs if len(p[0]) <= 130] or pairs
    poses = sorted(_candidates(few), key=lambda r: _distance(few, r))[:_REFINED]
    fits = [_refine(pairs, pose) for pose in poses]
    best, residual = min(fits, key=lambda fit: fit[1])
    return np.asarray(centred @ best.T), residual


def _stages(lineage: Lineage) -> dict[int, IntArray]:
    """Return the rows of the frame in which each stage is first reached."""
    first = int(lineage.frame.min())
    counts = np.bincount(lineage.frame - first)
    found: dict[int, IntArray] = {}
    for stage in STAGES:
        reached = np.flatnonzero(counts >= stage)
        if len(reached) and counts[reached[0]] <= 1.15 * stage:
            found[stage] = np.flatnonzero(lineage.frame - first == reached[0])
    return found


def _candidates(pairs: Sequence[tuple[FloatArray, FloatArray]]) -> list[FloatArray]:
    """Return rotations that lay the long axis of the embryo on that of the reference."""
    ours, theirs = (_principal(np.concatenate([p[k] for p in pairs])) for k in (0, 1))
    poses = []
    for end in (1.0, -1.0):
        for k in range(_TURNS):
            a = 2 * np.pi * k / _TURNS
            turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
            # Both ends changed about the same axis: a rotation stays a rotation.
            poses.append(theirs @ turn @ np.diag([end, end, 1.0]) @ ours.T)
    return poses


def _principal(points: FloatArray) -> FloatArray:
    """Return the axes of a cloud as columns, longest first, right-handed."""
    axes = np.linalg.eigh(points.T @ points)[1][:, ::-1].copy()
    axes[:, 2] *= np.sign(np.linalg.det(axes))
    return axes


def _distance(pairs: Sequence[tuple[FloatArray, FloatArray]], pose: FloatArray) -> float:
    return float(np.mean([np.mean(_assigned(a @ pose.T, b)[2]) for a, b in pairs]))


def _assigned(a: FloatArray, b: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
    cost = cdist(a, b)
    rows, columns = linear_sum_assignment(cost)
    return rows, columns, cost[rows, columns]


def _refine(
    pairs: Sequence[tuple[FloatArray, FloatArray]], pose: FloatArray
) -> tuple[FloatArray, float]:
    """Assign and fit by turns: first a rotation, then a linear map drawn towards it."""
    linear = pose
    for step in range(6):
        x, y = [], []
        for a, b in pairs:
            rows, columns, _ = _assigned(a @ linear.T, b)
            x.append(a[rows])
            y.append(b[columns])
        ours, theirs = np.concatenate(x), np.concatenate(y)
        linear = fit_rotation(ours, theirs)
        if step >= 3:
            every = np.ones(len(ours))
            ridge = _RIDGE_UM2 * len(ours)
            linear = fit_matrix(ours, theirs, weight=every, ridge=ridge, prior=linear.T).T
    return linear, _distance(pairs, linear)
