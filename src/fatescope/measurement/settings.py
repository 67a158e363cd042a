"""What a user chooses about measuring, and when an object deserves a second look."""

from __future__ import annotations

from fatescope.base.settings import Settings, setting
from fatescope.base.steps import StepsUm


class DoubtSettings(Settings):
    """When an object is doubtful."""

    size_deviation: float = setting(
        3.5, "robust deviations of the logarithm of the size from the median", gt=0, le=100
    )
    min_ellipse_fill: float = setting(
        0.94,
        "share of its ellipse that an object must fill; two merged discs fill 0.89",
        ge=0,
        le=1,
    )
    min_ellipsoid_fill: float = setting(
        0.88, "the same in a volume; two merged balls fill 0.82", ge=0, le=1
    )
    min_score: float = setting(
        0.5, "score of the model below which an object is doubtful", ge=0, le=1
    )
    dim_deviation: float = setting(
        3.5, "robust deviations of the brightness below the median", gt=0, le=100
    )


class MeasureSettings(Settings):
    """What is to be known of the images that objects are measured in."""

    axes: str | None = setting(None, "axes of the images, letters out of TCZYX, as stored")
    spacing_um: StepsUm = setting(None, "pixel size X, or Y,X, or Z,Y,X", unit="µm")
    interval_min: float | None = setting(None, "time between frames", unit="min", gt=0)
