"""A recipe for networks that find cells and tell their class. No array library."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fatescope.base import Settings, setting
from fatescope.models.inputs import Modality
from fatescope.models.outputs import ShortName
from fatescope.train.recipe_settings import Recipe
from fatescope.train.settings import LightSettings


class BoxNetworkSettings(Settings):
    """The shape of the small network that proposes a box at every fourth pixel."""

    kind: Literal["box-unet"] = setting("box-unet", "name of the network")
    widths: tuple[int, int, int, int] = setting(
        (12, 32, 64, 96), "channels of each level, from 1/2 to 1/16"
    )
    blocks: tuple[int, int, int, int] = setting((0, 1, 2, 2), "residual blocks of each level")
    head: int = setting(48, "channels between the last level and what is proposed", ge=1)


class BoxCropSettings(LightSettings):
    """How crops are cut from images, resized and augmented."""

    size_px: int = setting(160, "side of a crop", unit="px", ge=32, multiple_of=16)
    diameter_px: float = setting(
        24.0, "working size: median diameter of a cell, the mean side of its box", unit="px", gt=0
    )
    zoom: tuple[float, float] = setting(
        (0.6, 1.7), "smallest and largest size beside the working size"
    )
    as_is: float = setting(0.4, "share of crops close to the working size", ge=0, le=1)
    stretch: float = setting(0.1, "largest change of the ratio of height to width", ge=0, lt=1)
    on_class: float = setting(
        0.3, "share of crops placed on a cell of the second class", ge=0, le=1
    )
    empty: float = setting(0.04, "share of crops that hold noise and uneven light", ge=0, le=1)
    least_seen: float = setting(
        0.35, "of a box that the edge cuts, the least part that must be found", gt=0, le=1
    )


class BoxLossSettings(Settings):
    """What counts as an error, and how much."""

    box: float = setting(1.0, "weight of the error of the box (1 - generalised IoU)", ge=0)
    state: float = setting(1.0, "weight of the error of the class (cross-entropy)", ge=0)
    smooth: float = setting(0.01, "share of wrong classes among the labels", ge=0, lt=0.5)


class BoxRecipe(Recipe):
    """A training of a network that finds cells and tells one of two classes."""

    name: ShortName = setting("live-dead", "name of the package that comes out")
    summary: str = setting(
        "Finds cells in bright field and says which are dead.",
        "what the package does, in one sentence",
    )
    task: Literal["live-dead"] = setting("live-dead", "what the package is for")
    modality: Modality = setting("bright-field", "kind of image")
    classes: tuple[str, str] = setting(
        ("live", "dead"), "the two classes, as the tables of boxes name them"
    )
    mirrored: bool = setting(
        True, "prediction takes the mean over the image and its mirror images; not while training"
    )
    network: BoxNetworkSettings = setting(BoxNetworkSettings(), "the network")
    crops: BoxCropSettings = setting(BoxCropSettings(), "the crops")
    loss: BoxLossSettings = setting(BoxLossSettings(), "the loss")

    @model_validator(mode="after")
    def _classes_differ(self) -> Self:
        if self.classes[0] == self.classes[1]:
            raise ValueError("classes must be two different words")
        return self
