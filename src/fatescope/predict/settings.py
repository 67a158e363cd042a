"""Settings of predicting commands: what a user may choose, with units and ranges."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fatescope.acquire.reading import ImageReading
from fatescope.base.settings import Settings, setting


class ModelChoice(Settings):
    """Which model, and in which numbers; where it runs is said elsewhere and changes nothing."""

    model: str = setting(..., "name of a shipped model, or path of a package")
    precision: Literal["auto", "fp32", "int8"] = setting(
        "auto", "numbers of the network; auto takes int8 where the package has it"
    )


class PredictSettings(ImageReading, ModelChoice):
    """What every predicting command lets a user choose."""


class SizedSettings(PredictSettings):
    """How large the objects of an image are; unknown, it is estimated."""

    diameter_px: float | None = setting(
        None, "typical diameter of an object in the image", unit="px", ge=2, le=10_000
    )
    diameter_um: float | None = setting(
        None, "typical diameter of an object", unit="µm", gt=0, le=10_000
    )

    @model_validator(mode="after")
    def _one_diameter(self) -> Self:
        if self.diameter_px is not None and self.diameter_um is not None:
            raise ValueError("give --diameter-px or --diameter-um, not both")
        return self
