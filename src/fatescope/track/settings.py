"""How far objects move between frames, and what it costs to divide or to appear."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting

NEVER_DIVIDES = 1e4
"""A `LinkSettings.divide` that no division is worth."""


class LinkSettings(Settings):
    """Costs of links, in natural logarithms; the defaults suit nuclei of an embryo of 50 µm."""

    step_um: float = setting(0.8, "spread of a step of one minute along each axis", unit="µm", gt=0)
    daughter_um: float = setting(
        2.4, "spread of a daughter about her mother along each axis", unit="µm", gt=0
    )
    reach_um: float = setting(9.0, "farthest step from one frame to the next", unit="µm", gt=0)
    reach_few_um: float = setting(
        18.0, "the same while there are 30 objects or fewer, which are larger", unit="µm", gt=0
    )
    keep: float = setting(6.0, "what it earns to go on", ge=0)
    divide: float = setting(6.0, "what a division costs", ge=0)
    begin: float = setting(16.0, "what an object costs that comes from nowhere", gt=0)
    most_missed: int = setting(0, "frames in which an object may be missing", unit="frames", ge=0)
    missed: float = setting(4.0, "what each frame costs in which an object is missing", ge=0)


class ObjectLinkSettings(Settings):
    """How the objects of a movie are linked; distances are measured in the movie itself."""

    reach: float = setting(
        2.0,
        "farthest step between frames, beside the usual distance of an object to its nearest "
        "neighbour; twice as far while there are 30 or fewer",
        gt=0,
    )
    divisions: bool = setting(True, "objects divide")
    most_missed: int = setting(
        2, "frames in which an object may be missing", unit="frames", ge=0, le=100
    )
    briefest: int = setting(
        1,
        "of two daughters, one that is followed in so few frames, though the movie goes on, is "
        "none: most often part of a nucleus taken for one",
        unit="frames",
        ge=0,
        le=100,
    )
