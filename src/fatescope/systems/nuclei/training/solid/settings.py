"""A recipe for the network that draws nuclei in space. No array library."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from fatescope.base import Settings, setting
from fatescope.models.outputs import ShortName
from fatescope.train.fit_settings import FitSettings
from fatescope.train.recipe_settings import Recipe
from fatescope.train.schedule_settings import OneCycle, Schedule
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


class SolidFit(FitSettings):
    """Steps, optimiser, learning rate, and what is kept: short, of few large crops."""

    steps: int = setting(2400, "steps of the optimiser", ge=1)
    batch: int = setting(4, "samples in a step", ge=1)
    learning_rate: float = setting(0.003, "highest learning rate of the schedule", gt=0)
    schedule: Schedule = setting(OneCycle(warmup=0.15), "how the learning rate moves")
    weight_decay: float = setting(
        0.0001, "weight decay of matrices; biases and norms have none", ge=0
    )
    ema_decay: float = setting(
        0.99, "decay of the exponential moving average of the weights; 0: none", ge=0, lt=1
    )
    steps_per_epoch: int = setting(
        100, "steps between two checkpoints and two rows of the log", ge=1
    )
    validate_every: int = setting(6, "epochs between two scores on validation units", ge=1)


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
    fit: SolidFit = setting(SolidFit(), "the fit")
    tune: TuneSettings = setting(
        TuneSettings(score="f1_50"), "what `fatescope tune` tries; `train` ignores it"
    )
