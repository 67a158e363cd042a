"""What a user may say about lineage files that the files do not say."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator

from fatescope.base.settings import Settings, setting

LineageFormat = Literal["epic", "csv", "acetree", "newick", "ctc", "geff", "trackmate"]


class LineageReading(Settings):
    """Scale and format of lineage files; what is given here overrules the file."""

    spacing_um: tuple[float, ...] | None = setting(
        None, "pixel size X, or Y,X, or Z,Y,X", unit="µm"
    )
    interval_min: float | None = setting(None, "time between frames", unit="min", gt=0)
    format: LineageFormat | None = setting(
        None, "format of the input; default: recognised by content"
    )

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
