"""Settings of stitching and of survival; light to import, because the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fatescope.base.settings import Settings, setting


class StitchSettings(Settings):
    """How the fields of a well become one image."""

    channel: str | None = setting(
        None, "channel in which overlaps are matched, by name; default: the first"
    )
    positions: Path | None = setting(
        None, "table of where the stage stood: field, y_px, x_px, and well if wells differ"
    )
    rows: int | None = setting(None, "rows of fields; default: a square of all fields", ge=1)
    columns: int | None = setting(None, "columns of fields", ge=1)
    order: Literal["rows", "snake", "columns", "snake-columns"] = setting(
        "rows", "how fields are numbered; in a snake every second row runs back"
    )
    overlap: float = setting(
        0.1, "nominal overlap of neighbours, as a share of a field", gt=0, lt=1
    )
    search_px: float | None = setting(
        None,
        "how far an overlap may lie from where the stage says; default: 5 % of a side, 30 at least",
        unit="px",
        gt=0,
    )
    residual_px: float = setting(
        2.0, "an overlap that disagrees by more with all others is dropped", unit="px", gt=0
    )
    offset_counts: float = setting(
        0.0, "what the camera counts in the dark; taken out before light is evened", ge=0
    )
    drift_fields: int = setting(12, "fields in which drift is measured", ge=1, advanced=True)
    null_pairs: int = setting(
        40, "pairs that cannot match, from which chance is estimated", ge=5, advanced=True
    )


class SurvivalSettings(Settings):
    """What is known about the wells whose cells are followed."""

    map: Path | None = setting(
        None, "plate map: well, treatment, dose, dose_unit, stain, light, control"
    )
    interval_min: float | None = setting(
        None, "time between frames; without it, times are in frames", unit="min", gt=0
    )
    response_frame: int | None = setting(
        None, "frame whose viability is the response to a dose; default: the last", ge=0
    )
