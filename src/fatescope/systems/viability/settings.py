"""What a user chooses when living and dead cells are told apart pixel by pixel."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from fatescope.base.settings import setting
from fatescope.predict.settings import ModelChoice, PredictSettings


class ViabilityChoice(ModelChoice):
    """Which model tells live from dead, in which channel, and how large nuclei are."""

    model: str = setting("viability", "name of a shipped model, or path of a package")
    channel: str | None = setting(
        None, "channel without a stain, by name or number from 0; default: bright field or phase"
    )
    diameter_px: float | None = setting(
        None, "typical diameter of a nucleus in the image", unit="px", ge=2, le=1000
    )
    diameter_um: float | None = setting(
        None, "typical diameter of a nucleus", unit="µm", gt=0, le=1000
    )

    @model_validator(mode="after")
    def _one_diameter(self) -> Self:
        if self.diameter_px is not None and self.diameter_um is not None:
            raise ValueError("give --diameter-px or --diameter-um, not both")
        return self


class ViabilitySettings(PredictSettings, ViabilityChoice):
    """What decides the result of a prediction without stains; execution is said elsewhere."""

    model: str = setting("viability", "name of a shipped model, or path of a package")
    channel: str | None = setting(
        None, "channel without a stain, by name or number from 0; default: bright field or phase"
    )
