"""Which faults a movie gets, and in which frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import InputError
from fatescope.base.table import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Render = Callable[[int], Pixels]
    """Of a frame by its number: any recording that can be read at any place."""

_LASTS = {
    # rule: fewest and most frames
    "black": (1, 3),
    "dark": (1, 3),
    "frozen": (3, 8),
    "duplicate": (1, 1),
    "saturated": (1, 3),
    "blurred": (1, 3),
    "cropped": (1, 3),
    "jump": (1, 3),
    "flicker": (6, 10),
    "torn": (1, 1),
    "foreign": (1, 1),
    "line": (1, 2),
    "patch": (1, 2),
}
_APART, _EDGE = 6, 4
"""Frames without fault between two faults, and at both ends of the movie."""
_TRIES = 2_000  # places for one fault


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """One fault of a recording.

    Parameters
    ----------
    rule : str
        A rule of frames as `fatescope clean` names them.
    first, last : int
        Frames, both included.
    strength : float
        How bad it is; 1 is plain to see.
    seed : int
        Of what is drawn about it.
    """

    rule: str
    first: int
    last: int
    strength: float
    seed: int

    def rng(self) -> np.random.Generator:
        """Return a generator that restarts at every frame of the fault."""
        return np.random.default_rng([self.seed, 41])


def plan_faults(
    rules: Sequence[str], *, each: int, frames: int, strength: float, seed: int
) -> list[PlannedFault]:
    """Draw where faults lie: they never touch, and leave both ends of the movie alone.

    Parameters
    ----------
    rules : sequence of str
    each : int
        How many faults of each rule.
    frames : int
        Length of the movie.
    strength : float
    seed : int

    Raises
    ------
    InputError
        If the movie is too short for so many.
    """
    rng = np.random.default_rng([seed, 40])
    taken = np.zeros(frames, dtype=np.bool_)
    taken[:_EDGE] = taken[max(frames - _EDGE, 0) :] = True
    found: list[PlannedFault] = []
    for number, rule in enumerate(r for r in rules for _ in range(each)):
        low, high = _LASTS[rule]
        for _ in range(_TRIES):
            lasts = int(rng.integers(low, high + 1))
            first = int(rng.integers(0, max(frames - lasts, 1)))
            around = slice(max(first - _APART, 0), first + lasts + _APART)
            if not taken[first : first + lasts].any() and frames >= first + lasts:
                taken[around] = True
                own = seed * 1_000 + number
                found.append(PlannedFault(rule, first, first + lasts - 1, strength, own))
                break
        else:
            raise InputError(
                f"{len(rules) * each} faults do not fit into {frames} frames. "
                "Ask for fewer, or for a longer movie."
            )
    return sorted(found, key=lambda fault: fault.first)


def fault_rows(faults: Sequence[PlannedFault]) -> Table:
    """Return one row per frame that a fault spoils: ``frame, rule``."""
    rows = [(frame, f.rule) for f in faults for frame in range(f.first, f.last + 1)]
    return Table(
        {
            "frame": np.array([r[0] for r in rows], dtype=np.int64),
            "rule": np.array([r[1] for r in rows], dtype=object),
        }
    )
