"""How fast an embryo develops in its recording, from the lives of its AB16 cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.numeric import complete_lives

if TYPE_CHECKING:
    from fatescope.numeric import Tracks

AB16_MIN = 24.0
"""Median life of an AB16 cell in minutes of the reference (24 frames of 60 s, 16 of 90 s)."""
NEIGHBOUR_UM = 8.2
"""Distance to the nearest nucleus at 26 cells; it falls with the cube root of their number."""
# Cells at minutes after the median birth of the AB16 cells (58 tables; beyond 350 the usual end).
_MINUTES = (-60.0, -34.0, -17.0, 0.0, 27.0, 66.0, 116.0, 129.0, 145.0)
_CELLS = (2.0, 7.0, 12.0, 24.0, 48.0, 95.0, 190.0, 280.0, 340.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Frames per minute of the reference, and the frame in which the AB16 cells are born."""

    frames_per_min: float
    ab16_birth: float


def pace_of(tracks: Tracks) -> Pace | None:
    """Return the pace, or ``None`` if fewer than two AB16 cells were seen whole."""
    lives = complete_lives(tracks)
    names = [n for n in lives if len(n) == 6 and n.startswith("AB")]
    if len(names) < 2:
        return None
    by_name = tracks.by_name()
    life = float(np.median([lives[n] for n in names]))
    birth = float(np.median([tracks.first[by_name[n]] for n in names]))
    return Pace(frames_per_min=life / AB16_MIN, ab16_birth=birth)


def expected_cells(frame: float, pace: Pace) -> float:
    """Return how many cells an embryo of this pace has in a frame; constant after about 340."""
    minutes = (frame - pace.ab16_birth) / pace.frames_per_min
    return float(2 ** np.interp(minutes, _MINUTES, np.log2(_CELLS)))
