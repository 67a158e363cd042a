"""The recipe of a network that counts cells in frames of movies. No array library."""

from __future__ import annotations

from fatescope.base import Settings, setting
from fatescope.models.outputs import ShortName
from fatescope.train.recipe_settings import Recipe


class PopulationNetwork(Settings):
    """The network on a small frame."""

    widths: tuple[int, int, int, int] = setting((16, 32, 64, 96), "channels of its four levels")
    hidden: int = setting(128, "values between the pooled channels and the chances", ge=8)


class FrameSettings(Settings):
    """How a frame is changed before the network sees it, as other recordings may differ."""

    rows: int = setting(128, "rows of a training frame", unit="px", ge=32, multiple_of=16)
    columns: int = setting(192, "columns of a training frame", unit="px", ge=32, multiple_of=16)
    scale: float = setting(1.22, "largest factor of its size, and of 1 by it", ge=1, le=2)
    turn: float = setting(15.0, "largest angle that it is rotated by", unit="degree", ge=0, le=180)
    shift: float = setting(0.08, "largest shift, as a share of its size", ge=0, le=0.5)
    gamma: float = setting(1.5, "largest exponent of its grey values, and 1 by it", ge=1, le=3)
    noise: float = setting(0.06, "largest noise, beside a bright nucleus", ge=0, le=1)
    haze: float = setting(0.12, "most uneven light added, beside a bright nucleus", ge=0, le=1)
    neighbour: float = setting(
        0.25, "share of the frames that are given another embryo at its side", ge=0, le=1
    )
    recorded: float = setting(
        0.2, "share of the frames of a step that are from recordings, where there are any", ge=0
    )


class PopulationLoss(Settings):
    """What is minimised."""

    width: float = setting(0.7, "how wide the true number is spread over bins", unit="bins", gt=0)
    nuclei: float = setting(3.0, "weight of the map of nuclei", ge=0)
    neighbour: float = setting(0.1, "weight of whether there is a neighbour", ge=0)


class PopulationRecipe(Recipe):
    """A training of a network that counts the cells in frames of movies."""

    name: str = setting("populations", "name of the package that comes out")
    summary: str = setting(
        "Counts the cells of an embryo in frames of fluorescence movies.",
        "what the package does, in one sentence",
    )
    task: ShortName = setting("populations", "what the package is for")
    network: PopulationNetwork = setting(PopulationNetwork(), "the network")
    frames: FrameSettings = setting(FrameSettings(), "how frames are changed")
    loss: PopulationLoss = setting(PopulationLoss(), "the loss")
