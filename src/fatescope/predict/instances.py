"""From maps to regions: the foreground, divided by the route that a model's maps belong to.

Routes are made of steps that look no further than a *reach*, so a part of a plane gives, away from
its cut edges, the same pixels as the whole plane, to the last bit. What is known only of whole
objects (area, score, what they touch) is a sum of whole numbers that parts add up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fatescope.base.errors import ModelError
from fatescope.models.outputs import DISTANCE_MAPS, OFFSET_MAPS
from fatescope.predict import climbing, voting
from fatescope.predict.regions import find_foreground

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fatescope.models.outputs import Thresholds
    from fatescope.predict.regions import Regions

_REACH_PX: dict[tuple[str, ...], int] = {
    OFFSET_MAPS: voting.REACH_PX,
    DISTANCE_MAPS: climbing.REACH_PX,
}

STEP_PX = voting.STEP_PX
"""Parts of a plane begin at multiples of this."""


def reach_px(outputs: tuple[str, ...]) -> int:
    """Return how far, in working pixels, a pixel's region can depend on its surroundings.

    Raises
    ------
    ModelError
        If nuclei cannot be made of maps with these names.
    """
    if outputs not in _REACH_PX:
        raise ModelError(
            f"the model draws {', '.join(outputs)}; nuclei are made of {', '.join(OFFSET_MAPS)}, "
            f"or of {', '.join(DISTANCE_MAPS)}."
        )
    return _REACH_PX[outputs]


def find_regions(
    maps: NDArray[np.uint8],
    thresholds: Thresholds,
    *,
    outputs: tuple[str, ...],
    own: slice | None = None,
    cut: tuple[bool, bool] = (False, False),
) -> Regions:
    """Divide the foreground of a plane, of a volume, or of a part of one, into regions.

    Parameters
    ----------
    maps : ndarray of uint8, shape (3, Y, X) or (3, Z, Y, X)
        What the model draws, each 0..255; a volume only from a model with a distance map.
    thresholds : Thresholds
    outputs : tuple of str
        What the maps are, as the model's description says: they decide the route.
    own : slice, optional
        Along the first axis of space, what this part accounts for; the rest is there to look at.
    cut : tuple of bool
        Whether the part ends before, and after, where the whole does; `reach_px` rows must then
        lie between that end and the own rows, and the part must begin at a multiple of `STEP_PX`.

    Raises
    ------
    ModelError
        If there is no route for such maps, or there are more or fewer than ``outputs`` names.
    """
    reach_px(outputs)
    if len(maps) != len(outputs):
        raise ModelError(f"the model gives {len(maps)} maps and names {', '.join(outputs)}.")
    own = own or slice(0, maps.shape[1])
    foreground = find_foreground(maps[0], least=thresholds.foreground)
    if outputs == OFFSET_MAPS:
        return voting.regions_by_votes(maps, foreground, thresholds, own=own)
    return climbing.regions_by_climbing(maps, foreground, thresholds, own=own, cut=cut)
