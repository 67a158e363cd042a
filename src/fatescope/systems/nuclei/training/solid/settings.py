"""A recipe for the network that draws nuclei in space. No array library."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from fatescope.base import Settings, setting
from fatescope.models.outputs import ShortName
from fatescope.train.fit_settings import FitSettings
from fatescope.train.recipe_settings import Recipe
from fatescope.train.schedule_settings import OneCycle
from fatescope.train.tune_settings import TuneSettings


class SolidNetworkSettings(Settings):
    """The shape of the U-Net of volumes."""

    widths: tuple[int, int, int] = setting(
        (16, 32, 64), "channels of each level: pixels of 2 along each axis, of 4, of 8"
    )


class SolidCrops(Settings):
    """How crops are cut from the maps of planes and changed; lengths on the network's grid."""

    size_px: int = setting(64, "rows and columns of a crop", unit="px", ge=16, multiple_of=8)
    planes: int = setting(16, "planes of a crop", ge=4, multiple_of=4)
    sizes: tuple[float, float] = setting(
        (0.6, 1.35), "each stack is drawn once more as if its nuclei were so many times as wide"
    )
    on_nuclei: float = setting(0.8, "share of crops placed on a voxel of a nucleus", ge=0, le=1)
    changed: float = setting(0.7, "share of crops whose maps are changed", ge=0, le=1)
    gamma: float = setting(0.2, "spread of the log of the exponent put on a map", ge=0, le=1)
    gain: float = setting(0.12, "spread of the log of the factor put on a map", ge=0, le=1)
    noise: float = setting(0.06, "largest added noise", ge=0, le=1)
    balance: float = setting(
        0.25,
        "weight of a kind of stack: its number to this power (0: all alike, 1: by count)",
        ge=0,
    )

    @model_validator(mode="after")
    def _sizes_rise(self) -> Self:
        if not 0 < self.sizes[0] <= self.sizes[1]:
            raise ValueError("sizes are two factors above 0, the smaller one first")
        return self


class SolidLoss(Settings):
    """What counts as an error, and how much."""

    dice: float = setting(0.5, "weight of the Dice loss of the foreground", ge=0)
    distance: float = setting(3.0, "weight of the squared error of the distance", ge=0)
    inside: float = setting(3.0, "added weight of that error inside nuclei", ge=0)


class SolidRecipe(Recipe):
    """A training of the task ``nuclei-3d``."""

    name: ShortName = setting("nuclei-3d", "name of the package that comes out")
    summary: str = setting(
        "Draws nuclei of Z stacks in space, from what the network of planes draws of each plane.",
        "what the package does, in one sentence",
    )
    task: ShortName | None = setting("nuclei-3d", "what the package is for")
    plane_model: str = setting(
        "nuclei", "name or path of the package that draws the planes, here and in prediction"
    )
    network: SolidNetworkSettings = setting(SolidNetworkSettings(), "the network")
    crops: SolidCrops = setting(SolidCrops(), "the crops")
    loss: SolidLoss = setting(SolidLoss(), "the loss")
    fit: FitSettings = setting(
        FitSettings(
            steps=2400,
            batch=4,
            learning_rate=0.003,
            schedule=OneCycle(warmup=0.15),
            weight_decay=0.0001,
            ema_decay=0.99,
            steps_per_epoch=100,
            validate_every=6,
            precision="float32",
        ),
        "the fit",
    )
    tune: TuneSettings = setting(
        TuneSettings(score="f1_50"), "what `fatescope tune` tries; `train` ignores it"
    )
