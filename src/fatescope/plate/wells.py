"""What the place of a well on its plate says: row, column, and whether it lies at the edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.wells import parse_well

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fatescope.base import IntArray

_FORMATS = ((2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48))


def well_places(wells: Sequence[str]) -> IntArray:
    """Return row and column of each well, both counted from 0; shape (w, 2)."""
    places = []
    for name in map(parse_well, wells):
        letters = name.rstrip("0123456789")
        row = 0
        for letter in letters:
            row = 26 * row + ord(letter) - ord("A") + 1
        places.append((row - 1, int(name[len(letters) :]) - 1))
    return np.array(places, dtype=np.int64).reshape(-1, 2)


def plate_shape(places: IntArray) -> tuple[int, int]:
    """Return rows and columns of the smallest common plate (6 to 1536 wells) that has the wells."""
    last = places.max(axis=0)
    return next(f for f in _FORMATS if last[0] < f[0] and last[1] < f[1])


def at_edge(wells: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which wells lie in the outermost rows and columns of their plate."""
    places = well_places(wells)
    last = np.array(plate_shape(places)) - 1
    return np.asarray(((places == 0) | (places == last)).any(axis=1))
