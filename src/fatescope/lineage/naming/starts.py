"""Poses that a frame may lie in: many starts, drawn to the atlas cheaply, and the best few."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fatescope.lineage.naming.frame_fit import COARSE, FitStage, fit_frame
from fatescope.numeric import fit_linear

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fatescope.base.types import FloatArray
    from fatescope.lineage.atlas import Atlas

_TILT = 0.35  # radians, 20 degrees; not measured


def long_axis_frame(xyz_um: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the principal axes (columns, right-handed, longest first) and the centre."""
    centre = weight @ xyz_um / weight.sum()
    spread = (xyz_um - centre) * np.sqrt(weight)[:, None]
    lacking = np.zeros((max(0, 3 - len(spread)), 3))
    _, _, axes = np.linalg.svd(np.r_[spread, lacking], full_matrices=False)
    frame = axes.T.copy()
    if np.linalg.det(frame) < 0:
        frame[:, 2] *= -1
    return frame, centre


def rotate_about_long_axis(n_rolls: int) -> list[FloatArray]:
    """Return rotations: both directions of the long axis times ``n_rolls`` turns about it."""
    turns = []
    for sign in (1.0, -1.0):
        for angle in np.arange(n_rolls) * 2 * np.pi / n_rolls:
            c, s = np.cos(angle), np.sin(angle)
            roll = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
            turns.append(roll @ np.diag([sign, 1.0, sign]))
    return turns


def tilts() -> list[FloatArray]:
    """Return rotations that leave the long axis, and that lean it to four sides.

    The long axis of few or unevenly spread nuclei is not that of the embryo.
    """
    found: list[FloatArray] = [np.eye(3)]
    for angle in (-_TILT, _TILT):
        c, s = np.cos(angle), np.sin(angle)
        found.append(np.array([[c, -s, 0], [s, c, 0], [0, 0, 1.0]]))
        found.append(np.array([[c, 0, s], [0, 1.0, 0], [-s, 0, c]]))
    return found


_N_ROLLS = 12  # times two ends times five leans are 120 starts
_N_CLOUD = 100  # nuclei that the first search looks at
_N_SOFT, _N_ASSIGNED = 16, 8  # poses kept of either search
_FIRST = (6.0, 4.5)  # µm: widths of the first search
_SECOND = (3.0, 2.5, 2.0, 1.6, 1.3, 1.3)  # then spreads of the atlas
_NEARER = (2.0, 1.7, 1.4, 1.2)
_STIFF_UM2 = 20.0  # for each nucleus, towards the turn before
_RIDGE = 20.0
_BACKGROUND = 1e-3  # density of a nucleus that belongs to no cell, where one in place has 1
_STRANGER = 9.0  # the same in the second search, as a cost
_LEAN, _LEAN_ROLL, _SLIDE_UM = 0.2, 0.35, 3.0  # radians and µm beside a pose
"""The wide search of record 0160, measured there as a whole."""


class FramePose(NamedTuple):
    """A linear map and how badly it fits (lower is better)."""

    cost: float
    matrix: FloatArray
    shift: FloatArray


def find_poses(atlas: Atlas, xyz_um: FloatArray, minute: float, *, most: int) -> list[FramePose]:
    """Return the poses that fit best, of many all round the long axis.

    Two searches make up for each other: soft assignment of a hundred nuclei from 120 starts, also
    with the long axis leaning; and assignment of all nuclei at once from 24. The best of both are
    drawn closer with all nuclei.
    """
    axes, centre = long_axis_frame(xyz_um, np.ones(len(xyz_um)))
    stage = FitStage(atlas, minute)
    middle = stage.mean[stage.living > 0.5].mean(0)
    turns = rotate_about_long_axis(_N_ROLLS)
    begun = [
        _first(stage, xyz_um, axes @ lean @ t, centre, middle) for lean in tilts() for t in turns
    ]
    soft = distinct(begun, _N_SOFT, matrix=0.15, shift=3.0)
    whole = []
    for turn in turns:
        matrix = axes @ turn
        fit = fit_frame(
            atlas,
            xyz_um=xyz_um,
            minute=minute,
            matrix=matrix,
            shift=middle - centre @ matrix,
            tolerances=COARSE,
            modes=False,
        )
        whole.append(FramePose(fit.total, fit.matrix, fit.shift))
    whole = sorted(whole, key=lambda p: p.cost)[:_N_ASSIGNED]
    closer = [draw(stage, xyz_um, p.matrix, p.shift, _SECOND) for p in [*soft, *whole]]
    return distinct(closer, most, matrix=0.1, shift=2.0)


