"""How the learning rate moves: one small class for each schedule. No array library."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fatescope.base import Settings, setting

_METRIC = "the number of the log that is watched: loss, or a validation score"


class Constant(Settings):
    """One learning rate from the first step to the last."""

    kind: Literal["constant"] = setting("constant", "name of the schedule")


class OneCycle(Settings):
    """A short rise, then one long cosine fall to almost nothing."""

    kind: Literal["one-cycle"] = setting("one-cycle", "name of the schedule")
    warmup: float = setting(0.1, "share of the steps in which the rate rises", gt=0, lt=1)


class Cosine(Settings):
    """One cosine fall over the whole fit."""

    kind: Literal["cosine"] = setting("cosine", "name of the schedule")
    floor_ratio: float = setting(0.0, "last rate beside the first", ge=0, lt=1)


class WarmRestarts(Settings):
    """Cosine falls that restart at the first learning rate, each at least as long as the last."""

    kind: Literal["warm-restarts"] = setting("warm-restarts", "name of the schedule")
    period: int = setting(1000, "length of the first fall", unit="steps", ge=1)
    growth: int = setting(2, "length of a fall beside the one before", ge=1)
    floor_ratio: float = setting(0.0, "lowest rate beside the first", ge=0, lt=1)


class Stairs(Settings):
    """The rate falls by a factor each time a number of steps is done."""

    kind: Literal["stairs"] = setting("stairs", "name of the schedule")
    period: int = setting(1000, "length of a stair", unit="steps", ge=1)
    factor: float = setting(0.5, "rate of a stair beside the one before", gt=0, lt=1)


class Plateau(Settings):
    """The rate falls when a measured number has not become better for a while."""

    kind: Literal["plateau"] = setting("plateau", "name of the schedule")
    metric: str = setting("ap_mean", _METRIC)
    factor: float = setting(0.1, "rate after a fall beside the one before", gt=0, lt=1)
    patience: int = setting(10, "measurements without a better one that are waited for", ge=0)
    threshold: float = setting(1e-4, "share by which a number must be better to count", ge=0)
    cooldown: int = setting(0, "measurements after a fall that do not count", ge=0)
    floor_ratio: float = setting(0.0, "lowest rate beside the first", ge=0, lt=1)


class Kicks(Settings):
    """Cosine annealing with kicks: a fall to a floor; on a plateau a kick, then a lower floor."""

    kind: Literal["kicks"] = setting("kicks", "name of the schedule")
    metric: str = setting("ap_mean", _METRIC)
    percent: float = setting(25.0, "height of a kick above the floor", unit="%", gt=0)
    patience: int = setting(5, "measurements without a better one before a kick", ge=1)
    floor_ratio: float = setting(0.5, "a floor beside the one before", gt=0, lt=1)
    period: int = setting(1000, "length of a fall", unit="steps", ge=1)


Schedule = Annotated[
    Constant | OneCycle | Cosine | WarmRestarts | Stairs | Plateau | Kicks,
    Field(discriminator="kind"),
]
