"""The 32 compact names of the published network, and what the corrected one is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import compact_name, is_cell_name
from fatescope.lineage.blind_place import blind_place, count_clock

if TYPE_CHECKING:
    from fatescope.base.lineage import Lineage
    from fatescope.base.types import FloatArray, IntArray
    from fatescope.lineage.blind_place import MeanEmbryo

_NAMES = (
    "ABa ABp EMS MS MSa MSp E Ea Ep Eal Ear Epl Epr P2 C Ca Cp Caa Cap Cpa Cpp P3 D Da Dp Daa Dap "
    "Dpa Dpp P4 Z2 Z3"
)
COMPACT_NAMES: tuple[str, ...] = tuple(_NAMES.split())
"""The label set is fixed: derived from a file it would be 30 to 35 names, another every time."""
FEATURES = ("posterior_um", "dorsal_um", "left_um", "log2_nuclei", "radius_um")
_SMOOTH_MIN = 3.0


def compact_labels(names: np.ndarray) -> IntArray:
    """Return the class of each name, -1 for what is none of the 32 (AB, P1, unnamed, ...)."""
    place = {n: i for i, n in enumerate(COMPACT_NAMES)}
    classes = {
        n: place.get(compact_name(str(n)), -1) if is_cell_name(str(n)) else -1 for n in set(names)
    }
    return np.array([classes[n] for n in names], dtype=np.int64)


def published_features(lineage: Lineage) -> FloatArray:
    """Return x, y, z, time and size as the table has them, shape (n, 5): counted from 1, in px."""
    z, y, x = lineage.position.T
    return np.stack([x + 1, y + 1, z + 1, lineage.frame + 1.0, 2 * lineage.radius_px], axis=1)


def aligned_features(lineage: Lineage, reference: MeanEmbryo) -> tuple[FloatArray, float]:
    """Return the `FEATURES` of each row, found without names, and the residual of the pose.

    A radius that is unknown, or a spacing across that is, counts as 0 µm.
    """
    place, residual = blind_place(lineage, reference)
    step = lineage.spacing.um("X")
    radius = lineage.radius_px * (step[0] if step else 0.0)
    clock = count_clock(lineage, smooth_min=_SMOOTH_MIN)
    return np.column_stack([place, clock, np.nan_to_num(radius)]), residual
