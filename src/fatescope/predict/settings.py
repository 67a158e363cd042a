"""Settings of predicting commands: what a user may choose, with units and ranges."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fatescope.acquire.reading import ImageReading
from fatescope.base.settings import Settings, setting
from fatescope.base.steps import StepsUm


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


class NucleiSettings(SizedSettings):
    """What decides the result of a nuclei prediction; how it is executed is said elsewhere."""

    model: str = setting("nuclei", "name of a shipped model, path of a package, or classical")
    same_size: bool = setting(
        False,
        "one estimate of the diameter for all images of a run with one pixel size and channel",
    )
    foreground: float | None = setting(
        None, "least foreground of a pixel of a nucleus; default: of the model", gt=0, lt=1
    )
    core: float | None = setting(
        None,
        "least distance in a nucleus's core: lower splits less; default: of the model",
        gt=0,
        lt=1,
    )
    min_area_px: float | None = setting(
        None,
        "smaller nuclei are dropped, in pixels of the image; default: of the model",
        unit="px",
        ge=0,
    )
    min_area_um2: float | None = setting(None, "smaller nuclei are dropped", unit="µm²", ge=0)
    link: bool = setting(
        False,
        "link movies: an object keeps one number through time, daughters get their own, and "
        "tracks are listed",
    )
    labels: Literal["tif", "zarr"] = setting("tif", "format of the label images")

    @model_validator(mode="after")
    def _one_area(self) -> Self:
        if self.min_area_px is not None and self.min_area_um2 is not None:
            raise ValueError("give --min-area-px or --min-area-um2, not both")
        return self


class NucleiEmSettings(NucleiSettings):
    """What decides the result of a prediction on electron micrographs of sections."""

    model: str = setting("nuclei-em", "name of a shipped model, path of a package, or classical")


class PhaseCellsSettings(NucleiSettings):
    """What decides the result of a prediction on cells in phase contrast."""

    model: str = setting("phase-cells", "name of a shipped model, or path of a package")


class LiveDeadSettings(SizedSettings):
    """What decides which cells are found in bright field, and which of them are dead."""

    model: str = setting("live-dead", "name of a shipped model, or path of a package")
    least_score: float | None = setting(
        None, "cells with a lower score are dropped; default: of the model", ge=0, le=1
    )
    same_size: bool = setting(
        False,
        "images of one pixel size and channel are taken to show cells of one size, decided over "
        "all of them before the first is done",
    )
    dead_from: float = setting(
        0.5, "cells that are dead with at least this probability count as dead", gt=0, lt=1
    )
    labels: Literal["tif", "zarr"] = setting("tif", "format of the label images")


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


class PlateModel(ViabilityChoice):
    """What decides how the cells of a plate are found."""

    spacing_um: StepsUm = setting(None, "pixel size X, or Y,X", unit="µm")
