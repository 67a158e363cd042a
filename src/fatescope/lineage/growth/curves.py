"""The growth of recorded embryos on one clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fatescope.base.errors import InputError

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray, IntArray

GROUPS = ("total", "AB", "MS", "E", "C", "D", "P4", "EMS", "P1", "P2", "P3", "P0")
"""What is counted, in the order of all tables; Z2 and Z3 count as P4."""
FIRST_MIN, LAST_MIN = -40, 260
"""Minutes of the clock that curves are kept for, in steps of one."""
N_MINUTES = LAST_MIN - FIRST_MIN + 1
UNKNOWN = -1
_SAME_SHARE = 0.8
"""Of the minutes with more than four cells; tables of different embryos agree in less."""


@dataclass(frozen=True, kw_only=True)
class GrowthCurves:
    """Cells by founder for each embryo and minute.

    The clock is that of the atlas: 0 is the first division of AB, and a cell of the AB16
    generation lives 24 minutes. Each embryo was laid on it by one start and one tempo, so its own
    hurries and delays are kept.

    Parameters
    ----------
    count : ndarray of int16, shape (embryos, `N_MINUTES`, len(`GROUPS`))
        -1 where the embryo was no longer recorded.
    tempo : ndarray of float, shape (embryos,)
        Minutes of the clock from one frame to the next, in each recording.
    metadata : dict
    """

    count: IntArray
    tempo: FloatArray
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        wanted = (len(self.tempo), N_MINUTES, len(GROUPS))
        if self.count.shape != wanted or not len(self.tempo):
            raise InputError(f"`count` of growth curves must be {wanted}; got {self.count.shape}.")

    def __len__(self) -> int:
        return len(self.tempo)

    @property
    def total(self) -> IntArray:
        """Cells in all, shape (embryos, `N_MINUTES`); -1 where unknown."""
        return np.asarray(self.count[:, :, 0])

    def apart_from(self, count: IntArray) -> GrowthCurves:
        """Return the curves of all embryos but this one, so that it can be scored.

        Two embryos never have the same number of cells in more than a part of the minutes; a
        table has nearly the same as itself, thinned or cropped though it may be.

        Parameters
        ----------
        count : ndarray of int, shape (`N_MINUTES`, len(`GROUPS`))
            From `growth_of`.
        """
        own = (self.total == count[:, 0]) & (self.total != UNKNOWN)
        both = (self.total != UNKNOWN) & (count[:, 0] != UNKNOWN) & (count[:, 0] > 4)
        share = (own & both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)
        kept = share < _SAME_SHARE
        return GrowthCurves(
            count=self.count[kept], tempo=self.tempo[kept], metadata=dict(self.metadata)
        )

    def without(self, embryo: int) -> GrowthCurves:
        """Return the curves of all other embryos."""
        kept = np.arange(len(self)) != embryo
        return GrowthCurves(
            count=self.count[kept], tempo=self.tempo[kept], metadata=dict(self.metadata)
        )
