"""A recipe for networks that draw walls and the inside of embryos. No array library."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from fatescope.base import Settings, setting
from fatescope.base.steps import StepsUm
from fatescope.models.outputs import ShortName
from fatescope.train.recipe_settings import Recipe
from fatescope.train.settings import CropSettings, Network, NetworkSettings
from fatescope.train.tune_settings import TuneSettings


class MembraneCrops(Settings):
    """How crops are cut from planes of membranes and augmented, at the network's pixel size."""

    size_px: int = setting(160, "side of a crop", unit="px", ge=32, multiple_of=16)
    step_um: float = setting(
        0.2, "pixel size in the plane that the network sees", unit="µm", ge=0.02, le=5
    )
    planes: Literal[1, 3, 5, 7] = setting(
        5, "planes that the network sees: the middle one and its neighbours"
    )
    spacing_um: StepsUm = setting("0.43,0.18,0.18", "voxel of the slices, Z,Y,X", unit="µm")
    zoom: tuple[float, float] = setting((0.7, 1.4), "smallest and largest change of size")
    stretch: float = setting(0.15, "largest change of the ratio of height to width", ge=0, lt=1)
    turn: float = setting(
        0.5, "share of crops turned by any angle, not only by quarters", ge=0, le=1
    )
    on_walls: float = setting(0.9, "share of crops placed on a pixel inside of a cell", ge=0, le=1)
    alone: float = setting(
        0.15, "share of crops in which the middle plane stands in for its neighbours", ge=0, le=1
    )
    gamma: tuple[float, float] = setting((0.6, 1.6), "range of the exponent put on intensities")
    blur_px: float = setting(1.0, "largest width of an added blur", unit="px", ge=0)
    noise: float = setting(0.15, "largest added noise, beside the brightness of walls", ge=0)
    offset: float = setting(0.1, "largest shift and slope of the background", ge=0)
    gain: tuple[float, float] = setting((0.6, 1.5), "range of a factor put on intensities")

    def degradation(self, *, noise: float) -> CropSettings:
        """Return what `fatescope.train.crops.degrade` needs to know."""
        same = {n: getattr(self, n) for n in ("gamma", "blur_px", "offset", "gain")}
        return CropSettings(**same, noise=noise)


class MembraneLoss(Settings):
    """What counts as an error, and how much."""

    wall_weight: float = setting(2.0, "weight of a wall's pixel beside any other", ge=1)
    dice: float = setting(0.5, "weight of the Dice loss of walls and of the inside", ge=0)
    inside: float = setting(0.5, "weight of the inside beside walls", ge=0)


class MembraneRecipe(Recipe):
    """A training of the task ``membrane``."""

    name: ShortName = setting("membrane", "name of the package that comes out")
    summary: str = setting(
        "Finds the walls between cells and the inside of embryos in images of membranes.",
        "what the package does, in one sentence",
    )
    task: ShortName | None = setting("membrane", "what the package is for")
    network: Network = setting(
        NetworkSettings(widths=(16, 32, 64, 96), blocks=(1, 1, 2, 1)), "the network"
    )
    crops: MembraneCrops = setting(MembraneCrops(), "the crops")
    loss: MembraneLoss = setting(MembraneLoss(), "the loss")
    validation_planes: int = setting(
        8, "planes of each validation volume that are scored, spread over its cells", ge=1
    )
    tune: TuneSettings = setting(
        TuneSettings(score="iou"), "what `fatescope tune` tries; `train` ignores it"
    )

    @model_validator(mode="after")
    def _draws_two_maps(self) -> Self:
        if self.network.n_outputs not in (None, 2):
            raise ValueError("network.n_outputs is 2 here: wall and inside")
        return self
