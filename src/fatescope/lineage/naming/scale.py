"""Spacing of tables that do not state it, from how large the embryo is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.lineage.atlas import at_phase

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.atlas import Atlas

USUAL_UM = ((1.0, 0.09, 0.09), (0.5, 0.087, 0.087), (1.0, 0.254, 0.254), (1.0, 1.0, 1.0))
"""Spacings (z, y, x) of recordings that are often met, and of tables that hold µm."""
_SNAP = 0.2
LARGE = 8
"""Nuclei at once from which the size of an embryo says something."""


def guess_spacing(
    atlas: Atlas, *, position: FloatArray, frame: IntArray
) -> tuple[float, float, float]:
    """Guess the steps z, y, x in µm of positions in planes and pixels.

    The spread of nuclei within frames is compared with the atlas at the same number of cells:
    the longer axis of the image plane with AP, the planes with the shorter axis of the compressed
    embryo. A usual spacing within a fifth of that is taken instead.

    Parameters
    ----------
    position : ndarray, shape (rows, 3)
        z, y, x; rows that are not finite do not count.

    Raises
    ------
    InputError
        If no row has a position.
    """
    finite = np.isfinite(position).all(axis=1)
    if not finite.any():
        raise InputError("no nucleus has a position. Check the columns x, y and z.")
    position, frame = position[finite], frame[finite]
    count = np.bincount(frame - frame.min())
    frames = np.flatnonzero((count >= min(LARGE, count.max())) & (count <= 350))
    if not len(frames):
        frames = np.flatnonzero(count == count.max())
    thin = frames[np.unique(np.round(np.linspace(0, len(frames) - 1, 12)).astype(int))]
    minutes, curve = atlas.count_curve
    plane, depth = [], []
    for f in thin:
        here = position[frame - frame.min() == f]
        minute = float(np.interp(np.log(len(here)), np.log(curve), minutes))
        name = atlas.alive(minute)
        phase = (minute - atlas.birth_min[name]) / atlas.life_min[name]
        mean = np.sqrt(at_phase(atlas.position, name, phase).var(0))
        spread = np.linalg.svd(here[:, 1:] - here[:, 1:].mean(0), compute_uv=False)
        long_px = spread[0] / np.sqrt(len(here)) + 1e-9
        plane.append(mean[0] / long_px)
        depth.append(float(np.sort(mean)[0]) / (here[:, 0].std() + 1e-9))
    xy, z = float(np.median(plane)), float(np.median(depth))
    near = min(USUAL_UM, key=lambda u: abs(np.log(u[2] / xy)) + 0.5 * abs(np.log(u[0] / z)))
    if abs(np.log(near[2] / xy)) < _SNAP and abs(np.log(near[0] / z)) < 3 * _SNAP:
        return near
    return round(z, 4), round(xy, 4), round(xy, 4)