def poses_around(
    atlas: Atlas, xyz_um: FloatArray, minute: float, pose: FramePose, *, most: int
) -> list[FramePose]:
    """Return the best poses that are reached from a little beside one."""
    from scipy.spatial.transform import Rotation

    stage = FitStage(atlas, minute)
    middle = xyz_um.mean(0) @ pose.matrix + pose.shift
    found = []
    for axis in range(3):
        for angle in (-1, 1):
            vector = np.zeros(3)
            vector[axis] = angle * (_LEAN if axis else _LEAN_ROLL)
            turn = Rotation.from_rotvec(vector).as_matrix()
            shift = (pose.shift - middle) @ turn + middle
            found.append(draw(stage, xyz_um, pose.matrix @ turn, shift, _NEARER))
    for slide in (-_SLIDE_UM, _SLIDE_UM):
        slid = pose.shift + np.array([slide, 0.0, 0.0])
        found.append(draw(stage, xyz_um, pose.matrix, slid, _NEARER))
    return distinct(found, most, matrix=0.03, shift=1.0)


def distinct(
    poses: Iterable[FramePose], most: int, *, matrix: float, shift: float
) -> list[FramePose]:
    """Return the best poses that differ; mirror images are left out."""
    kept: list[FramePose] = []
    for pose in sorted(poses, key=lambda p: p.cost):
        if np.linalg.det(pose.matrix) <= 0:
            continue
        if all(
            np.abs(pose.matrix - k.matrix).max() > matrix
            or np.abs(pose.shift - k.shift).max() > shift
            for k in kept
        ):
            kept.append(pose)
        if len(kept) == most:
            break
    return kept


def draw(
    stage: FitStage,
    xyz_um: FloatArray,
    matrix: FloatArray,
    shift: FloatArray,
    tolerances: tuple[float, ...],
) -> FramePose:
    """Draw a pose closer by soft assignment: every nucleus to all names, by their likelihood.

    Expectation and maximisation as in coherent point drift, with the modes of the atlas in place
    of a free deformation; names that several nuclei claim are shared among them.
    """
    expected, cost = stage.mean, np.inf
    trust = 1 / stage.sd.mean(1) ** 2
    for turn, wide in enumerate(tolerances):
        share, cost = _shares(stage, expected, xyz_um @ matrix + shift, wide)
        weight = share / np.maximum(share.sum(0), 1.0) * trust
        mass = weight.sum(1) + 1e-9
        target = weight @ expected / mass[:, None]
        matrix, shift = fit_linear(xyz_um, target, weight=mass, ridge=_RIDGE, prior=matrix)
        if turn:
            claimed = weight.sum(0) + 1e-9
            centre = weight.T @ (xyz_um @ matrix + shift) / claimed[:, None]
            every = np.arange(len(stage.name))
            expected = stage.bent(stage.amounts(every, centre, claimed / wide**2))
    return FramePose(cost, matrix, shift)


def _shares(
    stage: FitStage, expected: FloatArray, placed: FloatArray, wide: float
) -> tuple[FloatArray, float]:
    """Return the share of each name in each nucleus, and the cost per nucleus."""
    inverse = 1 / (stage.sd * wide)
    square = (placed**2) @ (inverse**2).T - 2 * placed @ (expected * inverse**2).T
    log = np.log(stage.living) + np.log(inverse).sum(1)
    log = log - 0.5 * (square + ((expected * inverse) ** 2).sum(1))
    top = log.max(1, keepdims=True)
    likely = np.exp(log - top)
    none = np.exp(-_STRANGER - 3 * np.log(wide) - top[:, 0])
    total = likely.sum(1) + none
    return likely / total[:, None], -float((np.log(total) + top[:, 0]).mean())


def _first(
    stage: FitStage, xyz_um: FloatArray, matrix: FloatArray, centre: FloatArray, middle: FloatArray
) -> FramePose:
    """Draw a start closer with some of the nuclei and one width for all names."""
    cloud = _thinned(xyz_um)
    target: FloatArray = stage.mean[stage.living > 0.5]
    shift: FloatArray = middle - centre @ matrix
    cost = 0.0
    for wide in (*_FIRST, _FIRST[-1]):
        placed = cloud @ matrix + shift
        square = (placed**2).sum(1)[:, None] + (target**2).sum(1) - 2 * placed @ target.T
        likely = np.exp(-0.5 * square / wide**2)
        mass: FloatArray = likely.sum(1)
        cost = -float(np.log(mass + _BACKGROUND).mean())
        share: FloatArray = mass / (mass + _BACKGROUND) + 1e-9
        goal: FloatArray = likely @ target / np.maximum(mass, 1e-30)[:, None]
        begun = matrix, shift
        matrix, shift = fit_linear(
            cloud, goal, weight=share, ridge=_STIFF_UM2 * len(cloud), prior=matrix
        )
    return FramePose(cost, *begun)


def _thinned(xyz_um: FloatArray) -> FloatArray:
    """Return at most a hundred nuclei, spread along the long axis."""
    if len(xyz_um) <= _N_CLOUD:
        return xyz_um
    axes, _ = long_axis_frame(xyz_um, np.ones(len(xyz_um)))
    order = np.argsort(xyz_um @ axes[:, 0], kind="stable")
    return np.asarray(xyz_um[order[np.linspace(0, len(order) - 1, _N_CLOUD).round().astype(int)]])
