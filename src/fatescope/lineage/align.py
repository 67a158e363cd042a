"""Carry an embryo into the frame of the atlas: a linear map, slow drifts, and how it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.lineage.atlas import at_phase
from fatescope.numeric import fit_linear

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

DRIFT_MIN = 3.0
"""Width in minutes over which the linear map may change."""
_USED_MODES = 25
_ROWS_PER_VIEW = 6.0
"""Rows of one cell repeat each other; so many count as one independent view of its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbryoFit:
    """An embryo in the frame of the atlas.

    Parameters
    ----------
    matrix : ndarray, shape (3, 3)
        ``xyz_um @ matrix + shift`` are AP, DV, LR in µm.
    shift : ndarray, shape (3,)
    placed : ndarray, shape (rows, 3)
        All rows in the frame of the atlas, slow drifts removed.
    expected : ndarray, shape (n, 5, 3)
        Where this embryo's cells are expected: the atlas moved along its modes.
    spread : float
        Size of what is left, in units of the atlas's own spread.
    rms_um : float
        Root mean square distance of rows from where they are expected.
    """

    matrix: FloatArray
    shift: FloatArray
    placed: FloatArray
    expected: FloatArray
    spread: float
    rms_um: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedViews:
    """Rows ``row`` of an embryo bear the names ``name`` at ``phase`` of their lives."""

    row: IntArray
    name: IntArray
    phase: FloatArray


def fit_embryo(
    atlas: Atlas,
    views: NamedViews,
    *,
    xyz_um: FloatArray,
    frame: IntArray,
    minutes_per_frame: float,
    prior: FloatArray,
    modes: bool,
    drift: bool,
) -> EmbryoFit:
    """Fit an embryo some of whose rows are named.

    ``prior`` (3, 3): the matrix so far; keeps directions that few rows determine; ``modes``,
    ``drift``: whether the embryo may differ along the modes, and its map change with time.
    """
    row, name, phase = views.row, views.name, views.phase
    spread = atlas.position_sd[name].mean(1)
    target = at_phase(atlas.position, name, phase)
    base = 1 / spread**2
    w: FloatArray = base
    matrix: FloatArray = prior
    shift: FloatArray = np.zeros(3)
    for _ in range(3):
        matrix, shift = fit_linear(xyz_um[row], target, weight=w, ridge=1.0, prior=matrix)
        far = ((xyz_um[row] @ matrix + shift - target) ** 2).sum(1) / spread**2
        w = base / (1 + far / 6)
    placed: FloatArray = xyz_um @ matrix + shift
    expected: FloatArray = atlas.position
    if modes and len(row) > 20:
        expected = atlas.position + _along_modes(atlas, placed[row] - target, name, phase, w)
        target = at_phase(expected, name, phase)
    if drift:
        placed = _without_drift(placed, frame, row, target, w, DRIFT_MIN / minutes_per_frame)
    rest = placed[row] - target
    scaled = (rest / atlas.position_sd[name]) ** 2
    size = float(np.clip(np.sqrt(np.median(scaled.mean(1)) / 0.79), 0.7, 2.5))
    rms = float(np.sqrt((rest**2).sum(1).mean()))
    return EmbryoFit(
        matrix=matrix, shift=shift, placed=placed, expected=expected, spread=size, rms_um=rms
    )


def _along_modes(
    atlas: Atlas, rest: FloatArray, name: IntArray, phase: FloatArray, weight: FloatArray
) -> FloatArray:
    m = min(_USED_MODES, len(atlas.modes))
    basis = np.stack([at_phase(atlas.modes[j], name, phase) for j in range(m)])
    root = np.sqrt(weight / _ROWS_PER_VIEW)
    design = (basis * root[None, :, None]).reshape(m, -1).T
    ridge = np.diag(1 / np.maximum(atlas.mode_variance[:m], 1e-6))
    amount = np.linalg.solve(design.T @ design + ridge, design.T @ (rest * root[:, None]).ravel())
    return np.asarray(np.tensordot(amount, atlas.modes[:m], 1))


def _without_drift(
    placed: FloatArray,
    frame: IntArray,
    row: IntArray,
    target: FloatArray,
    weight: FloatArray,
    frames: float,
) -> FloatArray:
    """Let the linear map change slowly: one small correction per frame, smoothed over time."""
    from scipy.ndimage import gaussian_filter1d

    start = int(frame.min())
    n = int(frame.max()) - start + 1
    design = np.c_[placed[row], np.ones(len(row))]
    normal, right = np.zeros((n, 4, 4)), np.zeros((n, 4, 3))
    at = frame[row] - start
    np.add.at(normal, at, design[:, :, None] * design[:, None, :] * weight[:, None, None])
    np.add.at(right, at, design[:, :, None] * target[:, None, :] * weight[:, None, None])
    normal = gaussian_filter1d(normal, frames, axis=0, mode="constant")
    right = gaussian_filter1d(right, frames, axis=0, mode="constant")
    hold = np.diag([30.0, 30.0, 30.0, 2.0])
    identity = np.r_[np.eye(3), np.zeros((1, 3))]
    maps = np.linalg.solve(normal + hold, right + hold @ identity)
    return np.asarray(
        np.einsum("ri,rij->rj", np.c_[placed, np.ones(len(placed))], maps[frame - start])
    )
