"""Where the stage takes the fields of a well, and how the plate drifts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from fatescope.base.types import FloatArray
    from fatescope.simulate.plate.design import PlateDesign
    from fatescope.simulate.plate.settings import PlateSettings

MARGIN_PX = 16.0
"""Cells live so far inside the area that fields see, so that none leaves it by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Places of the ``n`` fields of a well, row by row, in px of the well."""

    nominal: FloatArray  # (n, 2) where the stage was told to go
    placed: FloatArray  # (n, 2) where it went
    drift: FloatArray  # (frames, 2) how cells have moved in the image since the first frame


def place_stage(settings: PlateSettings, design: PlateDesign, *, seed: int) -> Stage:
    """Draw the places of the fields of one well: jitter, backlash, drift."""
    rng = np.random.default_rng([seed, 42])
    rows, columns = np.divmod(np.arange(design.fields), design.field_columns)
    size = np.array([settings.height, settings.width])
    nominal = np.column_stack([rows, columns]) * size * (1 - settings.overlap)
    jitter = rng.normal(0, settings.jitter_px, nominal.shape)
    jitter[:, 1] += settings.backlash_px * (rows % 2)
    steps = rng.normal(0, settings.drift_px, (design.frames, 2))
    steps[0] = 0
    return Stage(nominal=nominal, placed=nominal + jitter, drift=np.cumsum(steps, axis=0))
