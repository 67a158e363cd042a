"""Settings of stitching and of survival; light to import, because the command line shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from fatescope.base.settings import Settings, setting

Order = Literal["rows", "snake", "columns", "snake-columns"]

# What several classes ask in the same words.
_POSITIONS = setting(
    None, "table of where the stage stood: field, y_px, x_px, and well if wells differ"
)
_ROWS = setting(None, "rows of fields; default: a square of all fields", ge=1)
_COLUMNS = setting(None, "columns of fields", ge=1)
_ORDER = setting("rows", "how fields are numbered; in a snake every second row runs back")
_OVERLAP = setting(0.1, "nominal overlap of neighbours, as a share of a field", gt=0, lt=1)
_MAP = setting(None, "plate map: well, treatment, dose, dose_unit, stain, light, control")
_TIMES = setting(
    None, "table of when frames were taken, even or not: frame, and time_h or time_min"
)
_RESPONSE = setting(
    None, "frame whose viability is the response to a dose; default: the last", ge=0
)


class StitchSettings(Settings):
    """How the fields of a well become one image."""

    channel: str | None = setting(
        None, "channel in which overlaps are matched, by name; default: the first"
    )
    positions: Path | None = _POSITIONS
    rows: int | None = _ROWS
    columns: int | None = _COLUMNS
    order: Order = _ORDER
    overlap: float = _OVERLAP
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

    map: Path | None = _MAP
    interval_min: float | None = setting(
        None,
        "time between frames; without it and without a table of times, times are in frames",
        unit="min",
        gt=0,
    )
    times: Path | None = _TIMES
    response_frame: int | None = _RESPONSE


class FollowSettings(Settings):
    """How cells are followed through the frames of a well."""

    reach: float = setting(
        1.1, "farthest step from one frame to the next, in diameters of a nucleus", gt=0, le=20
    )
    most_missed: int = setting(3, "frames in which a living cell may be missing", ge=0)
    least_frames: int = setting(
        3, "cells seen in fewer frames do not count; fewer frames in all: each must show it", ge=1
    )
    certainty: float = setting(
        0.9,
        "least probability of a death, from all frames of a cell, that is believed",
        ge=0.5,
        lt=1,
    )


class PlateRunSettings(FollowSettings):
    """What decides the fates of the cells of a plate, beside the model."""

    map: Path | None = _MAP
    fields: Literal["auto", "stitch", "separate"] = setting(
        "auto",
        "overlapping fields are placed and each cell counts once; auto: where overlaps tell how "
        "they lie, else each field stands for itself",
    )
    positions: Path | None = _POSITIONS
    rows: int | None = _ROWS
    columns: int | None = _COLUMNS
    order: Order = _ORDER
    overlap: float = _OVERLAP
    interval_min: float | None = setting(
        None,
        "time between frames, which are then taken as even; default: as the plate says",
        unit="min",
        gt=0,
    )
    times: Path | None = _TIMES
    response_frame: int | None = _RESPONSE
    at_once: int = setting(
        8,
        "frames of a field that are done together; a killed run loses no more",
        ge=1,
        advanced=True,
    )


class StainSettings(Settings):
    """How labels are made from the stains of a live/dead assay."""

    nuclei: str = setting("Hoechst", "channel that shows all nuclei, by name")
    dead: str = setting("DRAQ7", "channel that shows dead nuclei, by name (DRAQ7, PI)")
    bright_field: str = setting("BF", "channel that shows whole cells, by name")
    rule: Literal["nuclei", "block-maximum", "published"] = setting(
        "nuclei",
        "what makes a nucleus dead: its brightness over what is around it; a threshold from block "
        "maxima, with offset and noise handled; the same as published",
    )
    outlines: Literal["network", "peaks"] = setting(
        "network",
        "what draws nuclei for the rule `nuclei`: the network of `predict nuclei`; or peaks of the "
        "light, each cut where it has fallen to 0.45",
    )
    factor: float = setting(
        1.2, "factor on the peak of block maxima; published: 1.1 or 1.2", gt=1, le=10
    )
    block_px: int | None = setting(
        None,
        "side of a block; default: 50 for the published rule, else the diameter of a nucleus, so "
        "that most blocks are empty",
        unit="px",
        ge=4,
        le=1000,
    )
    offset_counts: float | None = setting(
        None, "what the camera counts in the dark; default: the lowest count of an image", ge=0
    )
    diameter_px: float | None = setting(
        None, "diameter of a nucleus; default: measured on this plate", unit="px", ge=3, le=300
    )
    low_counts: float | None = setting(
        None, "brightness in the channel of the dead below which a nucleus lives; default: found"
    )
    high_counts: float | None = setting(
        None, "brightness from which it is dead; between the two it is uncertain; default: found"
    )
    classes: Literal["5", "3"] = setting(
        "5",
        "5: background, cell, outline, nucleus with Hoechst, with DRAQ7; 3: background and nuclei",
    )
    map: Path | None = setting(
        None, "plate map; stained wells with control negative and positive then set the limits"
    )
    step: int = setting(1, "take every so many frames", ge=1, le=1000)
