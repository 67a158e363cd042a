"""Classes as labelled and as trained, and the tiles that networks draw them on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fatescope.base import SettingsError
from fatescope.models import Tiling
from fatescope.prepare import THREE, UNCERTAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TILING = Tiling(tile_px=(1024, 1024), halo_px=(32, 32), divisor=(16, 16))


def merged_classes(given: Sequence[str], wanted: str) -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    """Return the classes to be trained, and a table from stored to trained numbers.

    Raises
    ------
    SettingsError
        If three classes are asked for and the labels lack them.
    """
    table = np.full(256, UNCERTAIN, np.uint8)
    if wanted == "all" or tuple(given) == THREE:
        table[: len(given)] = np.arange(len(given))
        return tuple(given), table
    if not set(THREE) <= set(given):
        raise SettingsError(
            f"classes = 'three' needs {', '.join(THREE)}, and the crops have {', '.join(given)}."
        )
    for number, name in enumerate(given):
        table[number] = THREE.index(name) if name in THREE else 0
    return THREE, table
