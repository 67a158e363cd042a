"""The 32 compact names of the published network, and what the corrected one is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.sulston import compact_name, is_cell_name
from fatescope.lineage.blind_place import blind_place, count_clock

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def compact_classes(letters: int = 3) -> tuple[str, ...]:
    """Return the compact names of that length: the 32, or the 17 of two letters."""
    return tuple(dict.fromkeys(compact_name(n, letters) for n in COMPACT_NAMES))


def compact_labels(names: np.ndarray, *, letters: int = 3) -> IntArray:
    """Return the class of each name, -1 for what is none of them (P1, unnamed, ...)."""
    place = {n: i for i, n in enumerate(compact_classes(letters))}
    classes = {
        n: place.get(compact_name(str(n), letters), -1) if is_cell_name(str(n)) else -1
        for n in set(names)
    }
    return np.array([classes[n] for n in names], dtype=np.int64)


def published_features(lineage: Lineage, columns: Sequence[str]) -> FloatArray:
    """Return columns as the table has them, shape (n, k): counted from 1, in px.

    Parameters
    ----------
    lineage : Lineage
    columns : sequence of str
        Of ``x``, ``y``, ``z``, ``time``, ``size``.
    """
    z, y, x = lineage.position.T + 1
    table = {"x": x, "y": y, "z": z, "time": lineage.frame + 1.0, "size": 2 * lineage.radius_px}
    return np.stack([table[c] for c in columns], axis=1)


def aligned_features(lineage: Lineage, reference: MeanEmbryo) -> tuple[FloatArray, float]:
    """Return the `FEATURES` of each row, found without names, and the residual of the pose.

    A radius that is unknown, or a spacing across that is, counts as 0 µm.
    """
    place, residual = blind_place(lineage, reference)
    step = lineage.spacing.um("X")
    radius = lineage.radius_px * (step[0] if step else 0.0)
    clock = count_clock(lineage, smooth_min=3.0)
    return np.column_stack([place, clock, np.nan_to_num(radius)]), residual
