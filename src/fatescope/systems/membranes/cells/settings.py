"""Settings of `predict membrane`: what a user may choose, with units and ranges."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from fatescope.base.settings import setting
from fatescope.predict.settings import PredictSettings


class MembraneSettings(PredictSettings):
    """What decides the result of a membrane prediction; lengths are those of walls and cells."""

    model: str = setting(
        "membrane", "membrane, classical (ridges, no weights), or the path of a package of walls"
    )
    channel: str | None = setting(None, "channel with the membranes, by name or number from 0")
    nuclei_channel: str | None = setting(
        None, "channel with the nuclei, from which cells start, by name or number from 0"
    )
    markers: str | None = setting(
        None, "table with a row for each cell to be found: frame, z, y, x, optionally name, image"
    )
    wall_um: float = setting(
        0.37, "standard deviation of a wall's profile in the plane", unit="µm", gt=0.05, le=10
    )
    wall_depth_um: float = setting(
        0.78, "standard deviation of the profile of a wall that faces Z", unit="µm", gt=0.05, le=20
    )
    least_wall: float = setting(
        0.1,
        "ridge above which there is a wall, as a share of the brightness of its plane",
        gt=0,
        le=1,
    )
    least_wall_in_plane: float = setting(
        0.08, "the same in a single plane, where walls are cut and not summed", gt=0, le=1
    )
    surface: float = setting(
        0.22, "brightness at which the embryo begins, as a share of its plane's", gt=0, lt=1
    )
    surface_depth_um: float = setting(
        1.0, "how far inside of that the outer membrane is looked for", unit="µm", ge=0, le=20
    )
    search_um: float = setting(
        0.6, "to both sides of that, the ridge of the outer membrane", unit="µm", gt=0, le=20
    )
    outer_um: float = setting(
        0.2, "cells end so far inside of the ridge of the outer membrane", unit="µm", ge=-5, le=5
    )
    closing_um: float = setting(
        4.0, "gaps of the outer surface up to twice this are closed", unit="µm", ge=0, le=50
    )
    smooth_um: float = setting(
        0.5, "standard deviation by which borders between cells are smoothed", unit="µm", ge=0
    )
    least_cell_um: float = setting(
        1.2, "distance from the walls that a cell reaches, if it is found alone", unit="µm", gt=0
    )
    least_cell_in_plane_um: float = setting(
        0.5,
        "the same in a plane with a network: a plane may cut a cell near its end",
        unit="µm",
        gt=0,
    )
    labels: Literal["tif", "zarr"] = setting("tif", "format of the label images")

    @model_validator(mode="after")
    def _one_start(self) -> MembraneSettings:
        if self.markers is not None and self.nuclei_channel is not None:
            raise ValueError("cells start at markers or at nuclei: give one of the two")
        return self

    def least(self, ndim: int) -> float:
        """Return the ridge above which there is a wall, in a volume or in a plane."""
        return self.least_wall if ndim == 3 else self.least_wall_in_plane
