"""Recipes of networks that give each pixel a class: the live/dead assay. No array library."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from fatescope.base import Settings, setting
from fatescope.models.inputs import Modality
from fatescope.models.outputs import ShortName
from fatescope.train.recipe_settings import Recipe
from fatescope.train.settings import NetworkSettings


class ViabilityCrops(Settings):
    """How crops are augmented; where they lie, ``prepare crops`` has decided."""

    size_px: int = setting(128, "side of what the network sees of a crop", unit="px", ge=32)
    zoom: tuple[float, float] = setting((0.8, 1.25), "smallest and largest size beside the image's")
    gain: tuple[float, float] = setting((0.6, 1.6), "range of a factor put on the contrast")
    blur_px: float = setting(1.0, "largest width of an added blur", unit="px", ge=0)
    noise: float = setting(0.06, "largest added noise, beside the contrast of cells", ge=0)
    slope: float = setting(0.06, "largest slope of the light that is left over", ge=0)
    on_dead: float = setting(
        0.3, "share of crops drawn among those that hold dead nuclei", ge=0, le=1
    )


class ClassLoss(Settings):
    """Cross-entropy over pixels of known class."""

    weights: tuple[float, ...] = setting(
        (),
        "weight of a pixel of each class; empty: by how rare the class is, to the power `balance`",
    )
    balance: float = setting(
        0.5, "0: all pixels weigh the same; 1: all classes do; between: rare ones gain", ge=0, le=1
    )

    @model_validator(mode="after")
    def _weights_are_positive(self) -> ClassLoss:
        if any(w < 0 for w in self.weights) or (self.weights and not any(self.weights)):
            raise ValueError("weights are 0 or more, and one at least is above 0")
        return self


class ViabilityRecipe(Recipe):
    """A network that says of each pixel what it is, and so of each cell whether it lives."""

    name: str = setting("viability", "name of the package that comes out")
    summary: str = setting(
        "Tells living from dead cells without a stain, pixel by pixel.",
        "what the package does, in one sentence",
    )
    task: ShortName | None = setting("viability", "what the package is for")
    modality: Modality = setting("bright-field", "kind of image")
    network: NetworkSettings = setting(NetworkSettings(), "the network; its maps are the classes")
    classes: Literal["all", "three"] = setting(
        "all", "those of the labels, or of five the three: background, live and dead nuclei"
    )
    crops: ViabilityCrops = setting(ViabilityCrops(), "the crops")
    loss: ClassLoss = setting(ClassLoss(), "the loss")
    validation_planes: int = setting(
        24, "planes of validation units that are scored after an epoch, spread evenly", ge=1
    )
    limits: str = setting(
        "",
        "what the training images do not cover, in the card; for instance that they are rendered",
    )

    @model_validator(mode="after")
    def _crops_fit_the_network(self) -> ViabilityRecipe:
        if self.crops.size_px % 16:
            raise ValueError("crops.size_px must be a multiple of 16")
        return self
