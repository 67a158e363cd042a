"""Small nuclei are dropped by their area in the image, not on the working grid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fatescope.base.errors import SettingsError

if TYPE_CHECKING:
    from fatescope.base.spacing import Spacing
    from fatescope.predict.plane import PlaneLabels
    from fatescope.predict.settings import NucleiSettings

_SURELY = 0.5
"""What has less than this part of the least area on the working grid is dropped there: outlines on
the two grids differ by less, and specks need not be brought back to the image."""


def least_area(settings: NucleiSettings, spacing: Spacing) -> float | None:
    """Return the area in pixels of the image that a nucleus must have, or ``None`` if not given.

    Raises
    ------
    SettingsError
        If an area in µm² is given and the pixel size is not known.
    """
    if settings.min_area_um2 is None:
        return settings.min_area_px
    um = spacing.um("YX")
    if um is None:
        raise SettingsError(
            f"min_area_um2 = {settings.min_area_um2}: the pixel size of the image is not known. "
            "Give --spacing-um too, or --min-area-px."
        )
    return settings.min_area_um2 / (um[0] * um[1])


def least_on_working_grid(least_px: float, scale: tuple[float, float]) -> int:
    """Return the working pixels below which a region is surely too small in the image."""
    return int(_SURELY * least_px * scale[0] * scale[1])


def drop_small(plane: PlaneLabels, least_px: float) -> PlaneLabels:
    """Return the plane without nuclei of fewer than ``least_px`` pixels, numbered anew."""
    area = np.zeros(plane.n + 1, np.int64)
    for _, labels in plane.bands():
        area += np.bincount(labels.reshape(-1), minlength=plane.n + 1)
    keep = area >= least_px
    keep[0] = False
    number = (np.cumsum(keep) * keep).astype(np.uint32)
    return replace(
        plane, n=int(keep.sum()), scores=plane.scores[keep[1:]], number=number[plane.number]
    )
