"""What a user chooses about measuring, and when an object deserves a second look."""

from __future__ import annotations

from typing import Any

from pydantic import field_validator

from fatescope.base.settings import Settings, setting


class DoubtSettings(Settings):
    """When an object is doubtful."""

    size_deviation: float = setting(
        3.5, "robust deviations of the logarithm of the size from the median", gt=0, le=100
    )
    min_ellipse_fill: float = setting(
        0.94,
        "share of its ellipse that an object must fill; two merged discs fill 0.89",
        ge=0,
        le=1,
    )
    min_score: float = setting(
        0.5, "score of the model below which an object is doubtful", ge=0, le=1
    )
    dim_deviation: float = setting(
        3.5, "robust deviations of the brightness below the median", gt=0, le=100
    )


class MeasureSettings(Settings):
    """What is to be known of the pictures that objects are measured in."""

    axes: str | None = setting(None, "axes of the pictures, letters out of TCZYX, as stored")
    spacing_um: tuple[float, ...] | None = setting(
        None, "pixel size X, or Y,X, or Z,Y,X", unit="µm"
    )
    interval_min: float | None = setting(None, "time between frames", unit="min", gt=0)

    @field_validator("spacing_um", mode="before")
    @classmethod
    def _numbers_with_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(","))
        return (value,) if isinstance(value, int | float) else value

    @field_validator("spacing_um")
    @classmethod
    def _one_to_three_sizes(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is not None and not (1 <= len(value) <= 3 and all(0 < v < 1e6 for v in value)):
            raise ValueError("give one to three positive numbers: X, or Y,X, or Z,Y,X in µm")
        return value
