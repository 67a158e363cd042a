"""What a user chooses when whole cells are found, living and dead."""

from __future__ import annotations

from typing import Literal

from fatescope.base.settings import setting
from fatescope.predict.settings import SizedSettings


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
