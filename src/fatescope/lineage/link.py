"""Link the nuclei of a lineage through time, from their places alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.track import link_objects

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray
    from fatescope.track import ObjectLinkSettings


def link_detections(lineage: Lineage, settings: ObjectLinkSettings) -> Lineage:
    """Return the lineage with new links; rows without a place stay without.

    In µm where the spacing of all axes along which nuclei differ is known, else in pixels.
    """
    known = np.flatnonzero(np.isfinite(lineage.position).all(axis=1))
    parent = np.full(len(lineage), -1, dtype=np.int64)
    place = comparable_positions(lineage)[known]
    found = link_objects(place, lineage.frame[known], settings=settings)
    parent[known] = np.where(found >= 0, known[found], -1)
    return replace(lineage, parent=parent)


def comparable_positions(lineage: Lineage) -> FloatArray:
    """Return positions in one unit: (n, 3), or (n, 2) where all lie in one plane."""
    z = lineage.position[:, 0]
    axes = "YX" if not len(z) or np.nanmax(z) == np.nanmin(z) else "ZYX"
    steps = lineage.spacing.um(axes) or (1.0,) * len(axes)
    return np.asarray(lineage.position[:, -len(axes) :] * np.asarray(steps), np.float64)
