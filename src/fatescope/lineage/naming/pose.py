"""Starting points for the pose: rotations about the long axis of the embryo, never mirrored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray


_TILT = 0.35


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
