"""Recipes of networks that draw outlines: crops, network, loss, fit. No array library."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Tag, model_validator

from fatescope.base import Settings, setting
from fatescope.models.inputs import Modality
from fatescope.models.outputs import ShortName
from fatescope.train.fit_settings import FitSettings
from fatescope.train.network_settings import N_OUTPUTS, LibraryNetwork
from fatescope.train.recipe_settings import Recipe, merged


class NetworkSettings(Settings):
    """The shape of the small U-Net."""

    kind: Literal["small-unet"] = setting("small-unet", "name of the network")
    widths: tuple[int, ...] = setting((16, 48, 96, 160), "channels of each level, from 1/2 to 1/16")
    blocks: tuple[int, ...] = setting((1, 2, 2, 1), "residual blocks of each level")
    n_outputs: int | None = N_OUTPUTS


def _kind(value: Any) -> str:
    """Say which class a network belongs to; a recipe that names no kind means the small U-Net."""
    kind = value.get("kind", "small-unet") if isinstance(value, dict) else value.kind
    return str(kind) if kind == "small-unet" else "library"


Network = Annotated[
    Annotated[NetworkSettings, Tag("small-unet")] | Annotated[LibraryNetwork, Tag("library")],
    Discriminator(_kind),
]


class LightSettings(Settings):
    """How intensities are changed, as microscopes, stains and cameras do."""

    gamma: tuple[float, float] = setting((0.5, 1.8), "range of the exponent put on intensities")
    blur_px: float = setting(1.5, "largest width of an added blur", unit="px", ge=0)
    noise: float = setting(0.12, "largest added noise, beside the range of the image", ge=0)
    offset: float = setting(0.12, "largest shift and slope of the background", ge=0)
    gain: tuple[float, float] = setting((0.6, 1.5), "range of a factor put on intensities")


class CropSettings(LightSettings):
    """How crops are cut from images, rotated, resized and augmented."""

    size_px: int = setting(128, "side of a crop", unit="px", ge=32, multiple_of=16)
    diameter_px: float = setting(
        22.0, "working size: median diameter of a nucleus", unit="px", gt=0
    )
    zoom: tuple[float, float] = setting(
        (0.6, 1.7), "smallest and largest size beside the working size"
    )
    stretch: float = setting(0.15, "largest change of the ratio of height to width", ge=0, lt=1)
    turn: float = setting(
        0.5, "share of crops turned by any angle, not only by quarters", ge=0, le=1
    )
    on_touching: float = setting(0.35, "share of crops placed where nuclei touch", ge=0, le=1)
    on_nucleus: float = setting(0.45, "share of crops placed on any nucleus", ge=0, le=1)
    empty: float = setting(
        0.0, "share of crops that hold nothing but noise and uneven light", ge=0, le=1
    )
    unequal: float = setting(
        0.0, "half of the crops: largest spread of the log of the brightness of nuclei", ge=0
    )
    border_px: float = setting(1.5, "reach of the touching border", unit="px", gt=0)
    rim_px: int = setting(1, "pixels along the edge of a crop that do not count", unit="px", ge=0)
    balance: float = setting(
        0.5,
        "weight of a kind of image: its nuclei to this power (0: all alike, 1: by count)",
        ge=0,
    )


class LossSettings(Settings):
    """What counts as an error, and how much."""

    dice: float = setting(0.5, "weight of the Dice loss of the foreground", ge=0)
    distance: float = setting(2.0, "weight of the error of the distance", ge=0)
    distance_error: Literal["entropy", "absolute"] = setting(
        "entropy", "cross-entropy with a soft target, or the absolute error"
    )
    border: float = setting(0.5, "weight of the touching border", ge=0)
    border_class: float = setting(6.0, "weight of a border pixel beside any other", ge=1)
    offset: float = setting(2.0, "weight of the error of the offsets", ge=0)
    near_border: float = setting(4.0, "added weight of foreground and distance at a border", ge=0)


class RecipeStage(Settings):
    """One fit: a network, its crops, its loss and its schedule."""

    seed: int = setting(0, "decides weights, crops and their order", ge=0)
    network: Network = setting(NetworkSettings(), "the network")
    crops: CropSettings = setting(CropSettings(), "the crops")
    loss: LossSettings = setting(LossSettings(), "the loss")
    fit: FitSettings = setting(FitSettings(), "the fit")

    @model_validator(mode="after")
    def _maps_are_known(self) -> Self:
        if self.network.n_outputs not in (None, 3, 5):
            raise ValueError(
                "network.n_outputs is 3 (foreground, distance, border) or 5 (and offsets)"
            )
        return self


class InstanceRecipe(RecipeStage, Recipe):
    """A training that draws outlines, as ``train/recipes/*.toml`` or a file of yours says it."""

    name: str = setting("nuclei", "name of the package that comes out")
    summary: str = setting(
        "Finds nuclei in fluorescence images and tells touching ones apart.",
        "what the package does, in one sentence",
    )
    task: ShortName | None = setting(
        None, "what the package is for; default: as the package it goes on from, or nuclei"
    )
    modality: Modality | None = setting(
        None, "kind of image; default: as the package it goes on from, or fluorescence"
    )
    polarity: Literal["bright", "dark", "any"] | None = setting(
        None, "objects are brighter or darker than their background; default: likewise, or bright"
    )
    then: tuple[RecipeStage, ...] = setting(
        (), "further fits, each from the weights and with the values of the one before"
    )

    @property
    def stages(self) -> tuple[RecipeStage, ...]:
        """All fits in their order; they are numbered from 1."""
        return (self, *self.then)

    def for_trial(self, fit: FitSettings) -> Self:
        """Return the first stage of the recipe with another fit."""
        return self.replace(fit=fit.model_dump(), then=())

    @model_validator(mode="before")
    @classmethod
    def _later_stages_say_what_differs(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("then"):
            return values
        stage = {k: v for k, v in values.items() if k in RecipeStage.model_fields}
        stages = []
        for change in values["then"]:
            if not isinstance(change, dict):
                return values
            stage = merged(stage, change)
            stages.append(stage)
        return {**values, "then": stages}

    @model_validator(mode="after")
    def _one_working_size(self) -> Self:
        if len({s.crops.diameter_px for s in self.stages}) > 1:
            raise ValueError("all stages of a recipe need the same crops.diameter_px")
        return self
